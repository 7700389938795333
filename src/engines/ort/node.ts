import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FoveaError, OptionError } from "../../core/errors.js";
import { check, options as fields, maybe, oneOf, type Schema, settings } from "../../core/schema.js";
import type { Engine } from "../engine.js";
import { engineIn, type OrtOptions, ortFields, ortWebOptions } from "./engine.js";
import type { Host, HostRequest, HostResults } from "./session.js";
import { type CpuOptions, cpuBackend } from "./targets/cpu.js";
import { wasmBackend } from "./targets/wasm.js";
import { checkDevice, webgpuBackend } from "./targets/webgpu.js";
import { checkTuning, defaultTuning, type EnginePrecision, enginePrecisions, type Tuning } from "./tuning.js";
import type { Answer, WorkerSetup } from "./worker.js";

/** Options of {@link ortEngine}. */
export interface OrtNodeOptions extends OrtOptions {
  /**
   * Memory layout of activations and weights: `plain` (row-major, standard operators), `blocked` (NCHWc, by ONNX Runtime's own operators),
   * or `auto` (default): blocked for inference, and for training on more than `tuning.fewImages` images. On processors without such
   * operators, and for batches of unknown size, everything is plain.
   */
  readonly layout?: NonNullable<CpuOptions["layout"]>;
  /**
   * `float32` (default), or `fast`: blocked 3×3 convolutions of many channels by Winograd's F(4×4,3×3) (Lavin and Gray, arXiv:1509.09308), forward
   * pass and gradients. Fewer multiplications, about five times the rounding error, still a thousandth of that of bfloat16, and more memory. `tuning`
   * decides which layers these are.
   */
  readonly precision?: EnginePrecision;
  /** Sizes at which one lowering becomes faster than another, as measured by `fovea bench calibrate`. Default: {@link defaultTuning}. */
  readonly tuning?: Tuning;
}

export const ortOptions: Schema<OrtNodeOptions> = fields<OrtNodeOptions>({
  ...ortFields,
  layout: maybe(oneOf("auto", "plain", "blocked")),
  precision: maybe(oneOf(...enginePrecisions)),
  tuning: maybe(settings) as unknown as Schema<Tuning | undefined>,
});

/**
 * ONNX Runtime on the CPU, or on a GPU by WebGPU, in float32. Sessions live in a worker thread, so the event loop stays free while they run.
 * With `device: "webgpu"`, compiling a graph throws a FoveaError that says why if there is no GPU, or if WebGPU has no kernel for a part of the graph.
 *
 * @throws OptionError for an invalid option, or one without effect on the device.
 * @example
 * const engine = ortEngine();
 * const executable = await engine.compile(trace(model, [1, 3, 32, 32]));
 * const { output } = await executable.run({ input: float32([1, 3, 32, 32], pixels) });
 */
export function ortEngine(options: OrtNodeOptions = {}): Engine {
  check("ortEngine", "options", ortOptions, options);
  checkDevice("ortEngine", options);
  if (options.device === "webgpu") return engineIn(new GpuHost(), webgpuBackend(inWorker, inWorker, options));
  if (options.precision === "fast" && options.layout === "plain")
    throw new OptionError('ortEngine: precision "fast" has no effect with layout "plain"; leave it out');
  const { threads = availableParallelism(), ...rest } = options;
  const tuning = checkTuning(options.tuning ?? defaultTuning, "ortEngine: tuning");
  return engineIn(new WorkerHost({ backend: "cpu", threads }), cpuBackend({ ...rest, tuning }));
}

/**
 * ONNX Runtime as WebAssembly, as in browsers, but in a worker thread of Node: slower than {@link ortEngine}, without native code.
 * Needs the package `onnxruntime-web`. (For browsers, `fovea/web` has an engine of the same name.)
 *
 * @throws OptionError for an invalid option.
 * @example
 * const engine = ortWebEngine({ threads: 2 });
 */
export function ortWebEngine(options: OrtOptions = {}): Engine {
  check("ortWebEngine", "options", ortWebOptions, options);
  if (options.device === "webgpu")
    throw new OptionError(`ortWebEngine: device "webgpu" needs a browser; in Node use ortEngine({ device: "webgpu" })`);
  checkDevice("ortWebEngine", options);
  const { threads = availableParallelism(), rules } = options;
  return engineIn(
    new WorkerHost({ backend: "wasm", threads }),
    wasmBackend(() => import("onnxruntime-web"), rules),
  );
}

/** A worker thread, started on first use. It keeps the process alive only while a request is open. */
class WorkerHost implements Host {
  #worker: Worker | undefined;
  /** Requests without an answer; answers arrive in order. */
  readonly #open: { resolve(result: Answer["result"]): void; reject(error: Error): void }[] = [];
  /** The newest answer. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly setup: WorkerSetup) {}

  ask<R extends HostRequest>(request: R, transfer: readonly ArrayBufferLike[] = []): Promise<HostResults[R["kind"]]> {
    const worker = (this.#worker ??= this.#start());
    const answer = new Promise<Answer["result"]>((resolve, reject) => {
      // Throws if something cannot be sent, such as a detached array; then no request is open.
      worker.postMessage(request, transfer as ArrayBuffer[]);
      this.#open.push({ resolve, reject });
      worker.ref();
    });
    this.#last = answer.catch(() => undefined);
    return answer as Promise<HostResults[R["kind"]]>;
  }

  /** Ends the thread once it has answered: terminated in the middle of a run, ONNX Runtime would crash the process. */
  async stop(): Promise<void> {
    for (let last: unknown; last !== this.#last; ) {
      last = this.#last;
      await last;
    }
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    // Without the process's own flags: with --input-type, for one, no file can be run.
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: this.setup, execArgv: [] });
    worker.on("message", ({ result, error }: Answer) => {
      const request = this.#open.shift()!;
      if (this.#open.length === 0) worker.unref();
      if (error === undefined) request.resolve(result);
      else request.reject(new FoveaError(error));
    });
    const fail = (error: Error) => {
      if (this.#worker !== worker) return;
      for (const request of this.#open.splice(0)) request.reject(error);
      this.#worker = undefined;
    };
    worker.on("error", fail);
    worker.on("exit", () => fail(new FoveaError("ONNX Runtime: the worker thread has ended")));
    return worker;
  }
}

/** The worker's part of a backend. */
const inWorker = (): never => {
  throw new Error("sessions are opened in the worker thread");
};

/** An engine's sessions on the GPU. In two threads at once ONNX Runtime's WebGPU crashes, so all engines share a worker. */
class GpuHost implements Host {
  static readonly #worker = new WorkerHost({ backend: "webgpu", threads: 1 });
  readonly #sessions = new Set<number>();

  ask<R extends HostRequest>(request: R, transfer?: readonly ArrayBufferLike[]): Promise<HostResults[R["kind"]]> {
    if (request.kind === "create") this.#sessions.add(request.session);
    if (request.kind === "release") this.#sessions.delete(request.session);
    return GpuHost.#worker.ask(request, transfer);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => this.ask({ kind: "release", session })));
  }
}
