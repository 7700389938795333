import { FormatError, unknownName } from "../../core/errors.js";
import { readCheckpoint } from "../../formats/checkpoint.js";
import type { Value } from "../../graph/graph.js";
import { createModelByName } from "../../models/index.js";
import { publishedNetworks } from "../../models/published.js";
import { recognizeCheckpoint } from "../../models/recognize.js";
import { BatchNorm, Conv2d, globalAveragePool, Linear, Module, stateOf } from "../../nn/index.js";
import { add, relu } from "../../ops/index.js";
import { loadState } from "../../train/weights.js";
import type { GoldenFile } from "./file.js";
import { fillState } from "./filler.js";
import type { TrainedData } from "./trained.js";

/** 3×3 convolution, norm, rectifier, twice, with a shortcut. */
class TinyBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly downsample: readonly [Conv2d, BatchNorm] | null;

  constructor(channels: number, filters: number, stride: number) {
    super();
    this.conv1 = new Conv2d(channels, filters, { kernelSize: 3, padding: 1, stride, bias: false });
    this.bn1 = new BatchNorm(filters);
    this.conv2 = new Conv2d(filters, filters, { kernelSize: 3, padding: 1, bias: false });
    this.bn2 = new BatchNorm(filters);
    this.downsample =
      stride > 1
        ? [new Conv2d(channels, filters, { kernelSize: 1, stride, bias: false }), new BatchNorm(filters)]
        : null;
  }

  override forward(x: Value): Value {
    const y = this.bn2.call(this.conv2.call(relu(this.bn1.call(this.conv1.call(x)))));
    return relu(add(y, this.downsample ? this.downsample[1].call(this.downsample[0].call(x)) : x));
  }
}

/** The network `tiny` of golden files: every kind of layer that explanations treat apart, with a convolution that has a bias. */
class TinyNetwork extends Module {
  readonly conv1 = new Conv2d(3, 8, { kernelSize: 3, padding: 1, bias: false });
  readonly bn1 = new BatchNorm(8);
  readonly layer1 = [new TinyBlock(8, 8, 1)];
  readonly layer2 = [new TinyBlock(8, 16, 2)];
  readonly layer3 = [new TinyBlock(16, 24, 2)];
  readonly neck = new Conv2d(24, 24, { kernelSize: 1 });
  readonly fc = new Linear(24, 5);

  override forward(x: Value): Value {
    const stem = relu(this.bn1.call(this.conv1.call(x)));
    const maps = [this.layer1, this.layer2, this.layer3].reduce((y, [block]) => block!.call(y), stem);
    return this.fc.call(globalAveragePool(relu(this.neck.call(maps))));
  }
}

/** Networks whose parameters follow the filler rule, by the name in the files. */
const filled: Readonly<Record<string, () => Module>> = {
  tiny: () => new TinyNetwork(),
  "cifar-resnet20-cbam of networks/ (eval)": () =>
    publishedNetworks.get("simam-repo-cifar")!({
      arch: "resnet20",
      attention: "cbam",
      reduction: 16,
      numClasses: 10,
    }).model,
};

/**
 * The network that a golden file of explanations is about, with its weights: published ones, or those of the filler rule.
 *
 * @throws OptionError if its name is not known. @throws FormatError if the weights are of no network we know.
 */
export async function explainedNetwork(file: GoldenFile, data: TrainedData): Promise<Module> {
  const name = file.text("network");
  if (file.hasText("weights_file")) {
    const weightsFile = file.text("weights_file");
    const { tensors } = readCheckpoint(await data.weights(weightsFile), weightsFile);
    const found = recognizeCheckpoint(tensors);
    if (!found) throw new FormatError(`${weightsFile}: weights of no network that is known`);
    const model = createModelByName(found.model, found.options);
    loadState(model, tensors, { rename: found.rename });
    return model;
  }
  if (!Object.hasOwn(filled, name)) throw unknownName("network", name, Object.keys(filled));
  const model = filled[name]!();
  const state = stateOf(model);
  const start = file.hasText("param_counter_start") ? Number(file.text("param_counter_start")) : 1;
  const values = fillState(
    [...state].map(([key, { shape }]) => [key, shape] as const),
    start,
  );
  for (const [key, value] of values) state.get(key)!.value = value;
  return model;
}
