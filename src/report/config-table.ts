/** One setting: its path, and its value as text. */
export type Setting = readonly [path: string, value: string];

/**
 * Nested settings as a flat list. Lists stay on one line.
 *
 * @example
 * flattenConfig({ model: "resnet20", optimizer: { name: "sgd", betas: [0.9, 0.99] } });
 * // [["model", "resnet20"], ["optimizer.name", "sgd"], ["optimizer.betas", "0.9, 0.99"]]
 */
export function flattenConfig(config: object, path = ""): Setting[] {
  return Object.entries(config).flatMap(([key, value]: [string, unknown]) => {
    const name = path ? `${path}.${key}` : key;
    if (value === undefined) return [];
    if (Array.isArray(value)) return [[name, value.map(textOf).join(", ") || "none"]];
    return isObject(value) ? flattenConfig(value, name) : [[name, textOf(value)]];
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return isObject(value) ? JSON.stringify(value) : String(value);
}
