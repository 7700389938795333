/** How runs are timed, ours and those of other JavaScript engines. Imports nothing: it runs in their processes, whose memory is measured. */

/** Seconds in which a JavaScript engine compiles code a second time, for speed, while it already runs. */
export const secondCompilation = 3;

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2;
}

/** Median seconds of a run, after at least two, and so many seconds of them, that do not count. */
export async function medianSeconds(run: () => Promise<unknown>, steps: number, warmUp = 0): Promise<number> {
  const begun = performance.now();
  for (let i = 0; i < 2 || performance.now() - begun < warmUp * 1000; i++) await run();
  const times: number[] = [];
  for (let i = 0; i < steps; i++) {
    const started = performance.now();
    await run();
    times.push((performance.now() - started) / 1000);
  }
  return median(times);
}
