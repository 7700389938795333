import { OptionError, unknownName } from "../core/errors.js";
import { requireFinite } from "../core/finite.js";
import {
  signal as abortSignal,
  bytes,
  check,
  classList,
  either,
  options as fields,
  fieldsOf,
  list,
  maybe,
  oneOf,
  orNull,
  type Schema,
  text,
  that,
  tuple,
  whole,
} from "../core/schema.js";
import { type Floats, sizeOf, type Tensor, tensor, tensorSchema } from "../core/tensor.js";
import { preprocessingSchema, requireImage } from "../data/checks.js";
import { inputWriter, type Preprocessing, type RgbImage } from "../data/index.js";
import { type Engine, engineSchema } from "../engines/engine.js";
import { manyImages } from "../inference/classifier.js";
import { moduleSchema } from "../nn/checks.js";
import type { Module } from "../nn/index.js";
import { rangeOf } from "./enlarge.js";
import type { Heatmap } from "./heatmap.js";
import { type Method, type MethodChoice, type MethodName, methodsOf } from "./methods.js";
import { type Head, Probe } from "./probe.js";
import { type Completeness, Subject } from "./subject.js";
import { type Aim, scoreOf } from "./targets.js";

/** A network to explain: what `loadRun` returns, or a module of your own. */
export interface ExplainableNetwork {
  /** The network, with its weights. */
  readonly model: Module;
  /** How images become inputs. Without it, images are tensors [C,H,W] as the network takes them, and `inputShape` is required. */
  readonly preprocessing?: Preprocessing | null;
  /** Names of the classes, in the order of the logits. */
  readonly classes?: readonly string[] | null;
  /** [C,H,W]. Default [3,S,S] of the preprocessing. */
  readonly inputShape?: readonly [number, number, number];
}

/** What to explain about an image. */
export interface AimOptions {
  /** The class, by index or name. Default: the predicted one; in a segmentation, the one with the most positions. */
  readonly class?: number | string;
  /**
   * For a network with logits per position, the positions to explain: [H·W] of its output, 0 for the others. Default: those where the class is
   * predicted, or all if there are none.
   */
  readonly region?: Uint8Array;
}

/** Options of {@link openExplainer}. */
export interface ExplainerOptions {
  /** What computes. */
  readonly engine: Engine;
  /** Methods by name, optionally with options: `"gradcam"`, `["ig", { error: 0.001 }]`, or a list. Default: `"gradcam"`. */
  readonly method?: MethodChoice | readonly MethodChoice[];
  /** Layers by module path, for methods that explain a layer. Default: the last map before pooling. */
  readonly layer?: string | readonly string[];
  /** What is explained: the class's logit (default), or its probability. */
  readonly score?: "logit" | "probability";
}

/** Options of {@link explain}. */
export interface ExplainOptions extends ExplainerOptions, AimOptions {
  /** Stops between images. */
  readonly signal?: AbortSignal;
}

/** One method's result for one image. */
export interface Explanation {
  /** Index of the image. */
  readonly image: number;
  /** The requested method. */
  readonly method: MethodName;
  /** The variant of the method; null if there is only one. */
  readonly variant: string | null;
  /** Path of the layer; null for methods that explain the input. */
  readonly layer: string | null;
  /** Index of the class that is explained. */
  readonly class: number;
  /** Null if class names are unknown. */
  readonly className: string | null;
  /** Which score of the class is explained. */
  readonly score: "logit" | "probability";
  /** The score that is explained. */
  readonly value: number;
  /** Raw and signed: neither rectified nor rescaled. */
  readonly map: Heatmap;
  /** Smallest and largest value of the map. */
  readonly range: readonly [number, number];
  /** For methods that weight channels: the weight of each. */
  readonly weights: Float64Array | null;
  /** For attribution methods: [C,H,W], a share per input value; the map is its sum over channels. */
  readonly attribution: Tensor<"float64"> | null;
  /** How closely the shares add up to the score; null for methods that do not guarantee it. */
  readonly completeness: Completeness | null;
  /** For methods that perturb the image, the scores behind the map: of masks [n], or drops for windows [rows, columns]. */
  readonly samples: Tensor<"float64"> | null;
  /**
   * Cost of the method beyond the one forward pass that all methods share, in forward passes, counted in multiply-accumulates of the
   * graphs that were run. What an earlier method computed for the same image is not counted again.
   */
  readonly forwards: number;
  /** Values chosen by the method, such as `sigma` or `steps`. */
  readonly settings: Readonly<Record<string, number | string>>;
  /** Whether the method gives much the same map for random weights (Adebayo et al., 2018). */
  readonly failsSanityChecks: boolean;
  /** Caveats about the map, such as that there is no positive evidence. */
  readonly notes: readonly string[];
}

/** A network with its graphs compiled, for images that arrive one by one. */
export interface Explainer {
  /** Explains one image, or a tensor [C,H,W] as the network takes it: an explanation for each layer and method. */
  explain(image: RgbImage | Tensor, aim?: AimOptions): Promise<Explanation[]>;
  /** Frees the memory of the compiled graphs. */
  release(): Promise<void>;
}

const shapeSchema = tuple("[channels, height, width]", whole(1), whole(1), whole(1)) as Schema<
  ExplainableNetwork["inputShape"]
>;
export const networkSchema: Schema<ExplainableNetwork> = fieldsOf<ExplainableNetwork>(
  {
    model: moduleSchema,
    preprocessing: maybe(orNull(preprocessingSchema)),
    classes: maybe(orNull(classList)),
    inputShape: maybe(shapeSchema) as Schema<ExplainableNetwork["inputShape"]>,
  },
  "a network, { model, preprocessing }",
);
const classSchema = either<never>("the index or name of a class", whole(0) as never, text as never);
const aimFields = { class: maybe(classSchema), region: maybe(bytes) };
const explainerFields = {
  engine: engineSchema,
  method: maybe(that<never>("a method or a list of them", (x) => typeof x === "string" || Array.isArray(x))),
  layer: maybe(either<never>("a layer or a list of them", text as never, list(text, "a list of layers", 1) as never)),
  score: maybe(oneOf("logit", "probability")),
};
export const aimOptions = fields<AimOptions>(aimFields);
export const explainerOptions = fields<ExplainerOptions>(explainerFields);
export const explainOptions = fields<ExplainOptions>({ ...explainerFields, ...aimFields, signal: maybe(abortSignal) });

/**
 * Explains a network's predictions: a map for each image, layer and method, in that order. The network is run in evaluation mode
 * and left unchanged; only what comes after a layer is rerun or differentiated.
 *
 * @throws OptionError for an unknown method, layer, class or option, or one that does not fit the network.
 *
 * @example
 * const network = await loadRun("runs/shapes-resnet20-cbam");
 * const [found] = await explain(network, [image], { engine: ortEngine() });
 * found.map; // { height: 8, width: 8, data }, signed
 */
export async function explain(
  network: ExplainableNetwork,
  images: Iterable<RgbImage | Tensor>,
  options: ExplainOptions,
): Promise<Explanation[]> {
  check("explain", "network", networkSchema, network);
  check("explain", "images", manyImages, images);
  check("explain", "options", explainOptions, options);
  const { class: index, region, signal, ...rest } = options;
  const explainer = await openExplainer(network, rest);
  const all: Explanation[] = [];
  try {
    let count = 0;
    for (const image of images) {
      signal?.throwIfAborted();
      const found = await explainer.explain(image, {
        ...(index === undefined ? {} : { class: index }),
        ...(region && { region }),
      });
      all.push(...found.map((explanation) => ({ ...explanation, image: count })));
      count++;
    }
  } finally {
    await explainer.release();
  }
  return all;
}

/** Compiles a network once for any number of images: memory does not grow with them. Errors as in {@link explain}. */
export async function openExplainer(network: ExplainableNetwork, options: ExplainerOptions): Promise<Explainer> {
  check("openExplainer", "network", networkSchema, network);
  check("openExplainer", "options", explainerOptions, options);
  return new OpenExplainer(network, options);
}

/** @throws OptionError if neither is given. */
export function inputShapeOf({ inputShape, preprocessing }: ExplainableNetwork): readonly [number, number, number] {
  const size = preprocessing?.imageSize;
  if (inputShape) return inputShape;
  if (size === undefined)
    throw new OptionError("explain: the network needs preprocessing, or the inputShape of tensors");
  return [3, size, size];
}

class OpenExplainer implements Explainer {
  readonly #network: ExplainableNetwork;
  readonly #methods: readonly Method[];
  readonly #score: "logit" | "probability";
  readonly #probe: Probe;
  readonly #alone = new Map<number, Probe>();
  readonly #write: ReturnType<typeof inputWriter> | null;

  constructor(network: ExplainableNetwork, { engine, method = "gradcam", layer, score = "logit" }: ExplainerOptions) {
    const { model, preprocessing } = network;
    const shape = inputShapeOf(network);
    this.#network = network;
    this.#methods = methodsOf(method);
    this.#score = score;
    this.#write = preprocessing ? inputWriter(preprocessing) : null;
    const paths = layer === undefined ? [null] : typeof layer === "string" ? [layer] : layer;
    this.#probe = new Probe(model, shape, this.#methods.some((m) => m.layer) ? paths : [], engine);
    const { classes } = this.#probe;
    if (network.classes && network.classes.length !== classes)
      throw new OptionError(`explain: ${network.classes.length} class names for a network with ${classes} classes`);
  }

  async explain(image: RgbImage | Tensor, aimed: AimOptions = {}): Promise<Explanation[]> {
    check("explain", "aim", aimOptions, aimed);
    const input = this.#inputOf(image);
    const head = await this.#probe.head(input);
    requireFinite("explain", [["the logits", tensor("float64", [head.logits.length], head.logits)]]);
    const aim = this.#aimOf(head, aimed);
    const heads = new Map<number, Promise<{ readonly probe: Probe; readonly head: Head }>>();
    const shared = {
      gradients: new Map<string, Promise<Floats[]>>(),
      alone: (index: number) => {
        let found = heads.get(index);
        if (!found) heads.set(index, (found = this.#headAlone(index, head, input)));
        return found;
      },
    };
    const { mean, std } = this.#network.preprocessing ?? {};
    const black = mean && std ? mean.map((m, c) => -m / std[c]!) : null;
    const explanations: Explanation[] = [];
    const layers = this.#probe.layers.length || 1;
    for (let layer = 0; layer < layers; layer++)
      for (const method of this.#methods) {
        if (!method.layer && layer > 0) continue;
        const subject = new Subject(this.#probe, head, aim, this.#score, layer, black, shared);
        explanations.push(await this.#apply(method, subject));
      }
    return explanations;
  }

  async release(): Promise<void> {
    for (const probe of [this.#probe, ...this.#alone.values()]) await probe.release();
    this.#alone.clear();
  }

  async #apply(method: Method, subject: Subject): Promise<Explanation> {
    const before = this.#forwards;
    const { map, weights, attribution, completeness, samples, settings = {}, notes = [] } = await method.run(subject);
    const { probe, aim, score, head, layer } = subject;
    const range = rangeOf(map.data);
    return {
      image: 0,
      method: method.name,
      variant: method.variant,
      layer: method.layer ? probe.layers[layer]!.path : null,
      class: aim.index,
      className: this.#network.classes?.[aim.index] ?? null,
      score: this.#score,
      value: scoreOf(score, aim).value(head.logits),
      map,
      range,
      weights: weights ?? null,
      attribution: attribution ? tensor("float64", probe.inputShape, attribution) : null,
      completeness: completeness ?? null,
      samples: samples ?? null,
      forwards: this.#forwards - before,
      settings,
      failsSanityChecks: method.failsSanityChecks,
      notes: [...notes, ...evidence(range), ...around(method, probe, layer)],
    };
  }

  get #forwards(): number {
    return [this.#probe, ...this.#alone.values()].reduce((sum, probe) => sum + probe.forwards, 0);
  }

  async #headAlone(index: number, head: Head, input: Tensor) {
    if (this.#probe.layers.length === 1) return { probe: this.#probe, head };
    let probe = this.#alone.get(index);
    if (!probe) this.#alone.set(index, (probe = this.#probe.alone(index)));
    return { probe, head: await probe.head(input) };
  }

  #inputOf(image: RgbImage | Tensor): Tensor {
    const shape = this.#probe.inputShape;
    if (typeof image === "object" && image !== null && "dtype" in image) {
      check("explain", "image", tensorSchema, image);
      if (String(image.shape) !== String(shape))
        throw new OptionError(`explain: the image must be [${shape}], got [${image.shape}]`);
      return image;
    }
    requireImage("explain", "the image", image);
    if (!this.#write) throw new OptionError("explain: without preprocessing images must be tensors [C,H,W]");
    const data = new Float32Array(sizeOf(shape));
    this.#write(image, data, 0);
    return tensor("float32", shape, data);
  }

  #aimOf({ logits }: Head, { class: given, region }: AimOptions): Aim {
    const { classes, plane } = this.#probe;
    const count = plane ? plane[0] * plane[1] : 1;
    const predicted = Array.from({ length: count }, (_, p) => {
      let best = 0;
      for (let k = 1; k < classes; k++) if (logits[k * count + p]! > logits[best * count + p]!) best = k;
      return best;
    });
    const index = given === undefined ? mostFrequent(predicted, classes) : this.#classIndex(given);
    if (region && region.length !== count)
      throw new OptionError(`explain: region must have ${count} numbers, one per position, got ${region.length}`);
    const all = predicted.map((_, p) => p);
    const chosen = region ? all.filter((p) => region[p]) : all.filter((p) => !plane || predicted[p] === index);
    if (region && chosen.length === 0) throw new OptionError("explain: region is zero at every position");
    return { classes, index, count, positions: chosen.length ? chosen : all };
  }

  #classIndex(given: number | string): number {
    const { classes } = this.#probe;
    if (typeof given === "string") {
      const names = this.#network.classes;
      if (!names) throw new OptionError(`explain: class names are unknown; give an index instead of "${given}"`);
      const found = names.indexOf(given);
      if (found < 0) throw unknownName("class", given, names);
      return found;
    }
    if (given >= classes)
      throw new OptionError(
        `explain: class must be from 0 to ${classes - 1}, got ${given}; the network has ${classes} classes`,
      );
    return given;
  }
}

/** The most frequent number; the smallest if tied. */
function mostFrequent(numbers: readonly number[], classes: number): number {
  const counts = new Uint32Array(classes);
  for (const k of numbers) counts[k]!++;
  return counts.indexOf(Math.max(...counts));
}

/** Caveats about a map's values. */
function evidence([least, most]: readonly [number, number]): string[] {
  if (!Number.isFinite(least) || !Number.isFinite(most)) return ["the map is not finite"];
  if (most <= 0) return ["no positive evidence"];
  return least === most ? ["the map is the same everywhere"] : [];
}

/** A layer that some paths bypass shows only part of the evidence. */
const around = ({ layer: aboutLayer }: Method, probe: Probe, layer: number): string[] =>
  aboutLayer && !probe.layers[layer]!.passes ? ["some paths to the logits bypass this layer"] : [];
