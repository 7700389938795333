import { check, settings } from "../core/schema.js";

/**
 * The class names in the metadata of a file written by Fovea; undefined if there are none.
 *
 * @example
 * const { metadata } = await openCheckpoint("runs/shapes-resnet20-cbam/best.safetensors");
 * classNames(metadata); // ["circle", "cross", …]
 */
export function classNames(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  check("classNames", "metadata", settings, metadata);
  const { classes } = metadata;
  try {
    const names: unknown = JSON.parse(classes ?? "null");
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
  } catch {
    return undefined; // metadata of another program
  }
}
