import { fieldsOf, maybe, type Schema, settings, text } from "./schema.js";

/** A network as it is written down: in the configuration of a run, or in a file's metadata. */
export interface WrittenModel {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** An attention module put into the finished network, to begin as the identity. */
  readonly insert?: { readonly attention: string; readonly options: Readonly<Record<string, unknown>> };
}

export const writtenSchema: Schema<WrittenModel> = fieldsOf<WrittenModel>(
  { name: text, options: settings, insert: maybe(fieldsOf({ attention: text, options: settings })) },
  "a network as it is written down, { name, options }",
);
