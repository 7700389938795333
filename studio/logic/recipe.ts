/** Weights from a file, and the network they are of. */
export interface Pretrained {
  /** Name of the file, which the page has stored. */
  readonly file: string;
  readonly network: string;
  /** The options that build that network, without its classes. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a person chooses for a training. The page turns it into a run's configuration, the command line into flags. */
export interface Settings {
  /** Name of the network in the catalogue. */
  readonly network: string;
  /** Name of an attention module; null: none. */
  readonly attention: string | null;
  /** In place of the network's blocks' own, or put into the finished network, where it begins as the identity. */
  readonly placement: "built in" | "inserted";
  /** Side of the square input, in pixels. */
  readonly imageSize: number;
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number;
  readonly augment: boolean;
  readonly seed: number;
  /** Null: random weights. */
  readonly pretrained: Pretrained | null;
  /** With pretrained weights: leave them as they are, and train the classifier and what was inserted. */
  readonly headOnly: boolean;
  /** What computes in the page: the processor, or the graphics card. */
  readonly device: "cpu" | "webgpu";
  /** Threads of the processor in the page. */
  readonly threads: number;
}

export const defaultSettings: Settings = {
  network: "resnet20",
  attention: "cbam",
  placement: "built in",
  imageSize: 32,
  epochs: 12,
  batch: 16,
  optimizer: "adamw",
  lr: 0.003,
  augment: true,
  seed: 0,
  pretrained: null,
  headOnly: true,
  device: "cpu",
  threads: 1,
};

/** The networks that train in a page in a time that one waits. */
export const smallNetworks = ["resnet20", "resnet32", "mobilenetv1_025", "mobilenetv2_100", "resnet18"] as const;

/** Images per step for so many images: about eight steps an epoch, so that a few images are seen often. */
export const usualBatch = (images: number): number =>
  Math.min(64, Math.max(8, 2 ** Math.floor(Math.log2(Math.max(1, images / 8)))));
