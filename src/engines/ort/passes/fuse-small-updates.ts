import { sameShape } from "../../../core/shape.js";
import { sizeOf, type Tensor, toFloat32, zeros } from "../../../core/tensor.js";
import type { Cell, Graph, Node, Update, Value } from "../../../graph/graph.js";
import { type Rebuild, rebuild } from "../../../graph/passes/rebuild.js";
import { concat, reshape, slice } from "../../../ops/movement.js";
import type { Pass } from "./pass.js";

/** Larger cells are not worth moving: what is saved is the launch of an operator, not its work. */
const largestSize = 4096;
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
export const fuseSmallUpdates: Pass = (module) => {
  const { graph } = module;
  const groups = groupsOf(graph);
  const fusedCells = new Map<readonly Update[], Cell>();
  /** The vector that a cell is in, and its offset. */
  const places = new Map<Cell, { readonly group: readonly Update[]; readonly start: number }>();
  for (const group of groups) {
    let start = 0;
    for (const { cell } of group) {
      places.set(cell, { group, start });
      start += sizeOf(cell.shape);
    }
  }
  const states = new Map<readonly Update[], Value>();
  const stateOf = (group: readonly Update[], to: Rebuild): Value => {
    let state = states.get(group);
    if (!state) {
      state = to.state(`fused/${group[0]!.name}`, concatenated(group));
      states.set(group, state);
      if (state.source.kind === "state") fusedCells.set(group, state.source.cell);
    }
    return state;
  };
  const memo = new Map<string, Value>();
  const target = rebuild(graph, {
    state: (_name, cell, to) => {
      const place = places.get(cell);
      if (!place) return undefined;
      const part = slice(stateOf(place.group, to), 0, place.start, place.start + sizeOf(cell.shape));
      return reshape(part, cell.shape);
    },
    update: ({ cell }, to) => {
      const place = places.get(cell);
      if (!place) return false;
      if (place.start === 0) {
        const state = stateOf(place.group, to);
        const result = fuse(
          place.group.map(({ value }) => value),
          { places, stateOf, to, memo },
        );
        if (state.source.kind === "state") to.target.update(state.source.cell, result);
      }
      return true;
    },
  });
  return {
    ...module,
    graph: target,
    restore: (contents) => {
      const all = new Map(contents);
      for (const [group, fused] of fusedCells) {
        const { data } = contents.get(fused)!;
        all.delete(fused);
        for (const { cell } of group) {
          const { start } = places.get(cell)!;
          const part = data.slice(start, start + sizeOf(cell.shape));
          all.set(cell, { ...cell.value, data: part, dtype: contents.get(fused)!.dtype } as Tensor);
        }
      }
      return module.restore(all);
    },
  };
};

/** The updates of small cells, grouped by arithmetic. */
function groupsOf(graph: Graph): Update[][] {
  const groups = new Map<string, Update[]>();
  for (const update of graph.updates) {
    const { cell, value } = update;
    const { length: rank } = cell.shape;
    // Scalars are shared by all members of a group, so they cannot be joined.
    if (cell.dtype !== "float" || rank === 0 || rank > 2 || sizeOf(cell.shape) > largestSize) continue;
    const key = arithmeticOf(value, cell);
    const group = groups.get(key);
    if (group) group.push(update);
    else groups.set(key, [update]);
  }
  return [...groups.values()].filter((group) => group.length >= fewest);
}

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

/** The expression that computes a value, with `·` for its operands. */
function arithmeticOf(value: Value, cell: Cell): string {
  if (isShared(value)) return `#${value.id}`;
  const node = fusible(value);
  if (!node) return value.source.kind === "state" ? (value.source.cell === cell ? "self" : "cell") : "·";
  return `${node.op.name}(${node.inputs.map((x) => arithmeticOf(x, cell)).join(",")})`;
}

interface Fusion {
  readonly places: ReadonlyMap<Cell, { readonly group: readonly Update[]; readonly start: number }>;
  stateOf(group: readonly Update[], to: Rebuild): Value;
  readonly to: Rebuild;
  readonly memo: Map<string, Value>;
}

/** Values with the same arithmetic, one per member of a group, as one vector. */
function fuse(values: readonly Value[], fusion: Fusion): Value {
  const { places, stateOf, to, memo } = fusion;
  const key = values.map(({ id }) => id).join();
  const known = memo.get(key);
  if (known) return known;
  const [first] = values as [Value];
  const nodes = values.map(fusible);
  const node = nodes[0];
  const alike = node && nodes.every((other) => other?.op === node.op && other.inputs.length === node.inputs.length);
  let result: Value;
  if (alike) {
    const inputs = node.inputs.map((x, i) =>
      isShared(x)
        ? to.get(x)
        : fuse(
            nodes.map((other) => other!.inputs[i]!),
            fusion,
          ),
    );
    result = to.target.apply(node.op, inputs, node.attributes)[0]!;
  } else {
    const cellOf = ({ source }: Value) => (source.kind === "state" ? source.cell : undefined);
    const place = cellOf(first) && places.get(cellOf(first)!);
    // All members of another fused vector, in its order, are that vector.
    const whole =
      place && place.group.length === values.length && place.group.every(({ cell }, i) => cell === cellOf(values[i]!));
    result = whole
      ? stateOf(place.group, to)
      : concat(
          values.map((value) => reshape(to.get(value), [-1])),
          0,
        );
  }
  memo.set(key, result);
  return result;
}

/** The contents of the cells of a group, concatenated. */
function concatenated(group: readonly Update[]): Tensor {
  const total = group.reduce((n, { cell }) => n + sizeOf(cell.shape), 0);
  const all = zeros("float32", [total]);
  let at = 0;
  for (const { cell } of group) {
    all.data.set(toFloat32(cell.value).data, at);
    at += sizeOf(cell.shape);
  }
  return all;
}
