import assert from "node:assert/strict";
import { test } from "node:test";
import { gradients } from "../../src/autodiff/gradients.js";
import { tensor } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import * as o from "../../src/ops/index.js";
import { noWeb, ortBlocked, ortPlain, ortWeb } from "../support/engines.js";
import { ifLong } from "../support/long.js";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Inputs with the output and the gradients that PyTorch 1.13 gives for them in float64. `dy` is 1 where it is left out. */
interface Case {
  readonly build: (...inputs: Value[]) => Value;
  readonly inputs: readonly (readonly number[])[];
  readonly shape?: readonly number[];
  readonly dy?: readonly number[];
  readonly y: readonly number[];
  readonly dx: readonly (readonly number[])[];
}

const elementwise: Record<string, Case> = {
  relu: {
    build: (x) => o.relu(x!),
    inputs: [[-1, 0, inf, -inf, 1e-31, 1e-37]],
    y: [0, 0, inf, 0, 1e-31, 1e-37],
    dx: [[0, 0, 1, 0, 1, 1]],
  },
  "relu of NaN": { build: (x) => o.relu(x!), inputs: [[nan]], y: [nan], dx: [[1]] },
  "relu, dy not finite": {
    build: (x) => o.relu(x!),
    inputs: [[-1, 0, 1, 2, -3, 0]],
    dy: [inf, inf, inf, nan, nan, -inf],
    y: [0, 0, 1, 2, 0, 0],
    dx: [[0, 0, inf, nan, 0, 0]],
  },
  "square root of relu": {
    build: (x) => o.sqrt(o.relu(x!)),
    inputs: [[-1, 0, 4]],
    y: [0, 0, 2],
    dx: [[0, 0, 0.25]],
  },
  "norm over a scaled relu": {
    build: (x) => o.mul(o.pow(o.mul(o.relu(x!), 4), 0.5), o.relu(x!)),
    inputs: [[-1, 1]],
    y: [0, 2],
    dx: [[0, 3]],
  },
  relu6: { build: (x) => o.relu6(x!), inputs: [[-1, 0, 6, 7, 3]], y: [0, 0, 6, 6, 3], dx: [[0, 0, 0, 0, 1]] },
  "relu6, dy not finite": {
    build: (x) => o.relu6(x!),
    inputs: [[-1, 0, 6, 7, 3]],
    dy: [inf, nan, inf, nan, inf],
    y: [0, 0, 6, 6, 3],
    dx: [[0, 0, 0, 0, inf]],
  },
  "hard sigmoid": {
    build: (x) => o.hardSigmoid(x!),
    inputs: [[-4, 4, 0, -inf, inf]],
    dy: [6, 6, 6, 6, 6],
    y: [0, 1, 0.5, 0, 1],
    dx: [[0, 0, 1, 0, 0]],
  },
  "leaky relu": { build: (x) => o.leakyRelu(x!, 0.5), inputs: [[-2, 0, 2]], y: [-1, 0, 2], dx: [[0.5, 0.5, 1]] },
  abs: { build: (x) => o.abs(x!), inputs: [[-2, 0, 2]], y: [2, 0, 2], dx: [[-1, 0, 1]] },
  sqrt: { build: (x) => o.sqrt(x!), inputs: [[0, 1]], y: [0, 1], dx: [[inf, 0.5]] },
  log: { build: (x) => o.log(x!), inputs: [[0, 1]], y: [-inf, 0], dx: [[inf, 1]] },
  exp: { build: (x) => o.exp(x!), inputs: [[-inf, inf, 0]], y: [0, inf, 1], dx: [[0, inf, 1]] },
  sigmoid: { build: (x) => o.sigmoid(x!), inputs: [[-inf, inf, 0]], y: [0, 1, 0.5], dx: [[0, 0, 0.25]] },
  tanh: { build: (x) => o.tanh(x!), inputs: [[-inf, inf, 0]], y: [-1, 1, 0], dx: [[0, 0, 1]] },
  div: {
    build: (a, b) => o.div(a!, b!),
    inputs: [
      [1, -1, 1],
      [0, 0, inf],
    ],
    y: [inf, -inf, 0],
    dx: [
      [inf, inf, 0],
      [-inf, inf, 0],
    ],
  },
  maximum: {
    build: (a, b) => o.maximum(a!, b!),
    inputs: [
      [1, 2, 1, 0],
      [1, 1, 3, 0],
    ],
    dy: [1, inf, inf, 2],
    y: [1, 2, 3, 0],
    dx: [
      [0.5, inf, 0, 1],
      [0.5, 0, inf, 1],
    ],
  },
  "maximum of NaN": {
    build: (a, b) => o.maximum(a!, b!),
    inputs: [
      [nan, 1, nan],
      [1, nan, nan],
    ],
    y: [nan, nan, nan],
    dx: [
      [1, 1, 1],
      [1, 1, 1],
    ],
  },
  "minimum of NaN": {
    build: (a, b) => o.minimum(a!, b!),
    inputs: [
      [nan, 1, nan],
      [1, nan, nan],
    ],
    y: [nan, nan, nan],
    dx: [
      [1, 1, 1],
      [1, 1, 1],
    ],
  },
  minimum: {
    build: (a, b) => o.minimum(a!, b!),
    inputs: [
      [1, 2, 1, 0],
      [1, 1, 3, 0],
    ],
    dy: [1, inf, inf, 2],
    y: [1, 1, 1, 0],
    dx: [
      [0.5, 0, inf, 1],
      [0.5, inf, 0, 1],
    ],
  },
  where: {
    build: (a, b) => o.where(o.greater(a!, 0), a!, b!),
    inputs: [
      [1, -1],
      [2, 2],
    ],
    dy: [inf, nan],
    y: [1, 2],
    dx: [
      [inf, 0],
      [0, nan],
    ],
  },
};

const reductions: Record<string, Case> = {
  "reduceMax, ties go to the first": {
    build: (x) => o.reduceMax(x!, [1]),
    shape: [2, 3],
    inputs: [[0, 0, 0, 1, 2, 2]],
    dy: [1, 1],
    y: [0, 2],
    dx: [[1, 0, 0, 0, 1, 0]],
  },
  "reduceMax, all −∞": {
    build: (x) => o.reduceMax(x!, [1]),
    shape: [1, 2],
    inputs: [[-inf, -inf]],
    dy: [1],
    y: [-inf],
    dx: [[1, 0]],
  },
  "reduceMax, NaN: the first of them": {
    build: (x) => o.reduceMax(x!, [1]),
    shape: [2, 5],
    inputs: [[1, nan, 3, nan, 2, 1, 2, 3, 3, 0]],
    dy: [2, 3],
    y: [nan, 3],
    dx: [[0, 2, 0, 0, 0, 0, 0, 3, 0, 0]],
  },
  "maxPool, NaN: the last of a window": {
    build: (x) => o.maxPool(x!, { kernelSize: 3, stride: 1, padding: 1 }),
    shape: [1, 1, 4, 4],
    inputs: [[0, 0, 0, 0, 0, nan, nan, 0, 0, nan, 0, 0, 0, 0, 0, 0.5]],
    dy: Array(16).fill(1),
    y: [...Array(15).fill(nan), 0.5],
    dx: [[0, 0, 0, 0, 0, 1, 5, 0, 0, 9, 0, 0, 0, 0, 0, 1]],
  },
  "reduceMax, dy not finite": {
    build: (x) => o.reduceMax(x!, [1]),
    shape: [3, 2],
    inputs: [[1, 2, 4, 3, 5, 5]],
    dy: [inf, nan, -inf],
    y: [2, 4, 5],
    dx: [[0, inf, nan, 0, -inf, 0]],
  },
  "reduceLogSumExp of large numbers": {
    build: (x) => o.reduceLogSumExp(x!, [1]),
    shape: [1, 2],
    inputs: [[100, 100]],
    dy: [2],
    y: [100 + Math.log(2)],
    dx: [[1, 1]],
  },
  "reduceLogSumExp of +∞": {
    build: (x) => o.reduceLogSumExp(x!, [1]),
    shape: [1, 2],
    inputs: [[inf, 0]],
    y: [inf],
    dx: [[nan, 0]],
  },
  "reduceLogSumExp of −∞ alone": {
    build: (x) => o.reduceLogSumExp(x!, [1]),
    shape: [1, 2],
    inputs: [[-inf, -inf]],
    y: [-inf],
    dx: [[nan, nan]],
  },
  "reduceMax, +∞ among others": {
    build: (x) => o.reduceMax(x!, [1]),
    shape: [1, 3],
    inputs: [[1, inf, 2]],
    y: [inf],
    dx: [[0, 1, 0]],
  },
  "softmax, a masked logit": {
    build: (x) => o.softmax(x!, 1),
    shape: [1, 3],
    inputs: [[0, -inf, 0]],
    dy: [1, 0, 0],
    y: [0.5, 0, 0.5],
    dx: [[0.25, 0, -0.25]],
  },
};

const engines: readonly Engine[] = [referenceEngine(), ortPlain, ortBlocked, ...(noWeb ? [] : [ortWeb])];

const floats = (shape: readonly number[], data: readonly number[]) => tensor("float32", shape, Float32Array.from(data));

interface Outcome {
  readonly y: readonly number[];
  readonly dx: readonly (readonly number[])[];
}

/** A function on an engine, with its output and gradients. */
async function prepare(engine: Engine, build: Case["build"], shape: readonly number[], count: number) {
  const graph = new Graph(true);
  const values = Array.from({ length: count }, (_, i) => graph.input(`x${i}`, { dtype: "float", shape }));
  const y = build(...values);
  const dy = graph.input("dy", { dtype: "float", shape: y.shape });
  const loss = o.reduceSum(
    o.mul(y, dy),
    y.shape.map((_, i) => i),
    { keepdims: false },
  );
  graph.output("y", y);
  gradients(loss, values).forEach((dx, i) => dx && graph.output(`dx${i}`, dx));
  const executable = await engine.compile(graph);
  return {
    async run(inputs: Case["inputs"], dyData: readonly number[]): Promise<Outcome> {
      const feeds = Object.fromEntries(inputs.map((data, i) => [`x${i}`, floats(shape, data)]));
      const out = await executable.run({ ...feeds, dy: floats(y.shape as number[], dyData) });
      const numbers = (name: string) => Array.from(out[name]!.data, Number);
      return { y: numbers("y"), dx: inputs.map((_, i) => numbers(`dx${i}`)) };
    },
    release: () => executable.release(),
  };
}

async function run(
  engine: Engine,
  build: Case["build"],
  shape: readonly number[],
  inputs: Case["inputs"],
  dyData: readonly number[],
): Promise<Outcome> {
  const prepared = await prepare(engine, build, shape, inputs.length);
  const outcome = await prepared.run(inputs, dyData);
  await prepared.release();
  return outcome;
}

function assertNear(actual: readonly number[], expected: readonly number[], what: string): void {
  const near = (a: number, b: number) =>
    Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-5 * Math.max(1e-30, Math.abs(b));
  assert.ok(
    actual.length === expected.length && actual.every((v, i) => near(v, expected[i]!)),
    `${what}: [${actual}] is not [${expected}]`,
  );
}

/** In blocks of channels: 16 equal channels, which a convolution that changes nothing brings into that layout. */
const channels = 16;
const inMaps = (x: Value) => {
  const ones = x.graph.constant(floats([channels, 1, 1, 1], Array(channels).fill(1)));
  return o.conv(x, ones, undefined, { groups: channels });
};
const repeated = (data: readonly number[]) => Array.from({ length: channels }, () => data).flat();

for (const engine of engines) {
  for (const [name, { build, inputs, shape, y, dy = y.map(() => 1), dx }] of Object.entries({
    ...elementwise,
    ...reductions,
  }))
    test(`${engine.name}, ${name}`, async () => {
      const found = await run(engine, build, shape ?? [inputs[0]!.length], inputs, dy);
      assertNear(found.y, y, "y");
      dx.forEach((expected, i) => assertNear(found.dx[i]!, expected, `dx${i}`));
    });
  for (const [name, { build, inputs, y, dy = y.map(() => 1), dx }] of Object.entries(elementwise))
    test(`${engine.name}, ${name}, maps of a convolution`, async () => {
      const maps = (...values: Value[]) => build(...values.map(inMaps));
      const shape = [1, channels, 1, inputs[0]!.length];
      const found = await run(engine, maps, shape, inputs.map(repeated), repeated(dy));
      assertNear(found.y, repeated(y), "y");
      dx.forEach((expected, i) => assertNear(found.dx[i]!, repeated(expected), `dx${i}`));
    });
}

/** Maxima of maps [1,16,2,2], by what they go over. */
const maxima: Readonly<Record<string, (x: Value) => Value>> = {
  "over positions": (x) => o.reduceMax(x, [2, 3]),
  "over channels": (x) => o.reduceMax(x, [1]),
  "over rows": (x) => o.reduceMax(x, [3]),
  "over columns": (x) => o.reduceMax(x, [2]),
  "over all": (x) => o.reduceMax(x, [1, 2, 3]),
  "over windows": (x) => o.maxPool(x, { kernelSize: 2, stride: 1, padding: 1 }),
  "over dilated windows": (x) => o.maxPool(x, { kernelSize: 2, stride: 1, padding: 1, dilation: 2 }),
  "over windows that end outside": (x) => o.maxPool(x, { kernelSize: 2, stride: 2, padding: 1, ceilMode: true }),
};

/** What maxima often get wrong: NaN (in two places), infinities, ties, numbers whose differences are tiny. */
const contents: Readonly<Record<string, (channel: number, position: number) => number>> = {
  "a NaN": (c, i) => (c === 3 && i === 1 ? nan : c - i),
  "a NaN first": (c, i) => (c + i === 0 ? nan : c - i),
  "a NaN last": (c, i) => (c + i === 18 ? nan : c - i),
  "many NaN": (c, i) => ((c + i) % 3 === 0 ? nan : c - i),
  "NaN alone": () => nan,
  "NaN among zeros": (c, i) => ((5 * c + i) % 7 === 3 ? nan : 0),
  "NaN beside +∞": (c, i) => [nan, inf, 2, 1][(c + 3 * i) % 4]!,
  "NaN beside −∞": (c, i) => [nan, -inf, -inf, -inf][(c + 3 * i) % 4]!,
  "+∞": (c, i) => (c === 5 && i > 1 ? inf : i),
  "−∞ alone": () => -inf,
  "+∞ beside −∞": (c, i) => [inf, -inf, 2, 1][(c + 3 * i) % 4]!,
  "+∞ beside −∞, and a NaN": (c, i) => (c === 3 && i === 1 ? nan : [-inf, inf, inf, -inf][(c + 2 * i) % 4]!),
  "numbers whose sums overflow both ways": (c, i) => [3e38, 3.2e38, -3e38, -3.2e38][(c + i) % 4]!,
  "numbers whose sums overflow to −∞": (c, i) => -3e38 - c * 1e36 - i * 1e35,
  "the lowest numbers": (c, i) => ((c + i) % 3 === 0 ? -3.4028234663852886e38 : -inf),
  "zeros, as a ReLU leaves them": () => 0,
  "tiny numbers": (c, i) => 1e-31 * (1 + ((7 * c + 3 * i) % 5)),
};

const reference = referenceEngine();
for (const engine of engines.slice(1))
  for (const [over, maximum] of Object.entries(maxima))
    test(`${engine.name}, maxima ${over} are those of the definition`, async () => {
      for (const build of [maximum, (x: Value) => maximum(inMaps(x))]) {
        const shape = [1, channels, 2, 2];
        const size = (build(new Graph().input("x", { dtype: "float", shape })).shape as number[]).reduce(
          (a, b) => a * b,
        );
        const dy = Array<number>(size).fill(1);
        const both = await Promise.all([reference, engine].map((e) => prepare(e, (x) => build(x!), shape, 1)));
        for (const [what, at] of Object.entries(contents)) {
          const data = Array.from({ length: channels * 4 }, (_, k) => Math.fround(at(Math.floor(k / 4), k % 4)));
          const [expected, found] = await Promise.all(both.map((prepared) => prepared.run([data], dy)));
          assertNear(found!.y, expected!.y, `${what}: y`);
          assertNear(found!.dx[0]!, expected!.dx[0]!, `${what}: dx`);
        }
        await Promise.all(both.map((prepared) => prepared.release()));
      }
    });

/** What maps are divided by, [N|1,C,1,1], [N,1,H,W] or of full size, and what a product with a reciprocal gets wrong there. */
const divisors: Readonly<Record<string, readonly number[]>> = {
  "of each image and channel": [2, channels, 1, 1],
  "of each channel": [1, channels, 1, 1],
  "of each position": [2, 1, 2, 2],
  "of each row": [2, channels, 2, 1],
  "of each element": [2, channels, 2, 2],
};
const extremes = [1e-40, 0, -0, 1, -1e-44, 3e38, inf, nan, -2.5e-39, 1e-38, 7, -inf];
const dividends = [1, 1e-40, 0, -3, 1e-41, inf, 2e-39, -1e-44];

for (const engine of engines.slice(1))
  for (const [what, shape] of Object.entries(divisors))
    for (const [name, apply] of Object.entries({ div: o.div, mul: o.mul, add: o.add, sub: o.sub }))
      test(`${engine.name}, ${name} of maps by a number ${what} is exact from the smallest to infinity`, {
        skip: name !== "div" && what !== "of each channel" && ifLong,
      }, async () => {
        const graph = new Graph();
        const full = [2, channels, 2, 2];
        const size = (of: readonly number[]) => of.reduce((a, b) => a * b);
        const x = graph.input("x", { dtype: "float", shape: full });
        const b = graph.input("b", { dtype: "float", shape });
        graph.output("y", inMaps(apply(inMaps(x), b)));
        const feeds = {
          x: floats(
            full,
            Array.from({ length: size(full) }, (_, i) => dividends[(i + Math.floor(i / 9)) % dividends.length]!),
          ),
          b: floats(
            shape,
            Array.from({ length: size(shape) }, (_, i) => extremes[i % extremes.length]!),
          ),
        };
        const [expected, found] = await Promise.all(
          [reference, engine].map(async (e) => {
            const executable = await e.compile(graph);
            const { y } = await executable.run(feeds);
            await executable.release();
            return Array.from(y!.data, Number);
          }),
        );
        expected!.forEach((v, i) => {
          const want = Math.fround(v);
          const near = Object.is(want, found![i]) || Math.abs(want - found![i]!) <= 1e-6 * Math.abs(want) + 3e-45;
          assert.ok(near || want === found![i], `${i}: ${found![i]} is not ${want}`);
        });
      });
