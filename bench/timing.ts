/** Times runs, ours and those of other JavaScript engines. Imports nothing, because it runs in processes whose memory is measured. */

/** Seconds until a JavaScript engine has optimized running code. */
export const secondCompilation = 3;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(values.length - 1) >> 1]! + sorted[values.length >> 1]!) / 2;
}

/** Median seconds of a run, after a warm-up of at least two runs and the given seconds. */
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
