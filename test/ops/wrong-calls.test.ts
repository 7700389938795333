import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Graph, verify, zeros } from "../../src/engine.js";
import { FoveaError, referenceEngine, type Value } from "../../src/index.js";
import { float32, ops as o } from "../../src/nn.js";
import { type Callable, type Case, left, type Mistake, refusesMistakes } from "../support/mistakes.js";

const g = new Graph();
const maps = g.input("maps", { dtype: "float", shape: [2, 4, 6, 6] });
const vector = g.input("vector", { dtype: "float", shape: [4] });
const kernel = g.input("kernel", { dtype: "float", shape: [4, 4, 3, 3] });
const condition = o.greater(maps, 0);

/** Operands may be numbers. */
const number: readonly Mistake[] = ["7.5"];
const optional: readonly Mistake[] = ["undefined", "{}"];
const unary: Case = { args: () => [maps] };
const binary: Case = { args: () => [maps, maps], allowed: { 0: number, 1: number } };
const reduction: Case = { args: () => [maps, [2, 3], {}], allowed: { 1: ["[]"], 2: optional } };
const alongAxis: Case = { args: () => [maps, 1] };

const cases: Readonly<Record<string, Case>> = {
  abs: unary,
  add: binary,
  cast: unary,
  clip: { args: () => [maps, 0, 9], allowed: { 1: number, 2: number } },
  div: binary,
  equal: binary,
  erf: unary,
  exp: unary,
  expand: { args: () => [o.reshape(vector, [4, 1]), [4, 3]] },
  gelu: unary,
  greater: binary,
  hardSigmoid: unary,
  hardSwish: unary,
  leakyRelu: { args: () => [maps, 0.1], allowed: { 1: ["undefined", "7.5"] } },
  log: unary,
  maximum: binary,
  minimum: binary,
  mul: binary,
  neg: unary,
  pow: { args: () => [maps, 2], allowed: { 1: number } },
  prelu: { args: () => [maps, vector], allowed: { 1: number } },
  reciprocal: unary,
  relu: unary,
  relu6: unary,
  sigmoid: unary,
  sign: unary,
  silu: unary,
  softplus: unary,
  sqrt: unary,
  square: unary,
  sub: binary,
  tanh: unary,
  where: { args: () => [condition, maps, maps], allowed: { 1: number, 2: number } },

  conv: { args: () => [maps, kernel, vector, {}], allowed: { 2: ["undefined"], 3: optional } },
  convTranspose: { args: () => [maps, kernel, vector, {}], allowed: { 2: ["undefined", "7.5"], 3: optional } },
  matMul: { args: () => [maps, maps, {}], allowed: { 2: optional } },

  barrier: { args: () => [maps, vector] },
  concat: { args: () => [[maps, maps], 1] },
  pad: { args: () => [maps, { axis: 1, before: 1, after: 1 }] },
  pixelShuffle: { args: () => [maps, 2] },
  pixelUnshuffle: { args: () => [maps, 2] },
  reshape: { args: () => [maps, [2, -1]] },
  slice: { args: () => [maps, 1, 0, 2], allowed: left(3) },
  transpose: { args: () => [maps, [3, 2, 1, 0]] },

  batchNorm: { args: () => [maps, vector, vector, vector, vector, 1e-5], allowed: { 5: number } },
  batchNormTraining: { args: () => [maps, vector, vector, 1e-5], allowed: { 3: number } },
  groupNorm: { args: () => [maps, 2, vector, vector, 1e-5], allowed: { 4: number } },
  layerNorm: { args: () => [maps, [1], 1, 0, 1e-5], allowed: { 1: ["[]"], 2: number, 3: number, 4: number } },

  maxPool: { args: () => [maps, { kernelSize: 2 }] },
  averagePool: { args: () => [maps, { kernelSize: 2 }] },
  adaptiveAveragePool: { args: () => [maps, 2] },
  mapSize: { args: () => [maps, "a layer"], allowed: { 1: ["text"] } },
  replicatePad: { args: () => [maps, 1] },
  resize: { args: () => [maps, [3, 3], { mode: "nearest" }] },

  reduceLogSumExp: reduction,
  reduceMax: reduction,
  reduceMean: reduction,
  reduceSum: reduction,
  softmax: alongAxis,
  logSoftmax: alongAxis,
};

const { operators: table, ...functions } = o;
const operators = Object.entries(functions) as [string, Callable][];

/** Operators that are made of others name those. */
const within: Readonly<Record<string, string>> = {
  gelu: "Mul",
  hardSwish: "HardSigmoid",
  maximum: "Max",
  minimum: "Min",
  relu6: "Clip",
  silu: "Sigmoid",
  square: "Mul",
  batchNorm: "BatchNormalization",
  layerNorm: "Add|Mul|Sub",
  groupNorm: "Add|Mul|Sub|Reshape",
  mapSize: "a layer|nonsense",
  prelu: "reshape",
};

test("every operator is in the table", () => {
  assert.deepEqual(operators.map(([name]) => name).sort(), Object.keys(cases).sort());
});

for (const [name, operator] of operators)
  test(`ops.${name} refuses wrong arguments in one line`, async () => {
    const given = cases[name]!;
    assert.ok(operator(...(given.args() as never[])), "the right call");
    const says = new RegExp(`\\b(${name}|${within[name] ?? name})\\b`, "i");
    await refusesMistakes(name, operator, { says, ...given });
  });

/** One operand in many: of other shapes and types, of another graph, of a symbolic batch. */
const operand = fc.oneof(
  fc.record({
    dtype: fc.constantFrom("float", "float", "float", "int", "bool"),
    shape: fc.array(fc.constantFrom(0, 1, 2, 3, 4, 6, "N"), { maxLength: 5 }),
  }),
  fc.constantFrom(0, 1, -2.5, Number.POSITIVE_INFINITY),
);
const whole = fc.constantFrom(-7, -2, -1, 0, 1, 2, 3, 4, 5, 7, 65_536, 1e9, 2 ** 53, 1.5);
const side = fc.oneof(whole, fc.tuple(whole, whole), fc.array(whole, { maxLength: 3 }));
const anyOptions = fc.record(
  {
    kernelSize: side,
    stride: side,
    padding: side,
    dilation: side,
    groups: whole,
    outputPadding: side,
    ceilMode: fc.boolean(),
    countPadding: fc.boolean(),
    mode: fc.constantFrom("nearest", "bilinear", "cubic"),
    keepdims: fc.boolean(),
    transA: fc.boolean(),
    axis: whole,
    before: whole,
    after: whole,
  },
  { requiredKeys: [] },
);
const argument = fc.oneof(
  { weight: 3, arbitrary: operand },
  { weight: 2, arbitrary: whole },
  { weight: 2, arbitrary: fc.array(fc.oneof(whole, fc.constant("N")), { maxLength: 6 }) },
  { weight: 2, arbitrary: anyOptions },
);

/** The given arguments of an operator, with some replaced; descriptions of operands become inputs of a graph of their own. */
function asArguments(graph: Graph, given: readonly unknown[]): unknown[] {
  let inputs = 0;
  return given.map((arg) => {
    if (typeof arg !== "object" || arg === null || !("dtype" in arg)) return arg;
    return graph.input(`x${inputs++}`, arg as never);
  });
}
const described = (arg: unknown): unknown =>
  Array.isArray(arg) ? arg : arg instanceof Object && "type" in arg ? (arg as Value).type : arg;

const numbersIn = (shape: readonly (number | "N")[]) => shape.reduce<number>((n, d) => n * (d === "N" ? 2 : d), 1);

test("operators take any arguments, or refuse them in one line; what they take has a shape and can be computed", async () => {
  const engine = referenceEngine();
  const outcome = { taken: 0, refused: 0, computed: 0 };
  const property = fc.asyncProperty(
    fc.constantFrom(...operators.filter(([name]) => name !== "mapSize" && name !== "concat")),
    fc.array(fc.tuple(fc.nat(4), argument), { minLength: 1, maxLength: 3 }),
    async ([name, operator], changes) => {
      const graph = new Graph();
      const wanted: unknown[] = cases[name]!.args().map(described);
      for (const [at, arg] of changes) wanted[at % wanted.length] = arg;
      let results: readonly Value[];
      try {
        results = [operator(...(asArguments(graph, wanted) as never[]))].flat() as Value[];
      } catch (error) {
        assert.ok(error instanceof FoveaError, `${name}: ${(error as Error).stack}`);
        assert.ok(!error.message.includes("\n") && error.message.length < 500, error.message);
        outcome.refused++;
        return;
      }
      outcome.taken++;
      for (const { shape } of results)
        assert.ok(
          shape.every((d) => d === "N" || (Number.isSafeInteger(d) && d >= 0)),
          `${name}: [${shape}]`,
        );
      for (const [i, value] of results.entries()) graph.output(`y${i}`, value);
      verify(graph);
      const all = graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]);
      if (all.some((value) => numbersIn(value.shape) > 10_000 || value.shape.some((d) => d === 0))) return;
      const feeds = Object.fromEntries(
        [...graph.inputs].map(([input, { shape, type }]) => [
          input,
          zeros(
            type.dtype === "float" ? "float32" : type.dtype === "int" ? "int64" : "bool",
            shape.map((d) => (d === "N" ? 2 : d)),
          ),
        ]),
      );
      try {
        const computed = await (await engine.compile(graph)).run(feeds);
        for (const [i, { shape }] of results.entries()) assert.equal(computed[`y${i}`]!.data.length, numbersIn(shape));
        outcome.computed++;
      } catch (error) {
        assert.ok(error instanceof FoveaError, `${name}: ${(error as Error).stack}`);
      }
    },
  );
  await fc.assert(property, { numRuns: Number(process.env.FOVEA_FUZZ_RUNS ?? 2000), seed: 15 });
  assert.ok(Math.min(...Object.values(outcome)) > 100, JSON.stringify(outcome));
});

test("joining refuses what is no list of values that fit", () => {
  const three = g.constant(float32([2, 3], [1, 2, 3, 4, 5, 6]));
  for (const values of [[], [three, vector], [three, 1], [three, null], [1, 2], "three", new Map(), [[three]]])
    assert.throws(() => o.concat(values as never, 1), FoveaError, String(values));
  assert.throws(() => o.concat([maps, new Graph().constant(zeros("float32", [2, 4, 6, 6]))], 1), /another graph/);
});

/** Attributes by the names that operators read, of any kind. */
const attribute = fc.oneof(side, fc.boolean(), fc.constantFrom("x", null), fc.array(whole, { maxLength: 5 }));
const names = ["shape", "perm", "axis", "axes", "start", "end", "before", "after", "keepdims", "epsilon", "size"];
const more = ["strides", "pads", "dilations", "group", "kernel", "rows", "columns", "transA", "alpha", "min"];
const attributes = fc.dictionary(fc.constantFrom(...names, ...more), attribute, { maxKeys: 8 });

test("operators of the table take any inputs and attributes, or refuse them in one line", () => {
  const outcome = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...table.values()),
      fc.array(operand, { maxLength: 4 }),
      attributes,
      (op, given, asked) => {
        const graph = new Graph();
        const inputs = asArguments(graph, given).map((x) => (typeof x === "number" ? graph.scalar(x) : x));
        try {
          for (const { shape } of graph.apply(op, inputs as Value[], asked as never))
            assert.ok(
              shape.every((d) => d === "N" || (Number.isSafeInteger(d) && d >= 0)),
              `${op.name}: [${shape}]`,
            );
          outcome.taken++;
        } catch (error) {
          assert.ok(error instanceof FoveaError, `${op.name}: ${(error as Error).stack}`);
          assert.ok(!error.message.includes("\n"), error.message);
          outcome.refused++;
        }
      },
    ),
    { numRuns: Number(process.env.FOVEA_FUZZ_RUNS ?? 2000), seed: 15 },
  );
  assert.ok(Math.min(...Object.values(outcome)) > 100, JSON.stringify(outcome));
});
