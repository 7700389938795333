import { type AttentionPlan, attentionPlan, type Place, type Placement } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import { integer } from "../core/options.js";
import { check, options as fields, shown } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import {
  BatchNorm,
  Conv2d,
  constant,
  Dropout,
  globalAveragePool,
  initialize,
  Lambda,
  Linear,
  Module,
  Sequential,
} from "../nn/index.js";
import { add, relu } from "../ops/index.js";
import { type Attachable, type AttachPoints, modulePlaces } from "./attach.js";
import { classCount, conv, mapValues, partsOf, probability } from "./parts.js";
import { type ClassifierOptions, classifierFields, defineModel, own } from "./spec.js";

/** Kind of block: two 3×3 convolutions, a bottleneck, or two wide 3×3 convolutions with dropout between. */
type Form = "basic" | "bottleneck" | "wide";

interface BlockOptions {
  readonly form: Form;
  readonly channels: number;
  readonly width: number;
  readonly stride: number;
  readonly dropout: number;
  readonly attention: AttentionPlan | undefined;
  readonly place: Place;
}

/** A convolution of these networks: PyTorch's initialization, but He's in wide ones. */
function plain(form: Form, channels: number, outChannels: number, kernel: number, stride = 1): Conv2d {
  if (form === "wide") return conv(channels, outChannels, kernel, { stride });
  return new Conv2d(channels, outChannels, { kernelSize: kernel, stride, padding: (kernel - 1) / 2, bias: false });
}

/** Output channels of a block, as a multiple of its width. */
const expansion = (form: Form): number => (form === "bottleneck" ? 4 : 1);

/**
 * A residual block with norm and activation before each convolution: branch(x) + shortcut(x). Keys `bn1`, `conv1`, `bn2`, `conv2`
 * (`bn3`, `conv3`), and where the shape changes `shortcut.0`, or in wide blocks `convShortcut`, which follow the first activation.
 */
class PreActivationBlock extends Module {
  static override readonly kind: string = "PreActivationBlock";

  readonly #layers: readonly { readonly norm: BatchNorm; readonly conv: Conv2d }[];
  readonly #shortcut: Module | undefined;
  readonly #attention: { readonly module: Module; readonly placement: Placement } | undefined;
  readonly #form: Form;
  readonly #dropout: Dropout;
  readonly #activation = new Lambda((x) => x);

  constructor({ form, channels, width, stride, dropout, attention, place }: BlockOptions) {
    super();
    const outputs = width * expansion(form);
    const shapes =
      form === "bottleneck"
        ? ([
            [channels, width, 1, 1],
            [width, width, 3, stride],
            [width, outputs, 1, 1],
          ] as const)
        : ([
            [channels, width, 3, stride],
            [width, width, 3, 1],
          ] as const);
    this.#layers = shapes.map(([from, to, kernel, by], i) => ({
      norm: this.addPart(`bn${i + 1}`, new BatchNorm(from)),
      conv: this.addPart(`conv${i + 1}`, plain(form, from, to, kernel, by)),
    }));
    if (attention && attention.placement !== "stage") {
      const { placement, field } = attention;
      const module = attention.create(placement === "residual" ? outputs : width, place);
      if (module) this.#attention = { module: this.addPart(field, module), placement };
    }
    const reshapes = form === "wide" ? channels !== outputs : stride !== 1 || channels !== outputs;
    if (reshapes) {
      this.#shortcut = plain(form, channels, outputs, 1, stride);
      if (form === "wide") this.addPart("convShortcut", this.#shortcut);
      else this.addPart("shortcut", new Sequential([this.#shortcut]));
    }
    this.#form = form;
    this.#dropout = new Dropout(dropout);
  }

  get branchEnd(): Module {
    return this.#layers.at(-1)!.conv;
  }

  /** The last 3×3 convolution, the second one even in bottlenecks. */
  get lastConvolution(): Module {
    return this.#layers[1]!.conv;
  }

  /** Passes on the last activation, which no layer outputs, so that a module can follow it. */
  get lastActivation(): Module {
    return this.#activation;
  }

  override forward(x: Value): Value {
    const attend = (placement: Placement, y: Value) =>
      this.#attention?.placement === placement ? this.#attention.module.call(y) : y;
    const last = this.#layers.length - 1;
    const first = relu(this.#layers[0]!.norm.call(x));
    const branch = this.#layers.reduce((y, { norm, conv: layer }, i) => {
      const activated = i === 0 ? first : relu(norm.call(y));
      const dropped =
        i === last ? this.#dropout.call(this.#activation.call(attend("activation", activated))) : activated;
      const z = layer.call(dropped);
      return i === 1 ? attend("convolution", z) : z;
    }, x);
    // In wide blocks that reshape, branch and shortcut share the first norm and activation.
    const shortcut = this.#shortcut ? this.#shortcut.call(this.#form === "wide" ? first : x) : x;
    return add(attend("residual", branch), shortcut);
  }
}

interface Architecture {
  readonly owner: string;
  readonly form: Form;
  readonly blocks: number;
  readonly factor: number;
  readonly dropout: number;
}

/** Stages of pre-activation blocks, a final norm and ReLU, mean over positions, linear classifier. [N,3,H,W] → [N,classes] */
export class PreActResNet extends Module implements Attachable {
  static override readonly kind: string = "PreActResNet";

  readonly #stages: readonly Module[];
  readonly #end: readonly [Module, Module, Module];
  readonly #classifier: Linear;

  constructor({ owner, form, blocks, factor, dropout }: Architecture, options: ClassifierOptions) {
    super();
    const plan = attentionPlan(options.attention);
    const wide = form === "wide";
    let channels = 16;
    const stem = this.addPart("conv1", plain(form, 3, channels, 3));
    this.#stages = [16, 32, 64].flatMap((base, stage) => {
      const width = base * factor;
      const made = Array.from({ length: blocks }, (_, block) => {
        const stride = stage > 0 && block === 0 ? 2 : 1;
        const place = { stage, block, blocks };
        const one = new PreActivationBlock({ form, channels, width, stride, dropout, attention: plan, place });
        channels = width * expansion(form);
        return one;
      });
      const layer = new Sequential(made);
      const name = wide ? `block${stage + 1}` : `layer${stage + 1}`;
      const parts: Module[] = [this.addPart(name, wide ? new Sequential({ layer }) : layer)];
      const between =
        plan?.placement === "stage" && stage < 2 ? plan.create(channels, { stage, block: blocks - 1, blocks }) : null;
      if (between) parts.push(this.addPart(`${plan!.field}${stage + 1}`, between));
      return parts;
    });
    const norm = this.addPart(wide ? "bn1" : "bn", new BatchNorm(channels));
    const biasInit = wide ? { biasInit: constant(0) } : {};
    const classifier = new Linear(channels, classCount(owner, options.numClasses, 10), biasInit);
    this.#classifier = this.addPart(wide ? "fc" : "linear", classifier);
    this.#end = [stem, norm, new Lambda(relu)];
  }

  override forward(x: Value): Value {
    const [stem, norm, activation] = this.#end;
    const features = this.#stages.reduce((y, stage) => stage.call(y), stem.call(x));
    return this.#classifier.call(globalAveragePool(activation.call(norm.call(features))));
  }

  attachPoints(): AttachPoints {
    const blocks = partsOf(this, PreActivationBlock);
    return {
      residual: mapValues(blocks, (block) => block.branchEnd),
      convolution: mapValues(blocks, (block) => block.lastConvolution),
      activation: mapValues(blocks, (block) => block.lastActivation),
      stage: modulePlaces(this, this.#stages.slice(0, -1)),
    };
  }
}

/** Options of {@link preactResnet}. `block`: basic or bottleneck; by default bottlenecks from depth 164 on. */
export interface PreActOptions extends ClassifierOptions {
  /** Kind of residual block. */
  readonly block?: "auto" | "basic" | "bottleneck";
}

export const preactOptions = fields<PreActOptions>({ ...classifierFields, block: own });

/**
 * The pre-activation CIFAR networks of He et al.: Identity Mappings in Deep Residual Networks, ECCV 2016, with the names of the SimAM
 * repository: `conv1`, `layer<i>.<j>`, `bn`, `linear`. Depth 6n + 2, or 9n + 2 with bottlenecks.
 *
 * @example
 * const model = preactResnet(20, { numClasses: 100, attention: "simam" });
 */
export function preactResnet(depth: number, given: PreActOptions = {}): PreActResNet {
  integer("preactResnet", "depth", depth);
  check("preactResnet", "options", preactOptions, given);
  const { block = "auto", ...options } = given;
  const form = block === "auto" ? (depth >= 164 ? "bottleneck" : "basic") : block;
  const layers = form === "basic" ? 6 : 9;
  if (depth < layers + 2 || (depth - 2) % layers !== 0)
    throw new OptionError(`preactResnet: depth must be ${layers}n + 2 with ${form} blocks, got ${shown(depth)}`);
  const blocks = (depth - 2) / layers;
  const model = new PreActResNet({ owner: "preactResnet", form, blocks, factor: 1, dropout: 0 }, options);
  return initialize(model, { seed: options.seed ?? 0 });
}

/** Options of {@link wideResnet}. */
export interface WideResNetOptions extends ClassifierOptions {
  /** Dropout rate between the two convolutions of a block. */
  readonly dropout?: number;
}

export const wideOptions = fields<WideResNetOptions>({ ...classifierFields, dropout: own });

/**
 * Zagoruyko, Komodakis: Wide Residual Networks, BMVC 2016: few pre-activation blocks, `factor` times as wide. Depth 6n + 4.
 * Keys: `conv1`, `block<i>.layer.<j>`, `bn1`, `fc`.
 *
 * @example
 * const model = wideResnet(28, 10, { numClasses: 100 });
 */
export function wideResnet(depth: number, factor: number, options: WideResNetOptions = {}): PreActResNet {
  check("wideResnet", "options", wideOptions, options);
  const owner = "wideResnet";
  integer(owner, "depth", depth, 10);
  integer(owner, "factor", factor);
  if ((depth - 4) % 6 !== 0) throw new OptionError(`${owner}: depth must be 6n + 4, got ${shown(depth)}`);
  const dropout = probability(owner, "dropout", options.dropout ?? 0.3);
  const model = new PreActResNet({ owner, form: "wide", blocks: (depth - 4) / 6, factor, dropout }, options);
  return initialize(model, { seed: options.seed ?? 0 });
}

const cifar = { task: "classification", numClasses: 10, input: [3, 32, 32] } as const;

/** Catalogue entries of the published depths. */
export const preactResnets = [
  ...([20, 32, 56, 110, 164] as const).map((depth) =>
    defineModel({
      ...cifar,
      name: `preact_resnet${depth}` as const,
      paper: { title: "Identity Mappings in Deep Residual Networks", url: "https://arxiv.org/abs/1603.05027" },
      options: {
        block: {
          default: "auto" as "auto" | "basic" | "bottleneck",
          choices: ["auto", "basic", "bottleneck"] as const,
          doc: "two 3×3 convolutions, or 1×1, 3×3, 1×1 (auto: the latter from depth 164)",
        },
      },
      create: (options) => preactResnet(depth, options),
    }),
  ),
  ...(
    [
      [16, 8],
      [28, 10],
      [40, 4],
      [40, 10],
    ] as const
  ).map(([depth, factor]) =>
    defineModel({
      ...cifar,
      name: `wide_resnet${depth}_${factor}` as const,
      paper: { title: "Wide Residual Networks", url: "https://arxiv.org/abs/1605.07146" },
      options: {
        dropout: { default: 0.3, doc: "dropout rate between a block's convolutions" },
      },
      create: (options) => wideResnet(depth, factor, options),
    }),
  ),
];
