import { parentPort, workerData } from "node:worker_threads";
import { messageOf, unusable } from "../../core/errors.js";
import type { Tensor } from "../../core/tensor.js";
import { type HostRequest, type HostResult, SessionHost } from "./session.js";
import { wasmHost } from "./web.js";

/** The build of ONNX Runtime in a worker thread. */
export interface WorkerSetup {
  readonly build: "native" | "wasm";
  readonly threads: number;
}

/** The thread's answer: a result or an error message. */
export interface Answer {
  readonly id: number;
  readonly result?: HostResult;
  readonly error?: string;
}

/** Answers {@link HostRequest}s, so that the caller's event loop stays free while ONNX Runtime computes. */
const { build, threads } = workerData as WorkerSetup;
const host =
  build === "wasm"
    ? wasmHost(() => import("onnxruntime-web"), threads)
    : import("onnxruntime-node")
        .catch(unusable("ortEngine", "onnxruntime-node", "1.30.0"))
        .then((ort) => new SessionHost(ort, threads));

host.catch(() => {}); // thrown where it is awaited, below

parentPort!.on("message", async ({ id, request }: { readonly id: number; readonly request: HostRequest }) => {
  let answer: Answer;
  try {
    answer = { id, result: await (await host).ask(request) };
  } catch (error) {
    answer = { id, error: messageOf(error) };
  }
  // The state is already a copy: transfer it instead of copying it again.
  const moved =
    request.kind === "readState" && answer.result ? [(answer.result as Tensor).data.buffer as ArrayBuffer] : [];
  parentPort!.postMessage(answer, moved);
});
