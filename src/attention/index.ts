import { OptionError, unknownName } from "../core/errors.js";
import { type Given, integer, resolveOptions } from "../core/options.js";
import { check, shown, text } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";
import { a2 } from "./a2.js";
import { bam } from "./bam.js";
import { bot } from "./bot.js";
import { cbam } from "./cbam.js";
import { coord } from "./coord.js";
import { cot } from "./cot.js";
import { cpca } from "./cpca.js";
import { cam, danetHead, pam } from "./danet.js";
import { eca } from "./eca.js";
import { ela } from "./ela.js";
import { ema } from "./ema.js";
import { epsa } from "./epsa.js";
import { fca } from "./fca.js";
import { gam } from "./gam.js";
import { gc } from "./gc.js";
import { gct } from "./gct.js";
import { ge } from "./ge.js";
import { halo } from "./halo.js";
import { lct } from "./lct.js";
import { mlca } from "./mlca.js";
import { mpm } from "./mpm.js";
import { nonLocal } from "./non-local.js";
import { parnet } from "./parnet.js";
import { placebo } from "./placebo.js";
import { psaParallel, psaSequential } from "./psa.js";
import { residualAttention, residualBlock } from "./residual-attention.js";
import { rga } from "./rga.js";
import { scBottleneck, scconv } from "./scconv.js";
import { scse } from "./scse.js";
import { se } from "./se.js";
import { sge } from "./sge.js";
import { shuffle } from "./shuffle.js";
import { simam } from "./simam.js";
import { sk } from "./sk.js";
import { type AttentionInfo, type AttentionModule, type Placement, placements } from "./spec.js";
import { spm } from "./spm.js";
import { srm } from "./srm.js";
import { triplet } from "./triplet.js";
import { lka, vanAttention, vanBlock } from "./van.js";

export { DoubleAttention } from "./a2.js";
export { BAM } from "./bam.js";
export { BoTAttention } from "./bot.js";
export { CBAM } from "./cbam.js";
export { CoordinateAttention } from "./coord.js";
export { ContextualTransformer } from "./cot.js";
export { ChannelPriorConvolutionalAttention } from "./cpca.js";
export { ChannelAttention, DANetHead, PositionAttention } from "./danet.js";
export { EfficientChannelAttention } from "./eca.js";
export { EfficientLocalAttention } from "./ela.js";
export { EfficientMultiScaleAttention } from "./ema.js";
export { PyramidSqueezeAttention } from "./epsa.js";
export { MultiSpectralAttention } from "./fca.js";
export { GlobalAttentionMechanism } from "./gam.js";
export { GlobalContext } from "./gc.js";
export { GatedChannelTransformation } from "./gct.js";
export { GatherExcite } from "./ge.js";
export { HaloAttention } from "./halo.js";
export { LinearContextTransform } from "./lct.js";
export { MixedLocalChannelAttention } from "./mlca.js";
export { MixedPooling } from "./mpm.js";
export { NonLocal } from "./non-local.js";
export { ParNetAttention } from "./parnet.js";
export { PSAParallel, PSASequential } from "./psa.js";
export { ResidualAttention, ResidualBlock } from "./residual-attention.js";
export { RelationAwareGlobalAttention } from "./rga.js";
export { SCBottleneck, SCConv } from "./scconv.js";
export { ScSE } from "./scse.js";
export { SqueezeExcite } from "./se.js";
export { SpatialGroupEnhance } from "./sge.js";
export { ShuffleAttention } from "./shuffle.js";
export { SimAM } from "./simam.js";
export { SelectiveKernel } from "./sk.js";
export type { Attends, AttentionInfo, AttentionModule, Kind, Placement } from "./spec.js";
export { StripPooling } from "./spm.js";
export { StyleRecalibration } from "./srm.js";
export { TripletAttention } from "./triplet.js";
export { LargeKernelAttention, VANAttention, VANBlock } from "./van.js";

const entries = [
  a2,
  bam,
  bot,
  cam,
  cbam,
  coord,
  cot,
  cpca,
  danetHead,
  eca,
  ela,
  ema,
  epsa,
  fca,
  gam,
  gc,
  gct,
  ge,
  halo,
  lct,
  lka,
  mlca,
  mpm,
  nonLocal,
  pam,
  parnet,
  psaParallel,
  psaSequential,
  residualAttention,
  residualBlock,
  rga,
  scBottleneck,
  scconv,
  scse,
  se,
  sge,
  shuffle,
  simam,
  sk,
  spm,
  srm,
  triplet,
  vanAttention,
  vanBlock,
] as const;

/** The catalogue: every attention module by name. */
export const attentionModules: ReadonlyMap<string, AttentionInfo> = new Map(
  entries.map((spec) => [spec.name, spec as unknown as AttentionInfo]),
);

/** What comparisons put in a module's place. */
const controls: ReadonlyMap<string, AttentionInfo> = new Map([[placebo.name, placebo as unknown as AttentionInfo]]);

type Entry = (typeof entries)[number];
type Named<N> = Extract<Entry, { readonly name: N }>;
type GivenTo<E> = E extends { readonly options: infer S } ? Given<S> : never;

/** A name of the catalogue. */
export type AttentionName = Entry["name"];
/** A module that keeps the shape of its input, so it fits any network. */
export type GateName = Extract<Entry, { readonly kind: "gate" }>["name"];
/** A module with one output. */
type LayerName = Exclude<Entry, { readonly kind: "head" }>["name"];

/** Options of a module by name, as in its catalogue entry: `AttentionOptions<"cbam">`. Without a name, of any module. */
export type AttentionOptions<N extends string = string> = N extends AttentionName
  ? GivenTo<Named<N>>
  : Readonly<Record<string, unknown>>;

/** Names in the catalogue, in alphabetical order. */
export const listAttention = (): readonly AttentionName[] => entries.map(({ name }) => name);

/** Whether a string is a name in the catalogue, for names known only at run time. */
export const isAttentionName = (name: unknown): name is AttentionName =>
  typeof name === "string" && attentionModules.has(name);

/** The entry of a module. @throws OptionError for an unknown name, suggesting the nearest. */
export function attentionInfo(name: string): AttentionInfo {
  check("attentionInfo", "name", text, name);
  const spec = attentionModules.get(name) ?? controls.get(name);
  if (!spec) throw unknownName("attention", name, attentionModules.keys());
  return spec;
}

/** What {@link createAttention} returns for a name: heads have several outputs. */
type Created<N> = N extends LayerName ? Module : Module<[x: Value], readonly Value[]>;

/**
 * An attention module for maps of `channels` channels. Options left out have the paper's values; unknown ones are refused.
 *
 * @example
 * const gate = createAttention("se", 64, { reduction: 8 });
 */
export function createAttention<N extends AttentionName>(
  name: N,
  channels: number,
  options: AttentionOptions<N> = {} as AttentionOptions<N>,
): Created<N> {
  return createAttentionByName(name, channels, options) as unknown as Created<N>;
}

/** As {@link createAttention}, for names and options known only at run time. @throws OptionError for unknown ones. */
export function createAttentionByName(name: string, channels: number, options: object = {}): AttentionModule {
  check("createAttention", "name", text, name);
  const spec = attentionInfo(name);
  return spec.create(
    integer(name, "channels", channels),
    resolveOptions(name, spec.options, options as Readonly<Record<string, unknown>>),
  );
}

/** Modules added to networks by choice. */
const added = new WeakSet<object>();

/** Whether a module was added to a network by choice: its pretrained weights need not include it. */
export const isAdded = (module: object): boolean => added.has(module);

function noted<M extends Module | null>(module: M): M {
  if (module) added.add(module);
  return module;
}

/**
 * A gate for a place in a network: with the options that networks set, overridden by the user's.
 *
 * @throws OptionError if the output would have a different number of channels.
 */
export function gateFor(name: string, channels: number, options: AttentionOptions): Module {
  const spec = attentionInfo(name);
  const given = { ...spec.inserted, ...options };
  const outputs = spec.outputs?.(channels, resolveOptions(name, spec.options, given)) ?? channels;
  if (outputs !== channels)
    throw new OptionError(
      `attention "${name}": ${shown(options)} turns ${channels} channels into ${outputs}; a module in a network must keep them`,
    );
  return noted(createAttentionByName(name, channels, given) as Module);
}

/** A place for a module in a network: a block of a stage, both counted from 0, and the number of blocks in the stage. */
export interface Place {
  readonly stage: number;
  readonly block: number;
  readonly blocks: number;
}

/**
 * How to name an attention module: by name; with options, for all stages or one per stage (null: none there), and a
 * placement other than the module's own; or by a function that returns a module, or null for none.
 *
 * @example
 * resnet(50, { attention: ["gc", [null, {}, {}, {}]] });
 */
export type AttentionChoice = Chosen<GateName> | "none" | ((channels: number, place: Place) => Module | null);

type Chosen<N> = N extends GateName
  ?
      | N
      | readonly [
          name: N,
          options: AttentionOptions<N> | readonly (AttentionOptions<N> | null)[],
          placement?: Placement,
        ]
  : never;

/** What a user's function makes. @throws OptionError if that is not a module (or null, where allowed), or a class was given instead. */
export function madeBy<A extends readonly unknown[], M extends Module | null>(
  make: (...args: A) => M,
  what: string,
  mayBeNone: boolean,
  ...args: A
): M {
  if (/^class\b/.test(Function.prototype.toString.call(make)))
    throw new OptionError(
      `${what} must be a function, got the class ${make.name}; write (channels) => new ${make.name}(channels)`,
    );
  const made = make(...args);
  if (made instanceof Module || (made === null && mayBeNone)) return made;
  throw new OptionError(
    `${what}: the function must return a Module${mayBeNone ? ", or null for none" : ""}, got ${shown(made)}`,
  );
}

/** A resolved choice: how to make the modules, where they go, and under which field. */
export interface AttentionPlan {
  readonly placement: Placement;
  readonly field: string;
  /** The module for a place, or null for none. */
  create(channels: number, place: Place): Module | null;
}

/** @throws OptionError if the choice is not in the catalogue, or is not a gate that a network's blocks can take. */
export function attentionPlan(choice: AttentionChoice | null | undefined): AttentionPlan | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (typeof choice === "function") {
    const create = (channels: number, place: Place) => noted(madeBy(choice, "attention", true, channels, place));
    return { placement: "residual", field: "attention", create };
  }
  const [name, options, asked]: readonly unknown[] =
    typeof choice === "string" ? [choice, {}] : Array.isArray(choice) ? choice : [];
  if (name === "none") {
    if (asked !== undefined || Object.keys(options ?? {}).length > 0)
      throw new OptionError('attention "none" takes neither options nor a placement');
    return undefined;
  }
  if (typeof name !== "string" || typeof options !== "object" || options === null)
    throw new OptionError(`attention must be a name, [name, options] or a function, got ${shown(choice)}`);
  const { placement, field, kind } = attentionInfo(name);
  if (kind !== "gate") {
    const gates = [...attentionModules.values()].filter((spec) => spec.kind === "gate").map((spec) => spec.name);
    throw new OptionError(`attention "${name}" is a ${kind}; a network's blocks take a gate: ${gates.join(", ")}`);
  }
  if (asked !== undefined && !placements.includes(asked as Placement))
    throw unknownName(`placement of ${name}`, String(asked), placements);
  return {
    placement: (asked as Placement | undefined) ?? placement,
    field,
    create(channels, { stage }) {
      const own: AttentionOptions | null | undefined = Array.isArray(options) ? options[stage] : options;
      if (own === undefined)
        throw new OptionError(
          `attention "${name}": no options for stage ${stage + 1}, only for ${(options as readonly unknown[]).length}`,
        );
      return own && gateFor(name, channels, own);
    },
  };
}
