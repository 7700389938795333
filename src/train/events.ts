let last = performance.now();

/**
 * Yields to the event loop, at most every 50 ms: where an engine computes on the calling thread, awaiting it never reaches the event
 * loop, and a message to abort would wait for the end. A message channel, because browsers delay nested timers.
 */
export async function letEventsIn(): Promise<void> {
  if (performance.now() - last < 50) return;
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
  last = performance.now();
}
