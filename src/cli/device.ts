import { messageOf } from "../core/errors.js";
import { oneOf } from "../core/schema.js";
import { Graph } from "../engine.js";
import { type Engine, FoveaError, OptionError, ortEngine } from "../index.js";
import type { EnginePrecision } from "../internal.js";
import { type FlagsOf, flag, flagList } from "./flags.js";
import { say } from "./terminal.js";

/** Flags that say where to compute. */
export const deviceFlags = flagList(
  flag(
    "--device <name>",
    "where to compute: cpu (default), webgpu (a GPU), or auto: a GPU if there is one",
    oneOf("cpu", "webgpu", "auto"),
  ),
  flag("--software-gpu", "with --device, for tests: accept a GPU emulated in software"),
);
type DeviceFlags = FlagsOf<typeof deviceFlags>;

/** The same, once it is known whether there is a GPU. */
export type SettledDevice = Omit<DeviceFlags, "device"> & { readonly device?: "cpu" | "webgpu" };

/** Flags that are about the processor, or change nothing on a GPU, where ONNX Runtime merges what is computed twice. */
interface ProcessorFlags {
  readonly threads?: number | undefined;
  readonly precision?: EnginePrecision | undefined;
  readonly recompute?: boolean | undefined;
}

export const gpuEngine = (softwareGpu = false): Engine => ortEngine({ device: "webgpu", allowSoftware: softwareGpu });

/** What is wrong, with flags in place of the library's options. */
export const inFlags = (error: unknown, cpu = "--device cpu"): string =>
  messageOf(error)
    .replace("allowSoftware", "--software-gpu")
    .replace(/device "cpu"(, the default)?/, cpu);

/** Why there is no GPU to compute on; undefined if there is one. */
export async function gpuTrouble(softwareGpu: boolean | undefined): Promise<unknown> {
  const engine = gpuEngine(softwareGpu);
  try {
    const graph = new Graph();
    graph.output("y", graph.input("x", { dtype: "float", shape: [1] }));
    await (await engine.compile(graph)).release();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await engine.release();
  }
}

/**
 * Where to compute, for the start of a command, before it reads or writes anything. With `auto` it is said.
 *
 * @throws OptionError for a flag without effect there. @throws FoveaError if a GPU is asked for, and there is none.
 */
export async function deviceOf({
  device = "cpu",
  softwareGpu,
  ...flags
}: DeviceFlags & ProcessorFlags): Promise<"cpu" | "webgpu"> {
  if (device === "cpu") {
    if (softwareGpu) throw new OptionError("--software-gpu needs --device webgpu or --device auto");
    return "cpu";
  }
  const idle = (["threads", "recompute"] as const).find((name) => flags[name]);
  const flag = flags.precision === "fast" ? "precision fast" : idle;
  if (flag && device === "webgpu") throw new OptionError(`--${flag} has no effect with --device webgpu`);
  const trouble = await gpuTrouble(softwareGpu);
  if (trouble === undefined) {
    if (device === "auto") say("computing on the GPU, by WebGPU");
    return "webgpu";
  }
  if (device === "webgpu") throw new FoveaError(`--device webgpu: ${inFlags(trouble)}`);
  say(`computing on the CPU: ${messageOf(trouble).replace(/; use device "cpu".*/, "")}`);
  return "cpu";
}
