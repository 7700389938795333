import { closest } from "../core/errors.js";
import * as schemas from "../core/schema.js";
import { coincide, explanationMethods, type MethodOptions } from "../explain.js";
import { type MethodChoice, type MethodName, OptionError } from "../index.js";
import { buildFlags, inputFlags, jsonFlag, weightsFlags } from "./arguments.js";
import { deviceFlags } from "./device.js";
import type { Network } from "./explain-checks.js";
import { type FlagsOf, flag, flagList } from "./flags.js";

/** Names between commas. */
export const nameList = (text: string): readonly string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

export const explainFlags = flagList(
  ...buildFlags,
  ...weightsFlags,
  ...inputFlags,
  flag("--method <names>", "methods, separated by commas, or all (default: gradcam)", nameList),
  flag("--variant <name>", "variant of a method that has several"),
  flag(
    "--layer <paths>",
    "layers, separated by commas; or all, to rank by ROAD the layers that every path crosses (default: the last map before pooling)",
    nameList,
  ),
  flag("--class <class>", "class to explain: a name or index, or predicted (default)"),
  flag("--score <name>", "score of the class to explain (default: logit)", schemas.oneOf("logit", "probability")),
  flag(
    "--error <share>",
    "for ig: largest relative error of its sum, which sets the number of steps (default: 0.01)",
    schemas.positive,
  ),
  flag(
    "--out <path>",
    "figure: a .svg or .png file for all images, or a folder, for one file per image (default: explain.svg, unless --raw or --json is given)",
  ),
  flag("--raw <file>", "write the signed values of the maps as NumPy files: FILE.npy, or one file next to it per map"),
  flag(
    "--scale <kind>",
    "which maps share a color scale (default: those of one method)",
    schemas.oneOf("shared", "column", "cell"),
  ),
  flag("--photograph", "show whole photos, with the part that the network saw"),
  flag("--class-names <file>", "class names: one per line, or a JSON list (default: those of the run, or of ImageNet)"),
  flag("--gates", "show every gate of every attention module instead"),
  flag("--sanity", "instead, check that maps change when weights become random; needs several images"),
  ...deviceFlags,
  jsonFlag,
);
export type ExplainFlags = FlagsOf<typeof explainFlags>;

/** Flags without effect in one of the other modes, by the flag of the mode. */
const idle = {
  gates: ["method", "layer", "class", "score", "variant", "error", "sanity", "photograph"],
  sanity: ["class", "score", "out", "raw", "scale", "photograph"],
} as const satisfies Record<string, readonly (keyof ExplainFlags)[]>;

/** @throws OptionError for a flag that has no effect with the others. */
export function refuseIdle(flags: ExplainFlags): void {
  for (const [mode, names] of Object.entries(idle))
    for (const name of names)
      if (flags[mode as keyof typeof idle] && flags[name] !== undefined)
        throw new OptionError(`--${name} has no effect with --${mode}`);
  for (const name of ["scale", "photograph"] as const)
    if (flags[name] !== undefined && !drawsPicture(flags))
      throw new OptionError(`--${name} is for figures: add --out FILE`);
  const { layer = [], raw } = flags;
  if (layer.includes("all") && layer.length > 1)
    throw new OptionError("--layer all includes every layer; leave out the others");
  if (layer.includes("all") && flags.sanity) throw new OptionError("--sanity takes one layer, not --layer all");
  if (flags.sanity && layer.length > 1) throw new OptionError("--sanity takes one layer");
  if (raw === "") throw new OptionError("--raw must name a file, such as map.npy");
}

/** Whether a figure is drawn: if requested, and if nothing else is. */
export const drawsPicture = ({ out, raw, json, sanity }: ExplainFlags): boolean =>
  !sanity && (out !== undefined || (raw === undefined && !json));

/** The methods by name, with their options from flags. @throws OptionError for an unknown name, or a flag that fits none of them. */
export function methodsBy(
  { method = ["gradcam"], variant, error, layer = [] }: ExplainFlags,
  flag = "--method",
): MethodChoice[] {
  const names = method.includes("all") ? [...explanationMethods.keys()] : [...new Set(method)];
  if (names.length === 0) throw new OptionError(`${flag} is empty: name one, such as gradcam`);
  const entries = names.map((name) => {
    const found = explanationMethods.get(name);
    if (found) return found;
    const near = closest(name, explanationMethods.keys());
    const all = [...explanationMethods.keys()].join(", ");
    throw new OptionError(`Unknown ${flag} "${name}".${near ? ` Did you mean "${near}"?` : ""} There are: ${all}`);
  });
  const varied = entries.filter(({ variants }) => variants.length > 0);
  if (variant !== undefined && !varied.some(({ variants }) => variants.includes(variant)))
    throw new OptionError(
      `--variant ${variant} is none of ${names.join(", ")}: ${varied.map(({ name, variants }) => `${name} has ${variants.join(", ")}`).join("; ") || "no method named has variants"}`,
    );
  if (error !== undefined && !names.includes("ig"))
    throw new OptionError("--error is for --method ig, whose number of steps it sets");
  if (layer.includes("all")) requireOneLayerMethod(entries);
  if (layer.length > 0 && entries.every((entry) => !entry.layer))
    throw new OptionError(
      `--layer has no effect: ${names.join(", ")} ${names.length > 1 ? "explain" : "explains"} the input`,
    );
  return entries.map(({ name, variants }) => {
    const options: MethodOptions = {
      ...(variant !== undefined && variants.includes(variant) ? { variant } : {}),
      ...(error !== undefined && name === "ig" ? { error } : {}),
    };
    return Object.keys(options).length > 0 ? ([name, options] as const) : name;
  });
}

function requireOneLayerMethod(entries: readonly { readonly name: string; readonly layer: boolean }[]): void {
  if (entries.length > 1) throw new OptionError("--layer all ranks the layers for one method; name it with --method");
  if (!entries[0]!.layer)
    throw new OptionError(
      `--layer all needs a method that explains a layer, such as gradcam; ${entries[0]!.name} explains the input`,
    );
}

/** The class that a flag names: undefined for the predicted one. @throws OptionError for an unknown class. */
export function classIndex(
  given: string | undefined,
  classes: readonly string[] | null,
  count: number,
): number | undefined {
  const names = classes ?? [];
  const exact = given === undefined ? -1 : names.indexOf(given);
  if (exact >= 0) return exact;
  if (given === undefined || given === "predicted") return undefined;
  if (/^\d+$/.test(given)) {
    if (Number(given) < count) return Number(given);
    throw new OptionError(
      `--class ${given}: the network has ${count} class${count === 1 ? "" : "es"}, 0 to ${count - 1}`,
    );
  }
  if (!classes)
    throw new OptionError(
      `--class ${given}: the class names are unknown; give an index from 0 to ${count - 1}, or --class-names FILE`,
    );
  // ImageNet's names are lists of synonyms.
  const synonyms = names.map((name) => name.split(",").map((part) => part.trim()));
  const found = synonyms.flatMap((parts, i) => (parts.includes(given) ? [i] : []));
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw new OptionError(
      `--class ${given} may be ${found.map((i) => `${i} (${names[i]})`).join(" or ")}; give the index`,
    );
  const near = closest(given, synonyms.flat());
  const some = names.length <= 20 ? `: ${names.join(", ")}` : "";
  throw new OptionError(
    `Unknown --class "${given}".${near ? ` Did you mean "${near}"?` : ""} The network has ${count} classes, 0 to ${count - 1}${some}`,
  );
}

/** For methods that give the same map at a layer: each that is left out, with the one that represents it. */
export interface Sameness {
  readonly instead: ReadonlyMap<string, MethodName>;
  readonly lines: readonly string[];
}

/** Which of the requested methods coincide at a layer. */
export function samenessOf(
  network: Network,
  methods: readonly MethodChoice[],
  layer: string | undefined,
  { score }: ExplainFlags,
): Sameness {
  const instead = new Map<string, MethodName>();
  const lines: string[] = [];
  const plain = methods.flatMap((choice) => (typeof choice === "string" ? [choice] : []));
  if (score === "probability" || !methods.some((choice) => explanationMethods.get(nameOf(choice))!.layer))
    return { instead, lines };
  for (const { methods: alike, why } of coincide(network, layer === undefined ? {} : { layer })) {
    const [first, ...others] = plain.filter((name) => alike.includes(name));
    if (!first || others.length === 0) continue;
    for (const name of others) instead.set(name, first);
    lines.push(
      `${[first, ...others].join(", ")} give the same map${layer === undefined ? "" : ` at ${layer}`}: ${why}. This is one map, not ${others.length + 1} maps that agree`,
    );
  }
  return { instead, lines };
}

export const nameOf = (choice: MethodChoice): MethodName => (typeof choice === "string" ? choice : choice[0]);
