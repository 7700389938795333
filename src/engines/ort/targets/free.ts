/**
 * Frees arrays at once, by transferring them to a closed port. The garbage collector would come later: V8 does not account for the memory of
 * ONNX Runtime's results until it is tens of megabytes. Arrays that cannot be transferred are left to the collector.
 *
 * What would make this unnecessary: results of onnxruntime-node that tell V8 their size (`AdjustExternalMemory`), or a `dispose()` of CPU
 * tensors that frees them.
 */
export function free(arrays: readonly { readonly data: unknown }[]): void {
  const buffers = new Set(arrays.map(({ data }) => (data as Uint8Array<ArrayBuffer>).buffer));
  if (buffers.size === 0) return;
  const { port1, port2 } = new MessageChannel();
  port2.close();
  try {
    port1.postMessage(undefined, [...buffers]);
  } catch {
    // Nothing is transferred if one of them cannot be.
  }
  port1.close();
}
