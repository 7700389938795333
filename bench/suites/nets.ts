import { type AttentionChoice, attentionInfo, type Module, trace } from "../../src/index.js";
import { resnet } from "../../src/nn.js";
import { type ImageShape, normal, randomStep, varied } from "../workload.js";
import type { Measure, Suite } from "./suite.js";

/** Depths of the CIFAR networks, and images in a batch. */
export const cifarNets = { resnet20: { depth: 20, batch: 128 }, resnet18: { depth: 18, batch: 32 } } as const;

/** A CIFAR network by its name. @throws RangeError for another. */
export function cifarNet(name: string | undefined) {
  const net = Object.entries(cifarNets).find(([known]) => known === name)?.[1];
  if (!net) throw new RangeError(`the network must be one of ${Object.keys(cifarNets).join(", ")}, got ${name}`);
  const input = [net.batch, 3, 32, 32] as const;
  return {
    input,
    build: (attention: AttentionChoice | null) =>
      varied(resnet(net.depth, { numClasses: 10, stem: "cifar", attention })),
  };
}

/** The authors' fields for a module differ; the peers' networks have one name for all. */
export function peerKeys(attention: string): (key: string) => string {
  const { field } = attentionInfo(attention);
  const [inBlock, between] = [new RegExp(`^(layer\\d\\.\\d)\\.${field}\\.`), new RegExp(`^${field}(?=\\d\\.)`)];
  return (key) => key.replace(inBlock, "$1.attention.").replace(between, "attention");
}

/** A training step of a CIFAR network on a random batch. A check compares two losses, of which the second has seen the gradients. */
export function training(name: string, model: Module, input: ImageShape): Measure {
  return { name, model, ...randomStep(model, input, 10), runs: 2 };
}

export const nets: Suite = {
  name: "nets",
  title: "CIFAR networks",
  about:
    "ResNet-20 (batch 128) and ResNet-18 with a 3×3 stem (batch 32) on random 32×32 images, 10 classes, without attention and with CBAM " +
    "in its plain form. Training is forward, cross entropy, backward, and SGD with momentum and weight decay; inference is measured " +
    "after it in the same process.",
  peers: ["pytorch", "pytorch-bf16"],
  cases: Object.keys(cifarNets).flatMap((net) => [net, `${net}+cbam`]),
  rounds: 3,
  steps: 7,
  images: (name) => cifarNet(name.split("+")[0]).input[0],
  *measures(name) {
    const [base, attention] = name.split("+");
    const { input, build } = cifarNet(base);
    const model = build(attention === "cbam" ? ["cbam", { variant: "plain" }] : null);
    const peerKey = peerKeys("cbam");
    yield { ...training("training", model, input), peerKey };
    yield { name: "inference", model, peerKey, graph: trace(model, input), feeds: { input: normal("images", input) } };
  },
};
