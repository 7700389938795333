import { FormatError } from "../../core/errors.js";
import { sizeOf, type Tensor } from "../../core/tensor.js";
import { readCheckpoint } from "../../formats/checkpoint.js";
import type { Value } from "../../graph/graph.js";
import { createModelByName } from "../../models/index.js";
import { type PublishedNetwork, publishedNetworks } from "../../models/published.js";
import { recognizeCheckpoint } from "../../models/recognize.js";
import { BasicBlock } from "../../models/residual.js";
import { BatchNorm, Conv2d, globalAveragePool, Linear, Module, Sequential, stateOf } from "../../nn/index.js";
import { relu } from "../../ops/index.js";
import { loadState } from "../../train/weights.js";
import { GoldenFile } from "./file.js";
import { fillState } from "./filler.js";
import { checkKeys } from "./keys.js";
import { filledNetwork } from "./network.js";
import type { TrainedData } from "./trained.js";

type Keys = GoldenFile["keys"];

/**
 * The network *tiny* of the golden files, with widths given by its keys: a 3×3 convolution, batch norm and ReLU; stages of basic blocks,
 * the first of a stage with stride 2 if it has a `downsample`; a 1×1 convolution `neck` with bias and ReLU; mean over positions; `fc`.
 */
class TinyNetwork extends Module {
  static override readonly kind: string = "TinyNetwork";

  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly neck: Conv2d;
  readonly fc: Linear;
  readonly #stages: readonly Sequential[];

  constructor(keys: Keys) {
    super();
    const shapes = new Map(keys);
    const shape = (key: string): readonly number[] => {
      const found = shapes.get(key);
      if (!found) throw new FormatError(`golden file: network tiny lacks the key "${key}"`);
      return found;
    };
    const [width, channels] = shape("conv1.weight") as [number, number];
    this.conv1 = new Conv2d(channels, width, { kernelSize: 3, padding: 1, bias: false });
    this.bn1 = new BatchNorm(width);
    const stages: Sequential[] = [];
    for (let s = 1; shapes.has(`layer${s}.0.conv1.weight`); s++) {
      const blocks: Module[] = [];
      for (let b = 0; shapes.has(`layer${s}.${b}.conv1.weight`); b++) {
        const [filters, from] = shape(`layer${s}.${b}.conv1.weight`) as [number, number];
        const stride = shapes.has(`layer${s}.${b}.downsample.0.weight`) ? 2 : 1;
        const place = { stage: s - 1, block: b, blocks: 1 };
        const kind = BasicBlock.factory({ shortcut: "projection", attention: undefined });
        blocks.push(kind.create({ channels: from, width: filters, stride, dilation: 1, place }));
      }
      const stage = new Sequential(blocks);
      Object.assign(this, { [`layer${s}`]: stage });
      stages.push(stage);
    }
    const [neck, last] = shape("neck.weight") as [number, number];
    this.neck = new Conv2d(last, neck, { kernelSize: 1 });
    this.fc = new Linear(neck, shape("fc.weight")[0]!);
    this.#stages = stages;
  }

  override forward(x: Value): Value {
    const y = this.#stages.reduce((v, stage) => stage.call(v), relu(this.bn1.call(this.conv1.call(x))));
    return this.fc.call(globalAveragePool(relu(this.neck.call(y))));
  }
}

/** A tiny network has a few thousand parameters. */
const mostTiny = 2 ** 20;

/** A tiny network from its keys, with values by the filler rule. */
export function tinyNetwork(file: GoldenFile): {
  readonly model: Module;
  readonly values: ReadonlyMap<string, Tensor>;
} {
  const size = file.keys.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
  if (!(size <= mostTiny)) throw new FormatError(`golden file: a network tiny of ${size} numbers`);
  const model = new TinyNetwork(file.keys);
  const state = stateOf(model);
  checkKeys(file, state);
  const values = fillState(file.keys, Number(file.text("param_counter_start")));
  for (const [key, value] of values) state.get(key)!.value = value;
  return { model, values };
}

/** A network, and its names for reference keys. */
export type NamedNetwork = Pick<PublishedNetwork, "model" | "rename">;

/**
 * The network of a file about explanations, in evaluation mode: with trained weights (`weights_file`), from another golden file
 * (`parameters`), or filled by its own keys.
 */
export async function explainedNetwork(file: GoldenFile, data: TrainedData): Promise<NamedNetwork> {
  if (file.hasText("weights_file")) return trainedNetwork(file, data);
  const source = file.hasText("parameters") ? await otherFile(file.text("parameters"), data) : file;
  if (publishedNetworks.has(source.text("network"))) {
    const network = filledNetwork(source);
    network.fill();
    return network;
  }
  if (!source.hasText("architecture"))
    throw new FormatError(`golden file: network "${source.text("network")}" is not known, and has no architecture`);
  return { model: tinyNetwork(source).model, rename: (key) => key };
}

async function otherFile(name: string, data: TrainedData): Promise<GoldenFile> {
  if (!data.golden) throw new FormatError(`golden file: needs ${name}, and nothing says where that is`);
  return new GoldenFile(await data.golden(name));
}

/** A network with the weights of a checkpoint: as published, with the file's options, or else as recognized from the checkpoint's keys. */
async function trainedNetwork(file: GoldenFile, data: TrainedData): Promise<NamedNetwork> {
  const name = file.text("network");
  const weightsFile = file.text("weights_file");
  const { tensors, metadata } = readCheckpoint(await data.weights(weightsFile), weightsFile);
  const known = recognizeCheckpoint(tensors, metadata);
  // Options say more than keys do, for example about a module without parameters.
  const published = file.hasText("options") || !known ? publishedNetworks.get(name) : undefined;
  if (published) {
    const network = published(file.hasText("options") ? file.json("options") : {});
    loadState(network.model, tensors, { rename: network.rename });
    return network;
  }
  if (!known) throw new FormatError(`golden file: ${weightsFile} of network "${name}" is not recognized`);
  const model = createModelByName(known.model, known.options);
  const explained = new Map([...tensors].filter(([key]) => !known.unexplained.includes(key)));
  loadState(model, explained, { rename: known.rename });
  return { model, rename: known.rename };
}
