import { gradients } from "../../autodiff/gradients.js";
import { FormatError, unknownName } from "../../core/errors.js";
import { type Tensor, tensor, toFloat64 } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import type { Value } from "../../graph/graph.js";
import { publishedNetworks } from "../../models/published.js";
import {
  type AnyModule,
  BatchNorm,
  crossEntropy,
  graphFor,
  type Module,
  type Param,
  SegmentationModel,
  stateOf,
  walk,
} from "../../nn/index.js";
import { add, mul, reduceMean, square } from "../../ops/index.js";
import { relativeError } from "../compare.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import { fillInput, fillLabels, fillState } from "./filler.js";
import { checkKeys } from "./keys.js";

/** A published network, with its reference's state under our paths. */
export interface FilledNetwork {
  readonly model: Module;
  readonly state: ReadonlyMap<string, Param>;
  /** Our path of a reference key. */
  readonly rename: (key: string) => string;
  /** Sets every parameter and buffer by the filler rule. */
  fill(): void;
}

/** Builds the network that a golden file names. @throws FormatError if its keys or shapes differ. */
export function filledNetwork(file: GoldenFile): FilledNetwork {
  const name = file.text("network");
  const make = publishedNetworks.get(name);
  if (!make) throw unknownName("network", name, publishedNetworks.keys());
  const { model, rename } = make(file.hasText("options") ? file.json("options") : {});
  const state = stateOf(model);
  checkKeys(file, state, rename);
  const values = file.hasText("param_counter_start")
    ? fillState(file.keys, Number(file.text("param_counter_start")))
    : new Map<string, Tensor>();
  const fill = () => {
    for (const [key, value] of values) state.get(rename(key))!.value = value;
  };
  return { model, state, rename, fill };
}

/** Euclidean norm. */
export const norm = (t: Tensor): number => Math.sqrt(toFloat64(t).data.reduce((sum, v) => sum + v * v, 0));

/** One run of a network as a graph: outputs `logits`, `logits1`, … */
async function logitsOf(engine: Engine, model: Module, x: Tensor): Promise<Record<string, Tensor>> {
  const graph = graphFor(model);
  outputsOf(model, graph.input("input", { dtype: "float", shape: x.shape })).forEach((y, i) =>
    graph.output(`logits${i || ""}`, y),
  );
  const executable = await engine.compile(graph);
  const result = await executable.run({ input: x });
  await executable.release();
  return result;
}

/** Elements 0, n, 2n, … of a tensor, row-major. */
function everyNth(t: Tensor, n: number): Tensor {
  const data = toFloat64(t).data.filter((_, i) => i % n === 0);
  return tensor("float64", [data.length], data);
}

function outputsOf(model: Module, x: Value): readonly Value[] {
  const result: unknown = model instanceof SegmentationModel ? model.logits(x) : model.call(x);
  return Array.isArray(result) ? (result as Value[]) : [result as Value];
}

/** Sets the momentum of every batch norm, and returns a function that undoes it. */
function setMomentum(model: AnyModule, momentum: number): () => void {
  const before = new Map<BatchNorm, number>();
  walk(model, {
    module: (_path, part) => {
      if (!(part instanceof BatchNorm)) return;
      before.set(part, part.momentum);
      part.momentum = momentum;
    },
  });
  return () => {
    for (const [norm, value] of before) norm.momentum = value;
  };
}

/** Checks a whole network: logits with filled and with calibrated statistics, and loss and gradient norms of a training step. */
export async function checkNetworkFile(file: GoldenFile, engine: Engine): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  const network = filledNetwork(file);
  const { model, state, rename } = network;
  const x = fillInput(file.json("input_shape"), Number(file.text("input_counter_start")));
  // For the large outputs of segmentation networks a file has only every n-th number.
  const every = file.hasText("logits_every") ? Number(file.text("logits_every")) : 0;
  const stored = (logits: Tensor | undefined) => (logits && every ? everyNth(logits, every) : logits);
  const compareLogits = (mode: string, group: string, actual: Record<string, Tensor>) => {
    for (const [suffix, expected] of file.group(`${mode}/logits`))
      comparison.check(`${mode}/logits${suffix}`, stored(actual[`logits${suffix}`]), expected, group);
  };

  network.fill();
  compareLogits("eval", "eval_logits", await logitsOf(engine, model, x));

  const restore = setMomentum(model, 1);
  const calibration = graphFor(model, { training: true });
  outputsOf(model, calibration.input("input", { dtype: "float", shape: x.shape })).forEach((y, i) =>
    calibration.output(`logits${i}`, y),
  );
  restore();
  const calibrated = await engine.compile(calibration);
  await calibrated.run({ input: x });
  for (const [cell, value] of await calibrated.readState()) (cell as Param).value = value;
  await calibrated.release();
  compareLogits("evalcal", "evalcal_logits", await logitsOf(engine, model, x));

  network.fill();
  const graph = graphFor(model, { training: true });
  const input = graph.input("input", { dtype: "float", shape: x.shape });
  const outputs = outputsOf(model, input);
  outputs.forEach((y, i) => graph.output(`logits${i || ""}`, y));
  const [n, classes] = outputs[0]!.shape as [number, number];
  const feeds: Record<string, Tensor> = { input: x };
  let loss: Value;
  if (file.text("loss").startsWith("cross entropy")) {
    feeds.targets = fillLabels(n, classes, Number(file.text("label_counter_start")));
    loss = crossEntropy(outputs[0]!, graph.input("targets", { dtype: "float", shape: [n, classes] }));
  } else if (file.text("loss").startsWith("0.5 * (mean(y^2)")) {
    loss = outputs
      .map((y) =>
        mul(
          0.5,
          reduceMean(
            square(y),
            y.shape.map((_, i) => i),
            { keepdims: false },
          ),
        ),
      )
      .reduce((a, b) => add(a, b));
  } else throw new FormatError(`golden file: loss "${file.text("loss")}" is not known`);
  const parameters = file.json<string[]>("param_keys").map((key) => state.get(rename(key))!);
  const [dx, ...derived] = gradients(loss, [input, ...parameters.map((param) => graph.state(param))]);
  graph.output("loss", loss);
  graph.output("dx", dx!);
  derived.forEach((gradient, i) => {
    if (gradient) graph.output(`grad/${i}`, gradient);
  });
  const executable = await engine.compile(graph);
  const actual = await executable.run(feeds);
  const after = await executable.readState();
  await executable.release();

  compareLogits("train", "train_logits", actual);
  comparison.check("train/loss", actual.loss, file.tensor("train/loss"), "loss");
  const norms = (values: readonly number[]) => tensor("float64", [values.length], Float64Array.from(values));
  // Gradient norms are compared relative to the largest, as small ones carry few digits in float32. The file's own figure is relative to
  // each norm, which is too lenient for one that is almost zero, so it may not allow more than 1e-3.
  const expected = file.tensor("train/grad_norm");
  const gradNorms = norms(derived.map((_, i) => (actual[`grad/${i}`] ? norm(actual[`grad/${i}`]!) : 0)));
  const float32 = engine.name === "reference" ? 0 : 20 * relativeError(file.tensor("train/grad_norm_f32"), expected);
  const allowed = Math.max(
    comparison.tolerance("train_logits"),
    Math.min(1e-3, comparison.tolerance("grad_norm")),
    float32,
  );
  comparison.record("train/grad_norm", relativeError(gradNorms, expected), allowed);
  comparison.record("train/dx_norm", relativeError(norms([norm(actual.dx!)]), file.tensor("train/dx_norm")), allowed);
  const buffers = file.json<string[]>("buffer_keys").map((key) => norm(after.get(state.get(rename(key))!)!));
  comparison.check("train/after_norm", norms(buffers), file.tensor("train/after_norm"), "train_logits");
  return comparison;
}
