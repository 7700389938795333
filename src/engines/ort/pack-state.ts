import { sameShape } from "../../core/shape.js";
import { sizeOf, type Tensor, toFloat32, zeros } from "../../core/tensor.js";
import type { Cell, Graph, Node, Update, Value } from "../../graph/graph.js";
import { type Rebuild, rebuild } from "../../graph/passes/rebuild.js";
import { concat, reshape, slice } from "../../ops/movement.js";

/** A graph whose small cells are kept together, and the way back. */
export interface PackedState {
  readonly graph: Graph;
  /** The contents of the cells of the graph as it was, from those of the packed one. */
  unpack(contents: ReadonlyMap<Cell, Tensor>): Map<Cell, Tensor>;
}

/** Cells of more elements are not worth moving: what is saved is the time to start an operator, not to run it. */
const largestSize = 4096;
/** Fewer cells are left alone. */
const fewest = 4;

/** Operators that work on every element alike, so that arrays can be joined before as well as after. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Neg", "Sqrt", "Reciprocal", "Abs"]);

/**
 * An equal graph in which small cells that are updated by the same arithmetic (the gains and biases of all batch norms, their
 * optimizer slots, their running statistics) are one vector each, updated at once. A ResNet-20 has 21 batch norms of six such
 * cells; each takes an operator's start for every step of the arithmetic.
 *
 * Updates are the same arithmetic if they apply the same operators to the same numbers; what they apply them to is a cell, or
 * some other value, of the size of the cell.
 */
export function packState(graph: Graph): PackedState {
  const groups = groupsOf(graph);
  const packedCells = new Map<readonly Update[], Cell>();
  /** Where a cell has gone: in which vector, from which element on. */
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
      state = to.state(`packed/${group[0]!.name}`, joined(group));
      states.set(group, state);
      if (state.source.kind === "state") packedCells.set(group, state.source.cell);
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
        const result = pack(
          place.group.map(({ value }) => value),
          { places, stateOf, to, memo },
        );
        if (state.source.kind === "state") to.target.update(state.source.cell, result);
      }
      return true;
    },
  });
  return {
    graph: target,
    unpack: (contents) => {
      const all = new Map(contents);
      for (const [group, packed] of packedCells) {
        const { data } = contents.get(packed)!;
        all.delete(packed);
        for (const { cell } of group) {
          const { start } = places.get(cell)!;
          const own = data.slice(start, start + sizeOf(cell.shape));
          all.set(cell, { ...cell.value, data: own, dtype: contents.get(packed)!.dtype } as Tensor);
        }
      }
      return all;
    },
  };
}

/** The updates of small cells, by their arithmetic. */
function groupsOf(graph: Graph): Update[][] {
  const groups = new Map<string, Update[]>();
  for (const update of graph.updates) {
    const { cell, value } = update;
    const { length: rank } = cell.shape;
    // A number is shared: arithmetic with it does not join.
    if (cell.dtype !== "float" || rank === 0 || rank > 2 || sizeOf(cell.shape) > largestSize) continue;
    const key = arithmeticOf(value, cell);
    const group = groups.get(key);
    if (group) group.push(update);
    else groups.set(key, [update]);
  }
  return [...groups.values()].filter((group) => group.length >= fewest);
}

/** Whether a value is the same for every member of a group: a number. */
const isShared = (value: Value): boolean => value.shape.length === 0;

/** A node that can be applied to joined arrays: elementwise, on arrays of one shape and numbers. */
function joinable(value: Value): Node | undefined {
  const { node } = value;
  if (!node || !elementwise.has(node.op.name)) return undefined;
  return node.inputs.every((x) => isShared(x) || sameShape(x.shape, value.shape)) ? node : undefined;
}

/** The expression that a value is, with `·` for what it is applied to. */
function arithmeticOf(value: Value, cell: Cell): string {
  if (isShared(value)) return `#${value.id}`;
  const node = joinable(value);
  if (!node) return value.source.kind === "state" ? (value.source.cell === cell ? "self" : "cell") : "·";
  return `${node.op.name}(${node.inputs.map((x) => arithmeticOf(x, cell)).join(",")})`;
}

interface Packing {
  readonly places: ReadonlyMap<Cell, { readonly group: readonly Update[]; readonly start: number }>;
  stateOf(group: readonly Update[], to: Rebuild): Value;
  readonly to: Rebuild;
  readonly memo: Map<string, Value>;
}

/** Values of the same arithmetic, one for each member of a group, as one vector. */
function pack(values: readonly Value[], packing: Packing): Value {
  const { places, stateOf, to, memo } = packing;
  const key = values.map(({ id }) => id).join();
  const known = memo.get(key);
  if (known) return known;
  const [first] = values as [Value];
  const nodes = values.map(joinable);
  const node = nodes[0];
  const alike = node && nodes.every((other) => other?.op === node.op && other.inputs.length === node.inputs.length);
  let result: Value;
  if (alike) {
    const inputs = node.inputs.map((x, i) =>
      isShared(x)
        ? to.get(x)
        : pack(
            nodes.map((other) => other!.inputs[i]!),
            packing,
          ),
    );
    result = to.target.apply(node.op, inputs, node.attributes)[0]!;
  } else {
    const cellOf = ({ source }: Value) => (source.kind === "state" ? source.cell : undefined);
    const place = cellOf(first) && places.get(cellOf(first)!);
    // The members of another packed vector, all of them and in its order, are that vector.
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

/** What the cells of a group hold, one after the other. */
function joined(group: readonly Update[]): Tensor {
  const total = group.reduce((n, { cell }) => n + sizeOf(cell.shape), 0);
  const all = zeros("float32", [total]);
  let at = 0;
  for (const { cell } of group) {
    all.data.set(toFloat32(cell.value).data, at);
    at += sizeOf(cell.shape);
  }
  return all;
}
