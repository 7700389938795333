import { check, settings } from "../core/schema.js";

/**
 * The names of a network's classes in the metadata of a file that Fovea wrote; undefined where it tells none.
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
    return undefined; // somebody else's metadata
  }
}
