import { csv } from "../core/csv.js";
import { fieldsOf, flag, list, nonNegative, orNull, type Schema, text, whole } from "../core/schema.js";

/** Speed and memory of a network. Kept apart from the table of results, whose contents are reproducible. */
export interface CostRow {
  readonly backbone: string;
  readonly entrant: string;
  /** Seconds for one image: median and quartiles. */
  readonly latency: { readonly median: number; readonly low: number; readonly high: number };
  /** Images per second in training. */
  readonly trainingRate: number;
  /** Largest memory of a process that trains it as the units are trained, and of one that classifies single images, in bytes. */
  readonly memory: { readonly training: number; readonly inference: number } | null;
  /** Whether the medians of the two halves, in opposite orders, differ by more than 5 %, in latency or training. */
  readonly noisy: boolean;
}

export interface Costs {
  readonly threads: number;
  readonly rows: readonly CostRow[];
  readonly noisy: boolean;
}

export const costsSchema: Schema<Costs> = fieldsOf<Costs>({
  threads: whole(1),
  noisy: flag,
  rows: list(
    fieldsOf<CostRow>({
      backbone: text,
      entrant: text,
      latency: fieldsOf<CostRow["latency"]>({ median: nonNegative, low: nonNegative, high: nonNegative }),
      trainingRate: nonNegative,
      memory: orNull(fieldsOf<NonNullable<CostRow["memory"]>>({ training: nonNegative, inference: nonNegative })),
      noisy: flag,
    }),
    "a list of costs",
  ),
});

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

/** `costs.csv` */
export function costsCsv({ rows, threads }: Costs): string {
  const header = [
    ...["backbone", "entrant", "latency_ms", "latency_low_ms", "latency_high_ms", "training_images_per_s"],
    ...["training_peak_mib", "inference_peak_mib", "threads", "noise"],
  ];
  const lines = rows.map(({ backbone, entrant, latency, trainingRate, memory, noisy }) => [
    backbone,
    entrant,
    ...[latency.median, latency.low, latency.high].map((seconds) => (1000 * seconds).toFixed(3)),
    trainingRate.toFixed(1),
    ...(memory ? [mebibytes(memory.training), mebibytes(memory.inference)] : ["", ""]),
    threads,
    noisy ? "noisy" : "",
  ]);
  return csv([header, ...lines]);
}

const ms = (seconds: number) => (1000 * seconds).toFixed(2);

/** The columns of the table of costs, in words. */
export const measuredColumns: readonly { readonly name: string; readonly cell: (row: CostRow) => string }[] = [
  { name: "entrant", cell: ({ entrant }) => entrant },
  { name: "ms per image", cell: ({ latency }) => ms(latency.median) },
  { name: "quartiles", cell: ({ latency }) => `${ms(latency.low)} … ${ms(latency.high)}` },
  { name: "training images/s", cell: ({ trainingRate }) => trainingRate.toFixed(0) },
  { name: "training MiB", cell: ({ memory }) => (memory ? mebibytes(memory.training) : "–") },
  { name: "inference MiB", cell: ({ memory }) => (memory ? mebibytes(memory.inference) : "–") },
  { name: "noise", cell: ({ noisy }) => (noisy ? "noisy" : "") },
];

/** How the costs were measured. */
export const costNote = ({ threads, noisy }: Costs): string =>
  `Measured alone, with ${threads} ${threads === 1 ? "thread" : "threads"}, in alternating order (ABBA); memory is the peak of a separate process, program included.${noisy ? " Noisy: two halves of a measurement differ by more than 5 %; the computer was busy." : ""}`;
