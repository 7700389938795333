import type { ClassificationMetrics } from "../index.js";
import { paragraphs, percent, table } from "./terminal.js";

export function metricsText({ top1, top5, loss, count: total, classes, confusion }: ClassificationMetrics): string[] {
  const share = (v: number | null) => (v === null ? "–" : percent(v));
  const rows = classes.map((c) => [c.name, c.count, share(c.recall), share(c.precision)]);
  const parts: (string | string[])[] = [
    `top-1 ${percent(top1)}, top-5 ${percent(top5)}, loss ${loss.toFixed(4)} on ${total.toLocaleString("en-US")} images`,
  ];
  if (classes.length <= 100) parts.push(table(rows, ["class", "images", "recall", "precision"]));
  if (classes.length <= 12)
    parts.push(
      table(
        confusion.map((row, i) => [classes[i]!.name, ...row]),
        ["label ↓ prediction →", ...classes.map((c) => c.name)],
      ),
    );
  return paragraphs(...parts);
}
