import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "../../src/core/rng.js";
import { sizeOf } from "../../src/core/tensor.js";
import type { Node, Value } from "../../src/graph/graph.js";
import type { Dense, Op } from "../../src/graph/op.js";
import { broadcastTo } from "../../src/ops/elementwise.js";
import * as o from "../../src/ops/index.js";
import { random } from "../support/random.js";
import { type Case, cases, nodesOf } from "./cases.js";

/** Cases in which images could get mixed although all first axes are equally long. */
const square = random([3, 3]);
const cube = random([3, 3, 3]);
const mixing: readonly Case[] = [
  [(a, b) => o.add(a!, b!), random([3]), square],
  [(a, b) => o.mul(a!, b!), square, cube],
  [(c, a) => o.where(o.greater(c!, 0), a!, 0), square, cube],
  [(a) => o.expand(a!, [3, 3]), random([3])],
  [(a) => o.transpose(a!, [1, 0]), square],
  [(a) => o.transpose(a!, [2, 0, 1]), cube],
  [(a) => o.transpose(a!, [0, 2, 1]), cube],
  [(a) => o.reduceSum(a!, [-2], { keepdims: false }), square],
  [(a) => o.reduceMax(a!, [-3], { keepdims: false }), cube],
  [(a) => o.reduceMean(a!, [-1], { keepdims: false }), square],
  [(a) => o.softmax(a!, 0), square],
  [(a) => o.logSoftmax(a!, -2), square],
  [(a, b) => o.matMul(a!, b!), square, random([3, 3], { seed: 2 })],
  [(a, b) => o.matMul(a!, b!, { transA: true }), square, random([3, 3], { seed: 2 })],
  [(a, b) => o.matMul(a!, b!, { transB: true }), cube, random([3, 3, 3], { seed: 2 })],
  [(a, b) => o.matMul(a!, b!), square, cube],
  [(a, b) => o.matMul(a!, b!), cube, square],
  [(a, w) => o.conv(a!, w!, undefined, { padding: 1 }), random([3, 3, 4, 4]), random([3, 3, 3, 3])],
  [(a, g, b) => o.batchNormTraining(a!, g!, b!, 1e-5)[0], square, random([3]), random([3])],
  [
    (a, g, b) => o.batchNorm(a!, g!, b!, a!.graph.constant(random([3])), a!.graph.constant(random([3])), 1e-5),
    square,
    random([3]),
    random([3]),
  ],
];

/** All applications of operators to try, by operator. */
const applications = new Map<string, Node[]>([...o.operators.keys()].map((name) => [name, []]));
for (const node of [...Object.values(cases), ...mixing].flatMap(nodesOf)) applications.get(node.op.name)!.push(node);

const rng = new Rng(5, "traits");
const dense = (shape: readonly number[], data: ArrayLike<number>): Dense => ({
  dtype: "float64",
  shape,
  data: Float64Array.from(data),
});
const shapeOf = ({ shape }: Value) => shape as readonly number[];
const filled = ({ shape, type }: Value, draw: () => number): Dense =>
  dense(
    shape as readonly number[],
    Array.from({ length: sizeOf(shape as readonly number[]) }, () => (type.dtype === "bool" ? rng.int(2) : draw())),
  );
/** Numbers of both signs, all different; for conditions 0 and 1. */
const numbersFor = (value: Value): Dense => filled(value, () => rng.uniform(-2, 2));
/** Whole numbers up to `most`, among which are equal ones and zeros. */
const integersFor = (value: Value, most = 2): Dense => filled(value, () => rng.int(2 * most + 1) - most);
const run = ({ op, attributes }: Node, inputs: readonly Dense[]): Dense[] => op.run(inputs, attributes);
const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((v, i) => Object.is(v, b[i]));

/** Where a trait that a node's operator declares does not hold, or does although it is not declared. */
type Check = (node: Node) => { readonly declared: boolean; readonly holds: boolean | undefined } | undefined;

function check(trait: string, checkNode: Check): void {
  for (const [name, nodes] of applications)
    test(`${trait}: ${name}`, () => {
      assert.ok(nodes.length > 0);
      for (const node of nodes) {
        const found = checkNode(node);
        if (!found) continue;
        const text = `${name}(${node.inputs.map((x) => `[${x.shape}]`)}) ${JSON.stringify(node.attributes)}`;
        assert.ok(found.holds || !found.declared, `${text} is declared ${trait}, but is not`);
        assert.ok(found.declared || !found.holds, `${text} is ${trait}, but does not say so`);
      }
    });
}

/** Permuting the elements of all inputs permutes the result. */
check("elementwise", ({ op, inputs, outputs, attributes }) => {
  if (!op.elementwise) return undefined; // others, such as a barrier, may also be so for some inputs
  const shape = shapeOf(outputs[0]!);
  const given = inputs.map((x) => dense(shape, broadcastTo(numbersFor(x), shape)));
  const order = rng.permutation(sizeOf(shape));
  const permuted = (x: Dense) =>
    dense(
      shape,
      Array.from(order, (from) => x.data[from]!),
    );
  const [before, after] = [op.run(given, attributes), op.run(given.map(permuted), attributes)];
  return { declared: true, holds: outputs.length === 1 && same(permuted(before[0]!).data, after[0]!.data) };
});

/** Zero in, zero out. */
check("keepsZero", (node) => {
  const { op, inputs, attributes } = node;
  if (!op.elementwise && !op.keepsZero) return undefined;
  const results = run(
    node,
    inputs.map((x) => dense(shapeOf(x), new Float64Array(sizeOf(shapeOf(x))))),
  );
  return {
    declared: op.keepsZero?.(attributes) === true,
    holds: results.every(({ data }) => data.every((v) => v === 0)),
  };
});

/** One input zero, the others not. */
check("absorbsZero", (node) => {
  const { op, inputs } = node;
  if ((!op.elementwise && !op.absorbsZero) || inputs.length < 2) return undefined;
  const zeroAt = (k: number) =>
    run(
      node,
      inputs.map((x, i) => (i === k ? dense(shapeOf(x), new Float64Array(sizeOf(shapeOf(x)))) : integersFor(x))),
    );
  const trials = Array.from({ length: 20 }, () => inputs.map((_, k) => zeroAt(k)));
  const holds = trials.flat(2).every(({ data }) => data.every((v) => v === 0));
  return { declared: op.absorbsZero === true, holds };
});

/** The places that results come from with some numbers are those that they come from with others. */
for (const [name, nodes] of applications)
  test(`moves: ${name}`, () => {
    const holds = (node: Node) => {
      const [first, second] = [0, 1].map(() => node.inputs.map(numbersFor));
      const flat = (inputs: readonly Dense[]) => inputs.flatMap(({ data }) => [...data]);
      const [numbers, others] = [flat(first!), flat(second!)];
      const places = run(node, first!).flatMap(({ data }) => Array.from(data, (v) => numbers.indexOf(v)));
      const results = run(node, second!).flatMap(({ data }) => [...data]);
      return places.every((place, i) => place >= 0 && others[place] === results[i]);
    };
    assert.equal(nodes.every(holds), (nodes[0]!.op as Op).moves === true);
  });

/** Changing an image changes only its own output. */
check("mixesImages", (node) => {
  const { op, inputs, outputs, attributes } = node;
  const [first] = outputs;
  const images = Number(first!.shape[0]);
  if (images < 2 || outputs.some(({ shape }) => Number(shape[0]) !== images)) return undefined;
  const candidates = inputs.flatMap(({ type, shape }, i) => (type.dtype === "float" && shape[0] === images ? [i] : []));
  for (let subset = 1; subset < 2 ** candidates.length; subset++) {
    const holds = inputs.map((_, i) => candidates.includes(i) && ((subset >> candidates.indexOf(i)) & 1) === 1);
    const declared =
      op.mixesImages?.(
        holds,
        inputs.map(({ type }) => type),
        attributes,
      ) ?? true;
    if (mixes(node, holds, images) !== declared) return { declared, holds: !declared };
  }
  return undefined;
});

/** Whether another image changes the output of one, in some of a few trials: a maximum does not always move. */
function mixes(node: Node, holds: readonly boolean[], images: number): boolean {
  for (let trial = 0; trial < 8; trial++) {
    const draw = (value: Value) => integersFor(value, 2 + 3 * trial);
    const given = node.inputs.map(draw);
    const before = run(node, given);
    for (let image = 0; image < images; image++) {
      const changed = given.map((x, i) => (holds[i] ? withOther(x, image, images, draw(node.inputs[i]!)) : x));
      const after = run(node, changed);
      for (const [k, { data }] of before.entries())
        for (let other = 0; other < images; other++) {
          const size = data.length / images;
          const part = (all: Float64Array) => all.subarray(other * size, (other + 1) * size);
          if (other !== image && !same(part(data), part(after[k]!.data))) return true;
        }
    }
  }
  return false;
}

function withOther({ shape, data }: Dense, image: number, images: number, fresh: Dense): Dense {
  const size = data.length / images;
  return dense(
    shape,
    data.map((v, i) => (Math.floor(i / size) === image ? fresh.data[i]! : v)),
  );
}
