import { check, options as fields, maybe, text } from "../core/schema.js";
import { referenceEngine } from "../engines/reference.js";
import { trace } from "../nn/index.js";
import { type ExplainableNetwork, inputShapeOf, networkSchema } from "./explain.js";
import type { Layer } from "./layers.js";
import { layersOf } from "./layers.js";
import type { MethodName } from "./methods.js";
import { Probe } from "./probe.js";

/** Methods that give the same map at a layer, so that their agreement is no evidence. */
export interface Coincidence {
  /** Two or more methods. */
  readonly methods: readonly MethodName[];
  /** Why they coincide, as a sentence. */
  readonly why: string;
}

export const layerOption = fields<{ readonly layer?: string }>({ layer: maybe(text) });

/**
 * Which class activation methods give the same map at a layer, by the network's graph after it:
 *
 * 1. Where that is a mean over positions followed by linear layers, `gradcam`, `hirescam`, `shapleycam` (of the logit) and, up to its ε, `xgradcam` are one
 *    map, and the weights of `ablationcam` are Σ G∘A / y.
 * 2. Where it is otherwise linear, `shapleycam` is `gradcam`.
 * 3. Where the layer's output is that of a ReLU, `gradcam-elementwise` is `layercam`.
 *
 * @throws OptionError for a layer that cannot be explained.
 *
 * @example
 * coincide(network)[0]?.methods; // gradcam, hirescam, shapleycam, xgradcam
 */
export function coincide(network: ExplainableNetwork, options: { readonly layer?: string } = {}): Coincidence[] {
  check("coincide", "network", networkSchema, network);
  check("coincide", "options", layerOption, options);
  const probe = new Probe(network.model, inputShapeOf(network), [options.layer ?? null], referenceEngine());
  const found: Coincidence[] = [];
  if (probe.isPooledLinear(0))
    found.push({
      methods: ["gradcam", "hirescam", "shapleycam", "xgradcam"],
      why: "the layer is followed by a mean over positions and linear layers, so gradients are the same everywhere",
    });
  else if (probe.isAffine(0))
    found.push({
      methods: ["gradcam", "shapleycam"],
      why: "the network after the layer is linear and has no curvature",
    });
  if (probe.isRectified(0))
    found.push({ methods: ["gradcam-elementwise", "layercam"], why: "the layer's activations are never negative" });
  return found;
}

/**
 * The layers of a network that can be explained, in order of execution.
 *
 * @example
 * explainableLayers(network).filter((layer) => layer.passes).at(-1)?.path; // "layer3"
 */
export function explainableLayers(network: ExplainableNetwork): Layer[] {
  check("explainableLayers", "network", networkSchema, network);
  const graph = trace(network.model, [1, ...inputShapeOf(network)]);
  return layersOf(graph).map(({ value: _, ...layer }) => layer);
}
