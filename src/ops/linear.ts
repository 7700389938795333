import { ShapeError } from "../core/errors.js";
import { check } from "../core/schema.js";
import { broadcastShapes, countElements, formatShape, type Shape, staticShape } from "../core/shape.js";
import { sizeOf } from "../core/tensor.js";
import type { Value } from "../graph/graph.js";
import type { Op } from "../graph/op.js";
import { matMulOptions } from "./checks.js";
import { broadcastTo } from "./elementwise.js";
import { apply, dense, misaligned, type Operand } from "./operands.js";

export type MatMulAttributes = { readonly transA: boolean; readonly transB: boolean };

const flip = (shape: Shape, transposed: boolean): Shape =>
  transposed ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;

function outputShape(a: Shape, b: Shape, { transA, transB }: MatMulAttributes): Shape {
  if (a.length < 2 || b.length < 2)
    throw new ShapeError(`needs two matrices, got ${formatShape(a)} · ${formatShape(b)}`);
  const [p, q] = [flip(a, transA), flip(b, transB)];
  if (p.at(-1) !== q.at(-2)) throw new ShapeError(`inner sizes differ: ${formatShape(p)} · ${formatShape(q)}`);
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2)), p.at(-2)!, q.at(-1)!];
}

/** Product of the last two axes, batched (and broadcast) over the leading ones; `transA`, `transB` transpose a factor first. */
export const matMulOp: Op<MatMulAttributes, readonly [a: Value, b: Value]> = {
  name: "MatMul",
  infer: ([a, b], attributes) => [{ dtype: "float", shape: outputShape(a!.shape, b!.shape, attributes) }],
  run: ([a, b], attributes) => {
    const { transA, transB } = attributes;
    const y = dense(staticShape(outputShape(a!.shape, b!.shape, attributes)));
    const batch = y.shape.slice(0, -2);
    const p = broadcastTo(a!, [...batch, ...a!.shape.slice(-2)]);
    const q = broadcastTo(b!, [...batch, ...b!.shape.slice(-2)]);
    const [m, n] = [y.shape.at(-2)!, y.shape.at(-1)!];
    const k = a!.shape.at(transA ? -2 : -1)!;
    const [rowA, innerA] = transA ? [1, m] : [k, 1];
    const [innerB, columnB] = transB ? [1, k] : [n, 1];
    for (let s = 0; s < sizeOf(batch); s++)
      for (let i = 0; i < m; i++)
        for (let l = 0; l < k; l++) {
          const factor = p[s * m * k + i * rowA + l * innerA]!;
          for (let j = 0; j < n; j++) y.data[(s * m + i) * n + j]! += factor * q[s * k * n + l * innerB + j * columnB]!;
        }
    return [y];
  },
  grad: (dy, node) => {
    const [a, b] = node.inputs;
    const { transA, transB } = node.attributes;
    return [
      transA ? matMul(b, dy, { transA: transB, transB: true }) : matMul(dy, b, { transB: !transB }),
      transB ? matMul(dy, a, { transA: true, transB: transA }) : matMul(a, dy, { transA: !transA }),
    ];
  },
  macs: ([a], [y], { transA }) => {
    const inner = a!.shape.at(transA ? -2 : -1);
    return countElements(y!.shape).size * (typeof inner === "number" ? inner : 1);
  },
  // In a product of plain matrices, the first must hold the images as rows.
  mixesImages: (holds, inputs, { transA }) =>
    misaligned(holds, inputs) || (inputs.every(({ shape }) => shape.length === 2) && (holds[1]! || transA)),
};

/** Options of {@link matMul}: which factors to transpose first. */
export interface MatMulOptions {
  /** Whether to transpose the first factor. Default false. */
  readonly transA?: boolean;
  /** Whether to transpose the second. Default false. */
  readonly transB?: boolean;
}

/** Matrix product over the last two axes, batched over the leading ones. */
export function matMul(a: Operand, b: Operand, options: MatMulOptions = {}): Value {
  check("matMul", "options", matMulOptions, options);
  const { transA = false, transB = false } = options;
  return apply(matMulOp, [a, b], { transA, transB });
}
