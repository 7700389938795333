import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FoveaError } from "../../core/errors.js";
import { check, options as fields, flag, maybe, oneOf, type Schema, settings } from "../../core/schema.js";
import type { Engine } from "../engine.js";
import {
  type BlockOptions,
  engineIn,
  type Host,
  noBlocks,
  nodeRules,
  type OrtOptions,
  ortFields,
  ortWebOptions,
  wasmRules,
} from "./engine.js";
import { checkRegimes, defaultRegimes, type Regimes } from "./regimes.js";
import type { HostRequest, HostResult } from "./session.js";
import type { Answer, WorkerSetup } from "./worker.js";

/** Options of {@link ortEngine}. */
export interface OrtNodeOptions extends OrtOptions {
  /**
   * How activations and weights lie in memory: `plain` (row-major, standard operators), `blocked` (channels in blocks, by operators of
   * ONNX Runtime's own that are faster with changing weights), or `auto` (default): blocked for graphs with gradients of
   * convolutions over more images than {@link Regimes} calls few. Where the processor has no such operators everything is plain.
   */
  readonly layout?: BlockOptions["layout"];
  /**
   * In blocks, whether 3×3 convolutions may go by Winograd's F(4×4,3×3) (Lavin and Gray, arXiv:1509.09308): fewer multiplications,
   * about ten times the rounding error (5e-6 of the largest output), more memory. F(2×2,3×3), whose rounding error is that of the
   * convolution itself, needs no permission. `regimes` says of how many channels and on which maps. Default: false.
   */
  readonly winograd?: boolean;
  /** Sizes at which one lowering becomes faster than another: what `fovea bench calibrate` measures. Default: {@link defaultRegimes}. */
  readonly regimes?: Regimes;
}

export const ortOptions: Schema<OrtNodeOptions> = fields<OrtNodeOptions>({
  ...ortFields,
  layout: maybe(oneOf("auto", "plain", "blocked")),
  winograd: maybe(flag),
  regimes: maybe(settings) as unknown as Schema<Regimes | undefined>,
});

/**
 * ONNX Runtime on the processor, in float32. Sessions live in a worker thread: the event loop stays free while they run.
 *
 * @throws OptionError if `regimes` is not such a table, or another option is none of its values.
 * @example
 * const engine = ortEngine();
 * const executable = await engine.compile(trace(model, [1, 3, 32, 32]));
 * const { output } = await executable.run({ input: float32([1, 3, 32, 32], pixels) });
 */
export function ortEngine(options: OrtNodeOptions = {}): Engine {
  check("ortEngine", "options", ortOptions, options);
  const { threads = availableParallelism(), rules = new Map(), layout = "auto", winograd = false } = options;
  const regimes = checkRegimes(options.regimes ?? defaultRegimes, "ortEngine: regimes");
  const name = layout === "auto" ? "ort" : `ort-${layout}`;
  return engineIn(new WorkerHost({ build: "native", threads }), name, new Map([...nodeRules, ...rules]), {
    layout,
    winograd,
    regimes,
  });
}

/**
 * ONNX Runtime as WebAssembly, as browsers run it, in a worker thread of Node: slower than {@link ortEngine}, and without native
 * code. Needs the package `onnxruntime-web`. (In browsers, `fovea/web` has the engine of the same name.)
 *
 * @throws OptionError if `threads` is no number of threads.
 * @example
 * const engine = ortWebEngine({ threads: 2 });
 */
export function ortWebEngine(options: OrtOptions = {}): Engine {
  check("ortWebEngine", "options", ortWebOptions, options);
  const { threads = availableParallelism(), rules = new Map() } = options;
  return engineIn(new WorkerHost({ build: "wasm", threads }), "ort-web", new Map([...wasmRules, ...rules]), noBlocks);
}

/** The worker thread, started when first needed. It keeps the process alive only while a request is open. */
class WorkerHost implements Host {
  #worker: Worker | undefined;
  readonly #open = new Map<number, { resolve(result: HostResult): void; reject(error: Error): void }>();
  #count = 0;
  /** The newest answer, which is also the last to come. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly setup: WorkerSetup) {}

  ask(request: HostRequest, handedOver: readonly ArrayBufferLike[] = []): Promise<HostResult> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#count++;
    const answer = new Promise<HostResult>((resolve, reject) => {
      // Throws at what cannot be sent, such as an array that was moved away: then nothing is open.
      worker.postMessage({ id, request }, handedOver as ArrayBuffer[]);
      this.#open.set(id, { resolve, reject });
      worker.ref();
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Ends the thread once it has answered: ended in the middle of a run, ONNX Runtime would take the whole process with it. */
  async stop(): Promise<void> {
    for (let last: unknown; last !== this.#last; ) {
      last = this.#last;
      await last;
    }
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    // Without the options of the process: --input-type, for one, lets no file be run.
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: this.setup, execArgv: [] });
    worker.on("message", ({ id, result, error }: Answer) => {
      const request = this.#open.get(id)!;
      this.#open.delete(id);
      if (this.#open.size === 0) worker.unref();
      if (error === undefined) request.resolve(result);
      else request.reject(new FoveaError(error));
    });
    const fail = (error: Error) => {
      if (this.#worker !== worker) return;
      for (const request of this.#open.values()) request.reject(error);
      this.#open.clear();
      this.#worker = undefined;
    };
    worker.on("error", fail);
    worker.on("exit", () => fail(new FoveaError("ONNX Runtime: the worker thread has ended")));
    return worker;
  }
}
