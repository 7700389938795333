import { attentionInfo, createAttentionByName } from "../../attention/index.js";
import { gradients } from "../../autodiff/gradients.js";
import { FormatError } from "../../core/errors.js";
import { effectiveOptions } from "../../core/options.js";
import { toFloat64, zeros } from "../../core/tensor.js";
import type { Engine } from "../../engines/engine.js";
import type { Value } from "../../graph/graph.js";
import { verify } from "../../graph/verify.js";
import { graphFor, stateOf } from "../../nn/index.js";
import { add, mul, reduceSum } from "../../ops/index.js";
import { magnitude } from "../compare.js";
import { Comparison } from "./comparison.js";
import type { GoldenFile } from "./file.js";
import { checkKeys } from "./keys.js";

/** Checks one attention module: outputs, input gradient, every parameter's gradient, and buffers after the step. */
export async function checkModuleFile(file: GoldenFile, engine: Engine): Promise<Comparison> {
  const comparison = new Comparison(engine, file);
  const x = file.tensor("x");
  const name = file.text("module");
  // Files list every argument of the call, even those without effect.
  const options = effectiveOptions(attentionInfo(name).options, file.json("options"));
  const module = createAttentionByName(name, x.shape[1]!, options);
  const state = stateOf(module);
  checkKeys(file, state);
  for (const [key, param] of state) param.value = file.tensor(`${param.kind === "buffer" ? "buffer" : "param"}/${key}`);

  const graph = graphFor(module, { training: file.text("mode") === "train" });
  const input = graph.input("x", { dtype: "float", shape: x.shape });
  const outputs = [module.call(input)].flat() as Value[];
  const feeds = { x, ...Object.fromEntries(file.group("dy")) };
  const terms = outputs.map((y, i) => {
    const dy = graph.input(`dy${i || ""}`, { dtype: "float", shape: y.shape });
    graph.output(`y${i || ""}`, y);
    return reduceSum(
      mul(y, dy),
      y.shape.map((_, axis) => axis),
      { keepdims: false },
    );
  });
  const parameters = [...state].filter(([, param]) => param.kind === "parameter");
  const [dx, ...derived] = gradients(
    terms.reduce((a, b) => add(a, b)),
    [input, ...parameters.map(([, param]) => graph.state(param))],
  );
  if (!dx) throw new FormatError("the output does not depend on the input");
  graph.output("dx", dx);
  derived.forEach((gradient, i) => {
    if (gradient) graph.output(`grad/${parameters[i]![0]}`, gradient);
  });
  verify(graph);

  const executable = await engine.compile(graph);
  const named = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name === "x" ? "x" : `dy${name}`, t]));
  const actual = await executable.run(named);
  const after = await executable.readState();
  await executable.release();

  outputs.forEach((_, i) => {
    const name = `y${i || ""}`;
    comparison.check(name, actual[name], file.tensor(name), "y");
  });
  comparison.check("dx", actual.dx, file.tensor("dx"), "dx");
  const vanishing = new Set([...file.json<string[]>("zero_grad"), ...file.json<string[]>("no_grad")]);
  const gradientScale = Math.max(...parameters.map(([key]) => magnitude(toFloat64(file.tensor(`grad/${key}`)))), 1e-30);
  for (const [key, param] of parameters) {
    const gradient = actual[`grad/${key}`] ?? zeros("float64", param.shape);
    // A gradient that is zero in exact arithmetic is rounding noise in both: only its size can be compared.
    const scale = vanishing.has(key) ? Math.max(1, gradientScale) : undefined;
    comparison.check(`grad/${key}`, gradient, file.tensor(`grad/${key}`), "grad", scale);
  }
  for (const [key, expected] of file.group("after/"))
    comparison.check(`after/${key}`, after.get(state.get(key)!), expected, "after");
  return comparison;
}
