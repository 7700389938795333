import { Conv2d } from "../../src/nn.js";
import { alone } from "./alone.js";
import type { Suite } from "./suite.js";

/** Channels, side of the map, batch. */
const shapes = { "64@56x56": [64, 56, 8], "256@14x14": [256, 14, 32] } as const;

export const conv: Suite = {
  name: "conv",
  title: "One 3×3 convolution",
  about:
    "64 → 64 channels on 56×56 maps, batch 8, and 256 → 256 on 14×14, batch 32; stride 1, no bias: the output, the gradient of the input, " +
    "and the gradient of the weights, each by itself. Weights are variables, as in training.",
  peers: ["pytorch"],
  cases: Object.keys(shapes),
  rounds: 3,
  steps: 15,
  *measures(name, purpose) {
    const [channels, side, batch] = shapes[name as keyof typeof shapes];
    const module = new Conv2d(channels, channels, { kernelSize: 3, padding: 1, bias: false });
    const shape = [batch, channels, side, side];
    yield alone("forward", module, shape, { output: true }, purpose);
    yield alone("input gradient", module, shape, { input: true }, purpose);
    yield alone("weight gradient", module, shape, { parameters: true }, purpose);
  },
};
