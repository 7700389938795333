import { dirname } from "node:path";
import { Command } from "commander";
import { countNotFinite } from "../core/finite.js";
import { modelWeights } from "../engine.js";
import {
  type Checkpoint,
  type DType,
  FormatError,
  openCheckpoint,
  recognizeCheckpoint,
  resolveWeights,
} from "../index.js";
import { forEachTensor } from "../internal.js";
import { jsonFlag, optional, partFlag } from "./arguments.js";
import { addFlags, type FlagsOf, flagList } from "./flags.js";
import { ProgressLine, print, say, short, table } from "./terminal.js";

const inspectFlags = flagList(partFlag, jsonFlag);

export const inspectCommand = addFlags(new Command("inspect"), inspectFlags)
  .argument(
    "<file>",
    "safetensors or PyTorch file (.safetensors, .pth, .pt, .th, .tar), the folder or index of a sharded one, https://…, or hf:OWNER/NAME[@REV][/FILE]",
  )
  .action(async (file: string, { part: wanted, json = false }: FlagsOf<typeof inspectFlags>) => {
    const entries: { key: string; dtype: DType; shape: readonly number[]; notFinite: number }[] = [];
    const {
      format,
      metadata,
      part = "",
      otherParts = [],
      placeholders = [],
    } = await reading(file, (path) =>
      forEachTensor(
        path,
        (key, value) => entries.push({ key, dtype: value.dtype, shape: value.shape, notFinite: countNotFinite(value) }),
        { part: wanted },
      ),
    );
    const notFinite = entries.reduce((n, entry) => n + entry.notFinite, 0);
    const elements = entries.reduce((n, { shape }) => n + shape.reduce((size, d) => size * d, 1), 0);
    const weights = modelWeights(new Map(entries.map((entry) => [entry.key, entry])));
    const known = recognizeCheckpoint(weights, metadata);
    const training = entries.length - weights.size;
    const network = known
      ? {
          family: known.family,
          model: known.model,
          options: known.options,
          ...optional("insert", known.insert),
          unexplained: known.unexplained,
          missing: known.missing,
        }
      : null;
    print(
      json,
      { file, format, tensors: entries, elements, notFinite, metadata, part, otherParts, placeholders, network },
      () => [
        ...table(
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
        ...(training ? [`${training} tensors are training state, to resume from`] : []),
        ...(part || otherParts.length ? [`the weights are at ${part || "the top level"}`] : []),
        ...(otherParts.length ? [`--part selects others: ${partsText(otherParts)}`] : []),
        ...notReadLine(placeholders),
        ...Object.entries(metadata).map(
          ([name, value]) => `  ${name.slice(0, 100)}: ${value.slice(0, 100)}${value.length > 100 ? "…" : ""}`,
        ),
        known
          ? `${known.family}: --model ${known.model} with ${JSON.stringify(known.options)}${known.insert ? `, --insert ${known.insert.attention} with ${JSON.stringify(known.insert.options)}` : ""}`
          : "not a known network; docs/rebuild-a-network.md shows how to rebuild one and load its weights",
        ...(known?.unexplained.length && known.original("")
          ? [`the network has the keys that begin with ${known.original("")}`]
          : []),
        ...keysLine("keys that this network does not explain", known?.unexplained),
        ...keysLine("keys of this network that the file lacks", known?.missing),
      ],
    );
  });

/** A line on keys that do not fit, naming the first few; none if all fit. */
function keysLine(what: string, keys: readonly string[] = []): readonly string[] {
  if (keys.length === 0) return [];
  return [`${keys.length} ${what}: ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ", …" : ""}`];
}

/** A line on Python objects of which only the type was read, naming the first few. */
function notReadLine(placeholders: NonNullable<Checkpoint["placeholders"]>): readonly string[] {
  if (placeholders.length === 0) return [];
  const few = placeholders.slice(0, 10).map(({ where, type }) => `${where || "the top level"} (${type})`);
  const more = placeholders.length > few.length ? `, and ${placeholders.length - few.length} more` : "";
  return [`Python objects that were not read: ${few.join(", ")}${more}`];
}

/** Reads a file, folder or address. @throws FormatError that says, for a download, how to get it again. */
async function reading<T>(source: string, read: (path: string) => Promise<T>): Promise<T> {
  const path = await localFile(source);
  return read(path).catch((error: unknown) => {
    if (!(error instanceof FormatError) || !/^(?:hf|https?):/.test(source)) throw error;
    throw new FormatError(
      `${error.message}. If the download is damaged, remove it from ${dirname(path)} and try again`,
    );
  });
}

/** The local path of what --weights names: itself or, for an address, what was downloaded. */
async function localFile(source: string): Promise<string> {
  const progress = new ProgressLine();
  try {
    return await resolveWeights(source, {
      onProgress: ({ url, received, total, waiting }) => {
        const name = url.slice(url.lastIndexOf("/") + 1);
        const size = total === null ? "" : ` of ${short(total)}B`;
        const share = total ? received / total : 0;
        progress.draw(
          share,
          waiting ? `another process is downloading ${name}` : `${name}  ${short(received)}B${size}`,
        );
      },
    });
  } finally {
    progress.clear();
  }
}

/** The first few parts of a file, by name. */
const partsText = (parts: readonly string[]): string =>
  `${parts
    .slice(0, 5)
    .map((name) => name || "the top level")
    .join(", ")}${parts.length > 5 ? ", …" : ""}`;

/**
 * Reads a checkpoint of any format from a file, folder or address. Says which of several sets of weights was taken, unless it was
 * requested. @throws FoveaError if there is none.
 */
export async function readCheckpointFile(file: string, part?: string): Promise<Checkpoint> {
  const checkpoint = await reading(file, (path) => openCheckpoint(path, { part }));
  const { part: taken, otherParts = [] } = checkpoint;
  if (part === undefined && otherParts.length)
    say(
      `${file} holds several sets of weights: using ${taken || "the top level"}; --part selects others: ${partsText(otherParts)}`,
    );
  return checkpoint;
}
