import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Command } from "commander";
import { messageOf } from "../core/errors.js";
import { oneOf } from "../core/schema.js";
import { type Engine, FoveaError, OptionError, ortEngine, ortWebEngine, referenceEngine } from "../index.js";
import { readWhole } from "../internal.js";
import { checkGolden, type TrainedData } from "../testing/index.js";
import { jsonFlag } from "./arguments.js";
import { gpuEngine, gpuTrouble, inFlags } from "./device.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { ProgressLine, print, table } from "./terminal.js";

const reference = () => [referenceEngine()];
/** Both lowerings: training uses either. */
const ort = () => [ortEngine({ layout: "blocked" }), ortEngine({ layout: "plain" })];
const web = () => [ortWebEngine()];
/** The WebAssembly build is an optional package. */
const webIfInstalled = () => {
  try {
    import.meta.resolve("onnxruntime-web");
    return web();
  } catch {
    return [];
  }
};
/** Only by name: where there is no GPU, it would fail. */
const webgpu = (softwareGpu: boolean) => [gpuEngine(softwareGpu)];
const choices = { reference, ort, "ort-web": web, webgpu, all: () => [...reference(), ...ort(), ...webIfInstalled()] };

const verifyFlags = flagList(
  flag(
    "--engine <name>",
    "engine to check; all: every installed one but webgpu",
    oneOf(...(Object.keys(choices) as (keyof typeof choices)[])),
    "all",
  ),
  flag(
    "--data <folder>",
    "folder of the weights and CIFAR-10 test batch for trained/ (default: data next to the golden folder)",
  ),
  flag("--software-gpu", "with --engine webgpu, for tests: accept a GPU emulated in software"),
  jsonFlag,
);
type VerifyFlags = FlagsOf<typeof verifyFlags>;

interface FileResult {
  readonly file: string;
  readonly module: string | null;
  readonly engine: string;
  readonly ok: boolean;
  readonly worst: { readonly tensor: string; readonly error: number } | null;
  readonly message?: string;
}

export const verifyCommand = addFlags(new Command("verify"), verifyFlags)
  .argument("<path...>", "golden files (.safetensors), or folders of them")
  .action(async (paths: string[], { engine, data, softwareGpu = false, json = false }: VerifyFlags) => {
    if (softwareGpu && engine !== "webgpu") throw new OptionError("--software-gpu needs --engine webgpu");
    if (engine === "webgpu") {
      const trouble = await gpuTrouble(softwareGpu);
      if (trouble !== undefined) throw new FoveaError(`--engine webgpu: ${inFlags(trouble, "another --engine")}`);
    }
    const found = (await Promise.all(paths.map(goldenFiles))).flat();
    if (found.length === 0) throw new FoveaError(`no .safetensors file in ${paths.join(", ")}`);
    const engines: readonly Engine[] = choices[engine](softwareGpu);
    const progress = new ProgressLine();
    const files: FileResult[] = [];
    let isAsked = false;
    for (const file of found)
      for (const each of engines) {
        progress.draw(files.length / (found.length * engines.length), `${basename(file)} (${each.name})`);
        files.push(
          await verifyFile(file, each, data, () => {
            isAsked = true;
          }),
        );
      }
    progress.clear();
    for (const each of engines) await each.release();
    if (data !== undefined && !isAsked)
      throw new OptionError("--data has no effect: none of these files refers to weights or images there");
    const failed = files.filter((result) => !result.ok);
    print(json, { passed: files.length - failed.length, failed: failed.length, files }, () => [
      ...table(
        files.map(({ file, engine: by, ok, worst, message }) => [
          ok ? "ok" : "FAILED",
          basename(file),
          by,
          message ?? `${worst!.tensor} ${worst!.error.toExponential(1)}`,
        ]),
        ["", "file", "engine", "largest relative error"],
      ),
      "",
      `${files.length - failed.length} passed, ${failed.length} failed`,
    ]);
    if (failed.length > 0) process.exitCode = 1;
  });

/** The .safetensors files at a path, in order, searching folders. */
async function goldenFiles(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => {
    throw new FoveaError(`${path}: no such file or folder`);
  });
  if (!info.isDirectory()) return [path];
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => name.endsWith(".safetensors"))
    .sort()
    .map((name) => join(path, name));
}

/** The name of a folder or file in a golden file, which must not lead elsewhere. */
const safeName = (name: string): string => (name === ".." ? "." : basename(name));

async function verifyFile(
  file: string,
  engine: Engine,
  data: string | undefined,
  onData: () => void,
): Promise<FileResult> {
  const folder = data ?? join(dirname(file), "..", "..", "data");
  const read = (...parts: string[]) => {
    onData();
    return readWhole(join(folder, ...parts)).catch(() => {
      throw new FoveaError(`needs ${join(...parts)} in ${folder}; set --data`);
    });
  };
  const trained: TrainedData = {
    weights: (name) => read("weights", basename(name)),
    cifarTest: () => read("cifar-10-batches-bin", "test_batch.bin"),
    golden: (name) =>
      readWhole(join(dirname(file), "..", ...name.split("/").slice(-2).map(safeName))).catch(() => {
        throw new FoveaError(`needs the golden file ${name} in ${join(dirname(file), "..")}`);
      }),
  };
  try {
    const { module, ok, worst } = await checkGolden(await readWhole(file), engine, trained);
    return { file, module, engine: engine.name, ok, worst: { tensor: worst.tensor, error: worst.error } };
  } catch (error) {
    return {
      file,
      module: null,
      engine: engine.name,
      ok: false,
      worst: null,
      message: messageOf(error).split("\n")[0]!,
    };
  }
}
