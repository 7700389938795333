import { fieldsOf, maybe, text } from "../core/schema.js";

/** The part of a network that a node belongs to. */
export interface Scope {
  /** Path of the module, such as `layer2.0.attention`; empty for the network itself. */
  readonly path: string;
  /** What its class declares itself to be, such as `CBAM`; none outside of modules. */
  readonly kind?: string;
}

/** Outside of every module. */
export const outside: Scope = { path: "" };

export const scopeSchema = fieldsOf<Scope>({ path: text, kind: maybe(text) }, "a scope, { path, kind }");

/** For people to read: `layer2.0.attention (CBAM)`. */
export const formatScope = ({ path, kind }: Scope): string => [path, kind && `(${kind})`].filter(Boolean).join(" ");

/** What is in a scope, as errors name it: `layer2.0.attention (CBAM) › Conv`. */
export const inScope = (scope: Scope, what: string): string => [formatScope(scope), what].filter(Boolean).join(" › ");
