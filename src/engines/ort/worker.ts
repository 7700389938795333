import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../core/errors.js";
import { type HostRequest, type HostResults, SessionHost } from "./session.js";
import { cpuBackend } from "./targets/cpu.js";
import { wasmBackend } from "./targets/wasm.js";

/** The backends that run in a worker thread, by name. */
const backends = { cpu: () => cpuBackend(), wasm: () => wasmBackend(() => import("onnxruntime-web")) };

/** The backend in a worker thread. */
export interface WorkerSetup {
  readonly backend: keyof typeof backends;
  readonly threads: number;
}

/** The thread's answer: a result or an error message. */
export interface Answer {
  readonly result?: HostResults[keyof HostResults];
  readonly error?: string;
}

/** Answers {@link HostRequest}s, so that the caller's event loop stays free while ONNX Runtime computes. */
const { backend: name, threads } = workerData as WorkerSetup;
const host = new SessionHost(backends[name](), threads);

parentPort!.on("message", async (request: HostRequest) => {
  let answer: Answer;
  const moved: ArrayBuffer[] = [];
  try {
    const result = await host.ask(request);
    answer = { result };
    // The state is already a copy: transfer it instead of copying it again.
    if (request.kind === "readState") moved.push((result as HostResults["readState"]).data.buffer as ArrayBuffer);
  } catch (error) {
    answer = { error: messageOf(error) };
  }
  parentPort!.postMessage(answer, moved);
});
