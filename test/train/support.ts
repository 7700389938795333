import type { RunConfig } from "../../src/train/run-folder.js";

/** The configuration of a run. */
export const runConfig: RunConfig = {
  format: "fovea.run.1",
  versions: { fovea: "0.1.0", node: "20.0.0" },
  flags: { epochs: 2 },
  model: { name: "resnet20", options: { attention: ["se", {}], stem: "cifar", numClasses: 2 } },
  data: { source: "photos", kind: "folder", classes: ["cat", "dog"], validationSplit: 0.2 },
  preprocessing: { imageSize: 32, resize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  frozen: [],
  training: {
    epochs: 2,
    batch: 8,
    optimizer: { name: "sgd", settings: { lr: 0.1, nesterov: false } },
    schedule: { kind: "cosine", warmupEpochs: 0 },
    labelSmoothing: 0,
    clipNorm: null,
    ema: null,
    seed: 0,
    augment: { crop: { padding: 4 }, flip: true },
    weights: null,
    freeze: null,
    freezeUntil: null,
    headLr: null,
    gradAccumSteps: 1,
    patience: null,
    balancedSampling: false,
    augRepeats: 1,
    classWeights: null,
    layerDecay: null,
  },
};
