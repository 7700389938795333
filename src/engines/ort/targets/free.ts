/**
 * Frees arrays at once, by transferring them to a closed port. The garbage collector would come later: V8 does not account for the memory of
 * ONNX Runtime's results until it is tens of megabytes. Where a transfer does not detach an array, nothing is freed, and nothing is lost.
 *
 * What would make this unnecessary: results of onnxruntime-node that tell V8 their size (`AdjustExternalMemory`), or a `dispose()` of CPU
 * tensors that frees them.
 */
export function free(arrays: readonly (Uint8Array | Float32Array)[]): void {
  const buffers = new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer));
  if (buffers.size === 0) return;
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(undefined, [...buffers]);
  port1.close();
}
