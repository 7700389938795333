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
    "its usual place (docs/catalogue.md), default options, than without. Both are measured in one process, one after the other.",
  peers: ["pytorch"],
  cases: Object.keys(cifarNets).flatMap((net) =>
    [...attentionModules.values()].filter(({ kind }) => kind === "gate").map(({ name }) => `${net}+${name}`),
  ),
  rounds: 1,
  steps: 3,
  baseline: "without",
  *measures(name) {
    const [net, attention = ""] = name.split("+");
    const { input, build } = cifarNet(net);
    yield training("without", build(null), input);
    const own = "size" in attentionInfo(attention).options ? sides.map((side) => ({ size: [side, side] })) : {};
    yield { ...training("with", build([attention, own] as AttentionChoice), input), peerKey: peerKeys(attention) };
  },
};
