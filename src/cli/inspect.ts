import { Command } from "commander";
import {
  type Checkpoint,
  countNotFinite,
  type DType,
  forEachTensor,
  modelWeights,
  openCheckpoint,
  recogniseCheckpoint,
  resolveWeights,
} from "../index.js";
import { ProgressLine, print, short, table } from "./terminal.js";

export const inspectCommand = new Command("inspect")
  .description("What is in a checkpoint: keys, shapes, dtypes, and which network it belongs to")
  .argument(
    "<file>",
    "safetensors or PyTorch file (.safetensors, .pth, .pt, .th, .tar), a folder or index of one in several files, https://…, or hf:OWNER/NAME[@REV][/FILE]",
  )
  .option("--json", "print one JSON object")
  .action(async (file: string, { json = false }: { json?: boolean }) => {
    const entries: { key: string; dtype: DType; shape: readonly number[]; notFinite: number }[] = [];
    const {
      format,
      metadata,
      part = "",
      otherParts = [],
    } = await forEachTensor(await localFile(file), (key, value) =>
      entries.push({ key, dtype: value.dtype, shape: value.shape, notFinite: countNotFinite(value) }),
    );
    const notFinite = entries.reduce((n, entry) => n + entry.notFinite, 0);
    const elements = entries.reduce((n, { shape }) => n + shape.reduce((size, d) => size * d, 1), 0);
    const weights = modelWeights(new Map(entries.map((entry) => [entry.key, entry])));
    const known = recogniseCheckpoint(weights, metadata);
    const training = entries.length - weights.size;
    const network = known
      ? {
          family: known.family,
          model: known.model,
          options: known.options,
          unexplained: known.unexplained,
          missing: known.missing,
        }
      : null;
    print(json, { file, format, tensors: entries, elements, notFinite, metadata, part, otherParts, network }, () =>
      [
        table(
          entries.map(({ key, dtype, shape, notFinite: n }) => [
            key,
            dtype,
            `[${shape.join(",")}]`,
            ...(notFinite ? [n ? `${n} not finite` : ""] : []),
          ]),
          ["key", "dtype", "shape", ...(notFinite ? ["NaN or Infinity"] : [])],
        ),
        "",
        `${file}: ${format}, ${entries.length} tensors, ${short(elements)} elements${notFinite ? `, ${notFinite} of them not finite (NaN or Infinity)` : ""}`,
        ...(training ? [`${training} tensors are the optimizer's and averages, to resume from`] : []),
        ...(part ? [`the weights are those of ${part}`] : []),
        ...(otherParts.length
          ? [
              `other tensors: ${otherParts
                .slice(0, 5)
                .map((name) => name || "the file itself")
                .join(", ")}`,
            ]
          : []),
        ...Object.entries(metadata).map(
          ([name, value]) => `  ${name}: ${value.length > 100 ? `${value.slice(0, 100)}…` : value}`,
        ),
        known
          ? `${known.family}: --model ${known.model} with ${JSON.stringify(known.options)}`
          : "not of a network that is known here",
        ...keysLine("keys that this network does not explain", known?.unexplained),
        ...keysLine("keys of this network that the file lacks", known?.missing),
      ].join("\n"),
    );
  });

/** A line on keys that do not fit, the first few by name; none where all do. */
function keysLine(what: string, keys: readonly string[] = []): readonly string[] {
  if (keys.length === 0) return [];
  return [`${keys.length} ${what}: ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ", …" : ""}`];
}

/** The file of what --weights names: itself, or, if it is an address, what was downloaded from there. */
async function localFile(source: string): Promise<string> {
  const progress = new ProgressLine();
  try {
    return await resolveWeights(source, {
      onProgress: ({ url, received, total, waiting }) => {
        const name = url.slice(url.lastIndexOf("/") + 1);
        const size = total === null ? "" : ` of ${short(total)}B`;
        const share = total ? received / total : 0;
        progress.draw(share, waiting ? `another process downloads ${name}` : `${name}  ${short(received)}B${size}`);
      },
    });
  } finally {
    progress.clear();
  }
}

/** Reads a checkpoint of any format, from a file, a folder or an address. @throws FoveaError if there is none. */
export async function readCheckpointFile(file: string): Promise<Checkpoint> {
  return openCheckpoint(await localFile(file));
}

/** The names of the classes, in a file that Fovea wrote; undefined where it tells none. */
export function classesOf({ classes }: Readonly<Record<string, string>>): readonly string[] | undefined {
  try {
    const names: unknown = JSON.parse(classes ?? "null");
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
  } catch {
    return undefined; // somebody else's metadata
  }
}
