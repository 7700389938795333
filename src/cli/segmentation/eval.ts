import type { SegmentationMetrics } from "../../index.js";
import { paragraphs, percent, table } from "../terminal.js";

export function pixelMetricsText(metrics: SegmentationMetrics): string[] {
  const { miou, top1, boundaryF, loss, count, classes, pixels } = metrics;
  const share = (v: number | null) => (v === null ? "–" : percent(v));
  const rows = classes.map((c) => [
    c.name,
    pixels > 0 ? percent(c.pixels / pixels) : "–",
    share(c.iou),
    share(c.recall),
    share(c.precision),
    share(c.boundaryF),
  ]);
  return paragraphs(
    `mIoU ${percent(miou)}, pixel accuracy ${percent(top1)}, boundary F ${percent(boundaryF)}, loss ${loss.toFixed(4)} on ${count.toLocaleString("en-US")} image${count === 1 ? "" : "s"}`,
    table(rows, ["class", "of all pixels", "IoU", "recall", "precision", "boundary F"]),
  );
}
