/** What was measured of a network's speed. Apart from the table, which has nothing that differs from time to time. */
export interface CostRow {
  readonly backbone: string;
  readonly entrant: string;
  /** Seconds for one image: median and quartiles. */
  readonly latency: { readonly median: number; readonly low: number; readonly high: number };
  /** Images per second in training. */
  readonly trainingRate: number;
  /** Whether the medians of the two halves, in opposite orders, differ by more than 5 %. */
  readonly noisy: boolean;
}

export interface Costs {
  readonly threads: number;
  readonly rows: readonly CostRow[];
  readonly noisy: boolean;
}

/** `costs.csv` */
export function costsCsv({ rows, threads }: Costs): string {
  const lines = rows.map(({ backbone, entrant, latency, trainingRate, noisy }) =>
    [
      ...[backbone, entrant].map((name) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)),
      ...[latency.median, latency.low, latency.high].map((seconds) => (1000 * seconds).toFixed(3)),
      trainingRate.toFixed(1),
      threads,
      noisy ? "noisy" : "",
    ].join(","),
  );
  return `${["backbone,entrant,latency_ms,latency_low_ms,latency_high_ms,training_images_per_s,threads,noise", ...lines].join("\n")}\n`;
}
