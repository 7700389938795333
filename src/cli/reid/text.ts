import type { DatasetSightings, ReidMetrics, RetrievalScores } from "../../index.js";
import { asArgument, foveaCommand, percent } from "../terminal.js";

const scoresText = ({ map, rank1, rank5, rank10 }: RetrievalScores) =>
  `mAP ${percent(map)}, rank-1 ${percent(rank1)}, rank-5 ${percent(rank5)}, rank-10 ${percent(rank10)}`;

export const reidMetricsText = (metrics: ReidMetrics): string[] => [
  `${scoresText(metrics)}: ${queriesText(metrics)}`,
  ...(metrics.reranked ? [`re-ranked: ${scoresText(metrics.reranked)}`] : []),
];

/** `128 queries in a gallery of 128 images` */
const queriesText = ({ queries, gallery }: Pick<ReidMetrics, "queries" | "gallery">): string =>
  `${queries.toLocaleString("en-US")} ${queries === 1 ? "query" : "queries"} in a gallery of ${gallery.toLocaleString("en-US")} image${gallery === 1 ? "" : "s"}`;

/** The same of data, before anything is measured. */
export const sightingsText = ({ queries, identities }: DatasetSightings): string =>
  queriesText({ queries, gallery: identities.filter((identity, i) => i >= queries && identity !== -1).length });

export const reidSteps = (path: string) => [
  {
    purpose: "who is on your images",
    command: foveaCommand("predict", asArgument(path), "IMAGE...", "--gallery", "FOLDER"),
  },
  {
    purpose: "the features for other programs",
    command: foveaCommand("export", asArgument(path), "--out", "model.onnx"),
  },
];
