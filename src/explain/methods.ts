import { OptionError, unknownName } from "../core/errors.js";
import { check, type Fields, options as fields, isObject, maybe, oneOf, shown } from "../core/schema.js";
import { type AttributionMethod, attributions } from "./attributions/methods.js";
import { type AttributionOptions, attributionFields } from "./attributions/options.js";
import { type CamMethod, cams } from "./cams/methods.js";
import type { Finding, Subject } from "./subject.js";

/** An explanation method, by its name in golden files. */
export type MethodName = keyof typeof cams | keyof typeof attributions;

/** Options of a method: its variant, and for attributions those in {@link AttributionOptions}. */
export interface MethodOptions extends AttributionOptions {
  /** Which of the variants in papers and code; the method's entry in {@link explanationMethods} lists them. */
  readonly variant?: string;
}

/** A method by name, or with options. */
export type MethodChoice = MethodName | readonly [name: MethodName, options: MethodOptions];

/** What is known about a method. */
export interface MethodEntry {
  /** Its name, such as `gradcam++`. */
  readonly name: MethodName;
  /** As papers write it, such as `Grad-CAM++`. */
  readonly title: string;
  /** `activation`: a map of a layer; `attribution`: of the input's pixels. */
  readonly kind: "activation" | "attribution";
  /** The first is the default; empty if there is only one. */
  readonly variants: readonly string[];
  /** The options it takes besides `variant`. */
  readonly options: readonly (keyof AttributionOptions)[];
  /** Whether it explains a layer. */
  readonly layer: boolean;
  /** Whether it has been shown to give much the same map for a network with random weights (Adebayo et al., 2018). */
  readonly failsSanityChecks: boolean;
}

function entryOf(name: MethodName): MethodEntry {
  if (name in cams) {
    const { title, variants } = cams[name as keyof typeof cams];
    return { name, title, kind: "activation", variants, options: [], layer: true, failsSanityChecks: false };
  }
  const method: AttributionMethod = attributions[name as keyof typeof attributions];
  const { title, variants, options, layer = false, failsSanityChecks = false } = method;
  return { name, title, kind: "attribution", variants, options, layer, failsSanityChecks };
}

/** Every explanation method, by name. */
export const explanationMethods: ReadonlyMap<string, MethodEntry> = new Map(
  [...Object.keys(cams), ...Object.keys(attributions)].map((name) => [name, entryOf(name as MethodName)]),
);

/** A method ready to be applied. */
export interface Method extends MethodEntry {
  readonly variant: string | null;
  run(subject: Subject): Promise<Finding>;
}

/** @throws OptionError for an unknown name, suggesting the nearest; for a variant or an option that the method does not have. */
export function methodOf(choice: unknown): Method {
  const [name, options = {}]: readonly unknown[] = Array.isArray(choice) ? choice : [choice];
  if (typeof name !== "string" || !isObject(options))
    throw new OptionError(`explain: method must be a name or [name, options], got ${shown(choice)}`);
  const entry = explanationMethods.get(name);
  if (!entry) throw unknownName("method", name, explanationMethods.keys());
  const { variants } = entry;
  const own = Object.fromEntries(entry.options.map((option) => [option, attributionFields[option]]));
  const schema = fields<MethodOptions>({
    ...own,
    ...(variants.length ? { variant: maybe(oneOf(...variants)) } : {}),
  } as Fields<MethodOptions>);
  check("explain", `the options of ${name}`, schema, options);
  const { variant = variants[0] ?? null, ...rest } = options as MethodOptions;
  const cam: CamMethod | undefined = name in cams ? cams[name as keyof typeof cams] : undefined;
  const attribution: AttributionMethod | undefined = cam ? undefined : attributions[name as keyof typeof attributions];
  return {
    ...entry,
    variant,
    run: (subject) => cam?.run(subject, variant ?? "") ?? attribution!.run(subject, variant ?? "", rest),
  };
}

/** One choice or several. */
export function methodsOf(method: MethodChoice | readonly MethodChoice[]): Method[] {
  const isOne = !Array.isArray(method) || (method.length === 2 && isObject(method[1]) && !Array.isArray(method[1]));
  const choices: readonly unknown[] = isOne ? [method] : method;
  if (choices.length === 0) throw new OptionError("explain: needs at least one method");
  return choices.map(methodOf);
}
