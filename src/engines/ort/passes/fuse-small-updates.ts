import { sameShape } from "../../../core/shape.js";
import { sizeOf, type Tensor, tensor, toFloat32 } from "../../../core/tensor.js";
import type { Cell, Graph, Node, Update, Value } from "../../../graph/graph.js";
import { type Rebuild, rebuild } from "../../../graph/passes/rebuild.js";
import { concat, reshape, slice } from "../../../ops/movement.js";
import type { Module, Pass } from "./pass.js";

/** Which cells are fused. */
export interface FusionLimits {
  /** Larger cells are not worth moving: what is saved is the launch of an operator, not its work. */
  readonly largestSize: number;
  readonly highestRank: number;
  /** The most elements of a vector. */
  readonly longest: number;
  /** Whether arithmetic is the same if only numbers differ, which then become vectors of constants, or scalars are computed alike. */
  readonly withOtherNumbers: boolean;
}
const onCpu: FusionLimits = {
  largestSize: 4096,
  highestRank: 2,
  longest: Number.POSITIVE_INFINITY,
  withOtherNumbers: false,
};
/** Fewer cells stay as they are. */
const fewest = 4;

/**
 * Fuses the updates of small cells: those updated by the same arithmetic (the gains and biases of all batch norms, their optimizer
 * slots, their running statistics) become one vector, updated at once. A ResNet-20 has 21 batch norms with six such cells each, and
 * every one costs an operator launch for each step of the arithmetic.
 *
 * Two updates have the same arithmetic if they apply the same operators to the same scalars, and otherwise to cells, or other values, of
 * the size of the cell.
 */
export const fuseSmallUpdates: Pass = (module) => fuseUpdates(module, onCpu);

/** Fuses the updates of cells within limits. */
export function fuseUpdates(module: Module, limits: FusionLimits): Module {
  const vectors = groupsOf(module.graph, limits).map((updates) => new FusedCells(updates));
  const vectorOf = new Map(vectors.flatMap((vector) => vector.updates.map(({ cell }) => [cell, vector] as const)));
  const memo = new Map<string, Value>();
  const graph = rebuild(module.graph, {
    state: (_name, cell, to) => vectorOf.get(cell)?.part(cell, to),
    update: ({ cell }, to) => {
      const vector = vectorOf.get(cell);
      if (vector && vector.updates[0]!.cell === cell) {
        const values = vector.updates.map(({ value }) => value);
        to.target.update(cellOf(vector.in(to))!, fuse(values, { vectorOf, to, memo }));
      }
      return vector !== undefined;
    },
  });
  return {
    ...module,
    graph,
    restore: (contents) => {
      const all = new Map(contents);
      for (const vector of vectors) vector.restore(all);
      return module.restore(all);
    },
  };
}

/** Cells that become one vector. */
class FusedCells {
  readonly #starts = new Map<Cell, number>();
  #value: Value | undefined;

  constructor(readonly updates: readonly Update[]) {
    let start = 0;
    for (const { cell } of updates) {
      this.#starts.set(cell, start);
      start += sizeOf(cell.shape);
    }
  }

  /** The vector in the new graph. */
  in(to: Rebuild): Value {
    if (this.#value) return this.#value;
    const contents = new Float32Array(this.updates.reduce((n, { cell }) => n + sizeOf(cell.shape), 0));
    for (const { cell } of this.updates) contents.set(toFloat32(cell.value).data, this.#starts.get(cell)!);
    this.#value = to.state(`fused/${this.updates[0]!.name}`, tensor("float32", [contents.length], contents));
    return this.#value;
  }

  /** One of the cells in the new graph. */
  part(cell: Cell, to: Rebuild): Value {
    const start = this.#starts.get(cell)!;
    return reshape(slice(this.in(to), 0, start, start + sizeOf(cell.shape)), cell.shape);
  }

  /** Replaces the contents of the vector by those of its cells. */
  restore(contents: Map<Cell, Tensor>): void {
    const fused = cellOf(this.#value!)!;
    const { dtype, data } = contents.get(fused)!;
    contents.delete(fused);
    for (const [cell, start] of this.#starts) {
      const part = data.slice(start, start + sizeOf(cell.shape));
      contents.set(cell, { dtype, shape: cell.shape, data: part } as Tensor);
    }
  }
}

/** The updates of small cells, grouped by arithmetic. */
function groupsOf(graph: Graph, limits: FusionLimits): Update[][] {
  const groups = new Map<string, Update[]>();
  for (const update of graph.updates) {
    const { cell, value } = update;
    const { length: rank } = cell.shape;
    // Scalars are shared by all members of a group, so they cannot be joined.
    if (cell.dtype !== "float" || rank === 0 || rank > limits.highestRank || sizeOf(cell.shape) > limits.largestSize)
      continue;
    const key = arithmeticOf(value, cell, limits);
    groups.set(key, [...(groups.get(key) ?? []), update]);
  }
  return [...groups.values()].flatMap((group) => cut(group, limits)).filter((group) => group.length >= fewest);
}

/** A group in parts that are short enough. */
function cut(group: readonly Update[], { longest }: FusionLimits): Update[][] {
  const parts: Update[][] = [];
  let left = 0;
  for (const update of group) {
    const size = sizeOf(update.cell.shape);
    if (size > left) {
      parts.push([]);
      left = longest;
    }
    parts.at(-1)!.push(update);
    left -= size;
  }
  return parts;
}

/** The cell whose contents a value is. */
const cellOf = ({ source }: Value): Cell | undefined => (source.kind === "state" ? source.cell : undefined);

/** Whether all members of a group share a value: a scalar. */
const isShared = (value: Value): boolean => value.shape.length === 0;

/**
 * The node of a value, if it can be applied to concatenated operands: elementwise, without attributes that could differ, on arrays of one
 * shape and scalars.
 */
function fusible(value: Value): Node | undefined {
  const { node } = value;
  if (!node?.op.elementwise || Object.keys(node.attributes).length > 0) return undefined;
  return node.inputs.every((x) => isShared(x) || sameShape(x.shape, value.shape)) ? node : undefined;
}

/** The same for scalars that are computed alike. */
function scalarKey({ id, node, source }: Value): string {
  if (source.kind === "constant") return String(source.tensor.data[0]);
  if (!node?.op.elementwise || Object.keys(node.attributes).length > 0) return `#${id}`;
  return `${node.op.name}(${node.inputs.map(scalarKey).join(",")})`;
}

/** The expression that computes a value, with `·` for its operands. */
function arithmeticOf(value: Value, cell: Cell, limits: FusionLimits): string {
  if (isShared(value)) {
    if (!limits.withOtherNumbers) return `#${value.id}`;
    return value.source.kind === "constant" ? "#" : scalarKey(value);
  }
  const node = fusible(value);
  if (!node) return cellOf(value) ? (cellOf(value) === cell ? "self" : "cell") : "·";
  return `${node.op.name}(${node.inputs.map((x) => arithmeticOf(x, cell, limits)).join(",")})`;
}

interface Fusion {
  readonly vectorOf: ReadonlyMap<Cell, FusedCells>;
  readonly to: Rebuild;
  readonly memo: Map<string, Value>;
}

/** Values with the same arithmetic, one per member of a group, as one vector. */
function fuse(values: readonly Value[], fusion: Fusion): Value {
  const { to, memo } = fusion;
  const key = values.map(({ id }) => id).join();
  const known = memo.get(key);
  if (known) return known;
  const nodes = values.map(fusible);
  const [node] = nodes;
  const isAlike = (other: Node | undefined) => other?.op === node?.op && other?.inputs.length === node?.inputs.length;
  let result: Value;
  if (node && nodes.every(isAlike)) {
    const operand = (i: number) => nodes.map((other) => other!.inputs[i]!);
    const sizes = values.map(({ shape }) => sizeOf(shape as readonly number[]));
    const inputs = node.inputs.map((x, i) => (isShared(x) ? shared(operand(i), sizes, to) : fuse(operand(i), fusion)));
    result = to.target.apply(node.op, inputs, node.attributes)[0]!;
  } else {
    const flat = () => values.map((value) => reshape(to.get(value), [-1]));
    result = wholeVector(values, fusion) ?? concat(flat(), 0);
  }
  memo.set(key, result);
  return result;
}

/** A scalar that all members share, or a vector of their numbers where these differ. */
function shared(scalars: readonly Value[], sizes: readonly number[], to: Rebuild): Value {
  const numberOf = ({ source }: Value) => (source.kind === "constant" ? Number(source.tensor.data[0]) : undefined);
  const numbers = scalars.map(numberOf);
  if (numbers[0] === undefined || numbers.every((n) => n === numbers[0])) return to.get(scalars[0]!);
  const all = numbers.flatMap((n, i) => Array<number>(sizes[i]!).fill(n!));
  return to.target.constant(tensor("float64", [all.length], Float64Array.from(all)));
}

/** All cells of another vector, in its order, are that vector. */
function wholeVector(values: readonly Value[], { vectorOf, to }: Fusion): Value | undefined {
  const cells = values.map(cellOf);
  const vector = cells[0] && vectorOf.get(cells[0]);
  if (vector?.updates.length !== cells.length) return undefined;
  return vector.updates.every(({ cell }, i) => cell === cells[i]) ? vector.in(to) : undefined;
}
