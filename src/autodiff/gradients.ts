import { FoveaError } from "../core/errors.js";
import { callback, check, options as fields, list, maybe } from "../core/schema.js";
import { formatShape, sameShape, staticShape } from "../core/shape.js";
import { ancestors, type Node, type Value, valueSchema } from "../graph/graph.js";
import { add, expand, reduceSum } from "../ops/index.js";
import { reshape } from "../ops/movement.js";
import { type PartOf, Recomputation } from "./recompute.js";

/** Options of {@link gradients}. */
export interface GradientOptions {
  /** The part of the graph that a node belongs to, if any: values of a part are recomputed for its gradients instead of stored. */
  readonly recompute?: PartOf;
  /**
   * Another rule than the operator's own for some nodes: the gradient of every input, given that of the output. Undefined leaves the
   * operator's. What comes out is then no derivative, but what methods such as guided backpropagation define.
   */
  readonly rule?: (dy: Value, node: Node) => readonly (Value | null)[] | undefined;
}

export const gradientOptions = fields<GradientOptions>({ recompute: maybe(callback), rule: maybe(callback) });

/**
 * Reverse-mode differentiation: the gradients of a scalar `loss` with respect to `wrt`, as new values of the same graph.
 * A value that the loss does not depend on gets `null`.
 *
 * Operators know only their own derivative; this driver sums over broadcast axes, and over the uses of a value.
 *
 * @example
 * const [dx] = gradients(loss, [x]);
 */
export function gradients(loss: Value, wrt: readonly Value[], options: GradientOptions = {}): (Value | null)[] {
  check("gradients", "loss", valueSchema, loss);
  check("gradients", "wrt", list(valueSchema, "a list of values"), wrt);
  check("gradients", "options", gradientOptions, options);
  const { recompute = () => undefined, rule } = options;
  if (!loss.shape.every((d) => d === 1))
    throw new FoveaError(`gradients: the loss must be a scalar, got ${formatShape(loss.shape)}`);
  const { graph } = loss;
  const sums = new Map<Value, Value>([[loss, reshape(graph.scalar(1), loss.shape)]]);
  const upstream = ancestors([loss]);
  const moving = dependents(upstream, new Set(wrt));
  const recomputation = new Recomputation(graph, recompute);

  for (const node of graph.nodes.filter((n) => n.outputs.some((y) => moving.has(y))).reverse()) {
    const [y, ...others] = node.outputs;
    if (others.some((other) => sums.has(other)))
      throw new FoveaError(`gradients: ${node.op.name} passes gradients through its first output only`);
    const dy = sums.get(y!);
    if (!dy) continue;
    const parts = graph.within(node.scope, () => {
      const whole = full(dy, y!);
      return rule?.(whole, node) ?? node.op.grad(whole, recomputation.again(node, whole));
    });
    node.inputs.forEach((x, i) => {
      const part = parts[i];
      if (!part || !moving.has(x)) return;
      const before = sums.get(x);
      const part1 = graph.within(node.scope, () => reduceTo(part, x));
      sums.set(x, before ? graph.within(node.scope, () => add(before, part1)) : part1);
    });
  }
  return wrt.map((x) => {
    const dx = sums.get(x);
    return dx ? full(dx, x) : null;
  });
}

/** The values in `all` that depend on one in `sources`. */
function dependents(all: ReadonlySet<Value>, sources: ReadonlySet<Value>): Set<Value> {
  const moving = new Set<Value>();
  const visited = new Set<Node>();
  for (const value of [...all].sort((a, b) => a.id - b.id)) {
    if (sources.has(value)) moving.add(value);
    const { node } = value;
    if (!node || visited.has(node)) continue;
    visited.add(node);
    if (node.inputs.some((x) => moving.has(x))) for (const y of node.outputs) moving.add(y);
  }
  return moving;
}

/** Sums a gradient over the axes along which `x` was broadcast, unless the gradient itself still broadcasts there. */
function reduceTo(gradient: Value, x: Value): Value {
  const extra = gradient.shape.length - x.shape.length;
  const axes = gradient.shape.flatMap((d, i) => (i < extra || (x.shape[i - extra] === 1 && d !== 1) ? [i] : []));
  const summed = axes.length ? reduceSum(gradient, axes) : gradient;
  return extra > 0 ? reshape(summed, summed.shape.slice(extra)) : summed;
}

/** Expands a gradient that may still broadcast to the full shape of its value. */
function full(gradient: Value, x: Value): Value {
  return sameShape(gradient.shape, x.shape) ? gradient : expand(gradient, staticShape(x.shape));
}
