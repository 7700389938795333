import { parentPort } from "node:worker_threads";
import { messageOf } from "../../core/errors.js";
import { type HostRequest, SessionHost } from "./session.js";

/** A thread that answers {@link HostRequest}s one after the other, so that the caller's event loop stays free while ONNX Runtime computes. */
export type WorkerMessage = { readonly id: number; readonly request: HostRequest };

const host = import("onnxruntime-node").then((ort) => new SessionHost(ort));
let last: Promise<unknown> = Promise.resolve();

parentPort!.on("message", ({ id, request }: WorkerMessage) => {
  last = last.then(async () => {
    try {
      parentPort!.postMessage({ id, result: await (await host).handle(request) });
    } catch (error) {
      parentPort!.postMessage({ id, error: messageOf(error) });
    }
  });
});
