import { type AttentionChoice, attentionInfo, attentionModules } from "../../src/attention/index.js";
import { cifarNet, cifarNets, peerKeys, training } from "./nets.js";
import type { Suite } from "./suite.js";

/** Side of the maps after each stage, for modules that must know it. */
const sides = [32, 16, 8, 4];

export const cost: Suite = {
  name: "cost",
  title: "Cost of adding a module",
  about:
    "How much longer a training step of ResNet-20 (batch 128) and ResNet-18 (batch 32, 3×3 stem) on 32×32 images takes with each module in " +
    "its usual place (docs/catalogue.md), default options, than without; `bot` is in the last stage alone, as in BoTNet. Both are measured in " +
    "one process, one after the other.",
  peers: ["pytorch"],
  cases: Object.keys(cifarNets)
    .flatMap((net) =>
      [...attentionModules.values()].filter(({ kind }) => kind === "gate").map(({ name }) => `${net}+${name}`),
    )
    .filter((name) => name !== "resnet20+rga"), // ResNet-20's 16 channels are too few for its default reductions
  rounds: 1,
  steps: 3,
  baseline: "without",
  *measures(name) {
    const [net, attention = ""] = name.split("+");
    const { input, build } = cifarNet(net);
    yield training("without", build(null), input);
    const choice = [attention, optionsOf(attention, net!)] as AttentionChoice;
    yield { ...training("with", build(choice), input), peerKey: peerKeys(attention) };
  },
};

/** The size of the maps for each stage, where a module must know it. `bot` is in the last stage alone. */
function optionsOf(attention: string, net: string) {
  if (!attentionInfo(attention).sized) return {};
  const stages = net === "resnet20" ? sides.slice(0, 3) : sides;
  return stages.map((side, i) => (attention === "bot" && i < stages.length - 1 ? null : { size: [side, side] }));
}
