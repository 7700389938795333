import { attentionModules, createAttentionByName } from "../../src/attention/index.js";
import { varied } from "../workload.js";
import { alone, everything } from "./alone.js";
import type { Suite } from "./suite.js";

/** Channels and side of the map. */
const shapes = { "64@56x56": [64, 56], "256@14x14": [256, 14] } as const;
const batch = 16;

export const modules: Suite = {
  name: "modules",
  title: "Attention modules alone",
  about:
    `Modules of the catalogue with their default options, batch ${batch}: the output, the gradient of the input, and those of all parameters, ` +
    "in training mode. PyTorch's side is each formula written plainly (`bench/peers/modules.py`). The time includes two multiplications by " +
    "a number, on both sides, that make the input and the gradient of the output. `bot` is measured on the small maps alone: each of its " +
    "affinities, four heads of (H·W)² numbers, would take 2.5 GB on the large ones.",
  peers: ["pytorch"],
  cases: [...attentionModules.keys()]
    .flatMap((name) => Object.keys(shapes).map((shape) => `${name}/${shape}`))
    .filter((name) => name !== "bot/64@56x56"),
  rounds: 3,
  steps: 7,
  *measures(name, purpose) {
    const [module, shape] = name.split("/") as [string, keyof typeof shapes];
    const [channels, side] = shapes[shape];
    // A module that must know the size of its maps is told.
    const options = attentionModules.get(module)!.sized ? { size: [side, side] } : {};
    const built = varied(createAttentionByName(module, channels, options));
    yield alone("forward and backward", built, [batch, channels, side, side], everything, purpose);
  },
};
