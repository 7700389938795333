import type { MultiLabelMetrics, RegressionMetrics } from "../../index.js";
import { paragraphs, percent, significant, table } from "../terminal.js";

const images = (count: number) => `${count.toLocaleString("en-US")} image${count === 1 ? "" : "s"}`;

export function labelMetricsText(metrics: MultiLabelMetrics): string[] {
  const { map, f1Macro, f1Micro, top1, loss, count, labels } = metrics;
  const share = (v: number | null) => (v === null ? "–" : percent(v));
  const rows = labels.map((label) => [
    label.name,
    label.count,
    share(label.ap),
    percent(label.f1),
    share(label.precision),
    share(label.recall),
  ]);
  return paragraphs(
    `mAP ${percent(map)}, F1 ${percent(f1Macro)} (macro) and ${percent(f1Micro)} (micro), labels ${percent(top1)}, loss ${loss.toFixed(4)} on ${images(count)}`,
    table(rows, ["label", "images", "average precision", "F1", "precision", "recall"]),
  );
}

export function valueMetricsText({ r2, mae, rmse, loss, count, targets }: RegressionMetrics): string[] {
  const number = (v: number) => significant(v, 4);
  const rows = targets.map((target) => [target.name, target.r2.toFixed(3), number(target.mae), number(target.rmse)]);
  return paragraphs(
    `R² ${r2.toFixed(3)}, MAE ${number(mae)}, RMSE ${number(rmse)}, loss ${loss.toFixed(4)} on ${images(count)}`,
    table(rows, ["target", "R²", "MAE", "RMSE"]),
  );
}
