import { Command } from "commander";

import { encodeSafetensors, modelWeights } from "../engine.js";
import {
  createModelByName,
  OptionError,
  type RecognizedCheckpoint,
  recognizeCheckpoint,
  writeFileAtomic,
} from "../index.js";
import { stateOf } from "../nn.js";
import { jsonFlag, partFlag } from "./arguments.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { readCheckpointFile } from "./inspect.js";

import { print, short } from "./terminal.js";

const convertFlags = flagList(flag("--original-keys", "keep the keys as they are in the file"), partFlag, jsonFlag);
type ConvertFlags = FlagsOf<typeof convertFlags>;

export const convertCommand = addFlags(new Command("convert"), convertFlags)
  .argument("<in>", "safetensors or PyTorch file (.safetensors, .pth, .pt, .th, .tar)")
  .argument("<out>", "file to write, ending in .safetensors")
  .action(async (input: string, out: string, { part, originalKeys = false, json = false }: ConvertFlags) => {
    if (!out.endsWith(".safetensors"))
      throw new OptionError(`${out}: only safetensors can be written; use a name ending in .safetensors`);
    const { format, tensors, metadata } = await readCheckpointFile(input, part);
    const recognized = recognizeCheckpoint(modelWeights(tensors), metadata);
    if (originalKeys && ![...tensors.keys()].some((key) => recognized && recognized.rename(key) !== key))
      throw new OptionError(`--original-keys has no effect: no key of ${input} would be renamed`);
    const known = originalKeys ? undefined : recognized;
    const shapes = known ? shapesFor(known, tensors) : new Map<string, readonly number[]>();
    const renamed = [...tensors].map(([key, value]) => {
      const name = known ? known.rename(key) : key;
      const shape = shapes.get(key);
      const fits = shape?.reduce((size, d) => size * d, 1) === value.data.length;
      return [name, fits ? { ...value, shape } : value] as const;
    });
    const file = encodeSafetensors(renamed, {
      ...metadata,
      ...(known ? { model: known.model, options: JSON.stringify(known.options) } : {}),
    });
    await writeFileAtomic(out, file);
    const changed = renamed.filter(([key], i) => key !== [...tensors.keys()][i]).length;
    print(
      json,
      {
        in: input,
        out,
        format,
        tensors: tensors.size,
        renamed: changed,
        model: known?.model ?? null,
        bytes: file.byteLength,
      },
      () => [
        `${out}: ${tensors.size} tensors, ${short(file.byteLength)}B${known ? `, keys of ${known.model}${changed ? ` (${changed} renamed)` : ""}` : ""}`,
      ],
    );
  });

/** The network's shapes of the parameters it explains: a linear layer's weight may be that of a 1×1 convolution in the file. */
function shapesFor(
  { model: name, options, rename, unexplained }: RecognizedCheckpoint,
  tensors: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, readonly number[]> {
  const explained = [...tensors.keys()].filter((key) => !unexplained.includes(key));
  const own = explained.length > 0 ? stateOf(createModelByName(name, options)) : new Map<string, never>();
  return new Map(explained.flatMap((key) => (own.has(rename(key)) ? [[key, own.get(rename(key))!.shape]] : [])));
}
