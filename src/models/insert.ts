import { type AttentionOptions, attentionInfo, gateFor, madeBy, type Placement } from "../attention/index.js";
import { OptionError } from "../core/errors.js";
import {
  seed as anySeed,
  callback,
  check,
  either,
  options as fields,
  flag,
  imageSize,
  maybe,
  type Schema,
  settings,
  text,
  tuple,
  whole,
} from "../core/schema.js";
import { staticDim } from "../core/shape.js";
import { Graph, type Value } from "../graph/graph.js";
import { moduleSchema } from "../nn/checks.js";
import { type AnyModule, constant, initialize, kindOf, Module, Param, Sequential, walk } from "../nn/index.js";
import { add, mul, sub } from "../ops/index.js";
import type { Attachable } from "./attach.js";
import type { ModulesByPath } from "./parts.js";

/** A place in a network, and its map for the input used to look it up. */
export interface InsertPlace {
  readonly path: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Options of {@link insertAttention}. */
export interface InsertOptions {
  /**
   * Which outputs the modules act on: `residual`, of every residual branch; `convolution`, of every block's last spatial convolution;
   * `activation`, the input of every block's last convolution; `stage`, of every stage but the last; or a predicate on path and module.
   * Default: the module's own placement, or `residual` in networks that do not support it.
   */
  readonly where?: Placement | ((path: string, module: AnyModule) => boolean);
  /** Options of the modules, or a function that returns them for each place. */
  readonly options?: AttentionOptions | ((place: InsertPlace) => AttentionOptions);
  /** Blend the modules in with a learned factor that starts at 0, see `Blend`. */
  readonly identityAtStart?: boolean;
  /** [channels, height, width] of an image, used to find the maps. Any size the network takes will do. */
  readonly input?: readonly [number, number, number];
  /** Seed of the initial weights. */
  readonly seed?: number;
}

/**
 * y = x + gain · (module(x) − x), gain one learned number that starts at 0. At first y = x exactly, and only `gain` has a gradient; once
 * it has moved, so do the others. A gate x · g(x) becomes x · (1 + gain · (g(x) − 1)): at gain 1 the module's own formula.
 * Keys: `gain` [], `module`.
 */
export class Blend extends Module {
  static override readonly kind: string = "Blend";

  readonly gain = new Param([], constant(0));

  constructor(readonly module: Module) {
    super();
  }

  override forward(x: Value): Value {
    return add(x, mul(sub(this.module.call(x), x), x.graph.state(this.gain)));
  }
}

/** Holds what was inserted, by the path of its place. Called by the modules that it follows, not as a whole. */
class Inserted extends Module {
  static override readonly kind: string = "Inserted";

  [path: string]: unknown;

  override forward(x: Value): Value {
    return x;
  }
}

/** Records the shape of its input. */
class Observer extends Module {
  static override readonly kind: string = "Observer";

  shape: Value["shape"] | undefined;

  override forward(x: Value): Value {
    this.shape = x.shape;
    return x;
  }
}

export const insertOptions: Schema<InsertOptions> = fields<InsertOptions>({
  where: maybe(either<never>("a placement or a predicate", text as never, callback)),
  options: maybe(either<never>("an object or a function", settings as never, callback)),
  identityAtStart: maybe(flag),
  input: maybe(tuple("[channels, height, width]", whole(1), imageSize, imageSize)),
  seed: maybe(anySeed),
});

/**
 * Puts attention modules into an existing network, in place: each acts on the output of one of its modules. The network's keys do not
 * change, so its pretrained weights still load; the modules' keys are `attention.<place>.…`.
 * Returns the places.
 *
 * @throws OptionError for an unknown module or option, or if there is no such place.
 *
 * @example
 * const net = createModel("resnet50");
 * insertAttention(net, "cbam", { identityAtStart: true });
 * insertAttention(net, "se", { where: (path) => path === "layer4", options: { reduction: 8 } });
 */
export function insertAttention(
  model: Module,
  name: string | ((channels: number) => Module),
  given: InsertOptions = {},
): readonly string[] {
  check("insertAttention", "model", moduleSchema, model);
  check("insertAttention", "name", either<never>("a name or a function", text as never, callback), name);
  check("insertAttention", "options", insertOptions, given);
  const { where, options = {}, identityAtStart = false, input = [3, 224, 224], seed = 0 } = given;
  if (model instanceof Sequential)
    throw new OptionError(
      "insertAttention: a Sequential would call the inserted modules itself; make it a field of a Module",
    );
  const spec = typeof name === "string" ? attentionInfo(name) : undefined;
  if (spec && spec.kind !== "gate") throw new OptionError(`insertAttention: "${name}" is a ${spec.kind}, not a gate`);
  const targets = find(model, where, spec?.placement ?? "residual");
  const fields = model as unknown as { attention?: unknown };
  const inserted = fields.attention ?? new Inserted();
  if (!(inserted instanceof Inserted))
    throw new OptionError("insertAttention: the network has a field `attention` of its own");
  const taken = [...targets.keys()].find((path) => path in inserted);
  if (taken !== undefined) throw new OptionError(`insertAttention: there is already a module at ${taken}`);
  const created = placesOf(model, targets, input).map((place) => {
    const own = typeof options === "function" ? options(place) : options;
    const module =
      typeof name === "string"
        ? gateFor(name, place.channels, own)
        : madeBy(name, "insertAttention: name", false, place.channels);
    return [place.path, identityAtStart ? new Blend(module) : module] as const;
  });
  // The network is changed only now, when nothing can fail any more.
  for (const [path, module] of created) {
    inserted[path] = module;
    targets.get(path)!.appendHook(module);
  }
  fields.attention = inserted;
  initialize(model, { seed });
  return [...targets.keys()];
}

/** The modules to follow, by name of their place. */
function find(model: Module, where: InsertOptions["where"], usual: Placement): ModulesByPath {
  if (typeof where === "function") {
    const chosen = new Map<string, Module>();
    walk(model, {
      module: (path, part) => path && where(path, part) && chosen.set(path, part as unknown as Module),
    });
    if (chosen.size === 0) throw new OptionError("insertAttention: `where` matches no module");
    return chosen;
  }
  const points = "attachPoints" in model ? (model as unknown as Attachable).attachPoints() : {};
  const found = points[where ?? usual] ?? (where ? undefined : points.residual);
  if (!found?.size) {
    const known = Object.entries(points).flatMap(([place, modules]) => (modules?.size ? [place] : []));
    throw new OptionError(
      `insertAttention: ${kindOf(model)} has no place "${where ?? usual}"; use ${[...known, "a predicate"].join(", ")}`,
    );
  }
  return found;
}

/** The maps at the places, found by tracing the network once. */
function placesOf(model: Module, targets: ModulesByPath, input: readonly number[]): readonly InsertPlace[] {
  const observers = [...targets].map(([path, target]) => {
    const observer = new Observer();
    return { path, observer, stop: target.appendHook(observer) };
  });
  try {
    const graph = new Graph(false, () => "");
    model.call(graph.input("input", { dtype: "float", shape: [1, ...input] }));
  } finally {
    for (const { stop } of observers) stop();
  }
  return observers.map(({ path, observer: { shape } }) => {
    if (shape?.length !== 4)
      throw new OptionError(
        `insertAttention: ${path} outputs ${shape ? "no feature map" : "nothing"}; a place needs [N,C,H,W]`,
      );
    const [, channels, height, width] = shape;
    return { path, channels: staticDim(channels), height: staticDim(height), width: staticDim(width) };
  });
}
