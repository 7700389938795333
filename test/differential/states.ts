import { Rng } from "../../src/core/rng.js";
import { float32, type Tensor, toFloat64 } from "../../src/core/tensor.js";
import type { Engine } from "../../src/engines/engine.js";
import { referenceEngine } from "../../src/engines/reference.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { constant, Param } from "../../src/nn/index.js";
import * as o from "../../src/ops/index.js";
import { magnitude, relativeError } from "../../src/testing/compare.js";

/** Large enough that states are written in place. */
const side = 36;
const shape = [side, side];

/** Cells that are read, and written from each other, by random expressions of square matrices, which fit each other whatever is done to them. */
export interface RandomStates {
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** The graph of a seed. Values stay within a few units. */
export function randomStates(seed: number): RandomStates {
  const rng = new Rng(seed, "states");
  const pick = <T>(from: readonly T[]): T => from[rng.int(from.length)]!;
  const matrix = () =>
    float32(
      shape,
      Array.from({ length: side * side }, () => Math.fround(rng.uniform(-1, 1))),
    );
  const cells = Array.from({ length: 2 + rng.int(3) }, () => {
    const cell = new Param(shape, constant(0));
    cell.value = matrix();
    return cell;
  });
  const graph = new Graph(false, (owner) => `cell${cells.indexOf(owner as Param)}`);
  const feeds = { x: matrix() };
  const states = cells.map((cell) => graph.state(cell));
  const values = [graph.input("x", { dtype: "float", shape }), ...states];
  const roll = (v: Value, by: number) => o.concat([o.slice(v, 0, by), o.slice(v, 0, 0, by)], 0);
  const product = (v: Value) => {
    const options = { transA: rng.int(2) === 0, transB: rng.int(2) === 0 };
    const pair = rng.int(2) === 0 ? ([v, pick(values)] as const) : ([pick(values), v] as const);
    return o.mul(o.matMul(...pair, options), 0.2);
  };
  const operations: readonly ((v: Value) => Value)[] = [
    product,
    product,
    (v) => o.transpose(v, [1, 0]),
    (v) => o.reshape(o.reshape(v, [4, -1]), shape),
    (v) => roll(v, 1 + rng.int(side - 1)),
    (v) => o.add(v, pick(values)),
    (v) => o.sub(pick(values), v),
    (v) => o.mul(v, o.tanh(pick(values))),
    (v) => o.mul(v, 0.5),
    o.tanh,
    o.relu,
    (v) => o.reduceMean(v, [rng.int(2)]),
    (v) => o.barrier(v, pick(values)),
  ];
  const expression = (from: readonly Value[], steps: number): Value => {
    let v = pick(from);
    for (let i = 0; i < steps; i++) {
      v = o.expand(pick(operations)(v), shape);
      values.push(v);
    }
    return v;
  };
  for (let i = 2 + rng.int(4); i > 0; i--) expression(values, 1 + rng.int(4));
  for (const [i, cell] of cells.entries()) {
    const gradient = expression(values, rng.int(3));
    const updated = pick([
      () => o.sub(states[i]!, o.mul(gradient, 0.1)),
      () => o.add(o.mul(states[i]!, 0.9), gradient),
      () => expression([states[i]!], 1 + rng.int(3)),
      () => expression(values, rng.int(3)),
    ])();
    const bounded = pick([updated, o.tanh(updated), o.mul(updated, 0.5)]);
    values.push(bounded);
    graph.update(cell, bounded);
  }
  for (let i = 0; i < 1 + rng.int(3); i++) graph.output(`y${i}`, expression(values, rng.int(2)));
  return { graph, feeds };
}

/**
 * The largest relative error of outputs and states over three steps against float64; undefined where values grow, and rounding with them. What is
 * small may be a difference of like numbers: below 0.01 errors are taken as if of 0.01.
 */
export async function errorOfStates({ graph, feeds }: RandomStates, engine: Engine): Promise<number | undefined> {
  const [ours, theirs] = await Promise.all([engine, referenceEngine()].map((each) => threeSteps(each, graph, feeds)));
  const sizes = theirs!.map((value) => magnitude(toFloat64(value)));
  if (sizes.some((size) => size > 100)) return undefined;
  return Math.max(
    ...theirs!.map((value, i) => (relativeError(ours![i]!, value) * (sizes[i]! || 1)) / Math.max(sizes[i]!, 0.01)),
  );
}

async function threeSteps(engine: Engine, graph: Graph, feeds: RandomStates["feeds"]): Promise<Tensor[]> {
  const executable = await engine.compile(graph);
  const results: Tensor[] = [];
  for (let step = 0; step < 3; step++) results.push(...Object.values(await executable.run(feeds)));
  results.push(...(await executable.readState()).values());
  await executable.release();
  return results;
}
