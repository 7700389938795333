import { basename, join } from "node:path";
import {
  type ClassificationMetrics,
  type Dataset,
  type EpochRecord,
  evaluate,
  loadState,
  type Module,
  type OpenedDataset,
  renderReport,
  type TrainResult,
} from "../index.js";
import { bestRecord, type RunFolder } from "../internal.js";
import { type EngineFlags, withEngine } from "./arguments.js";
import { networkTitle } from "./run.js";
import { asArgument, duration, foveaCommand, percent } from "./terminal.js";

/** How a run stands. */
export interface Standing {
  readonly history: readonly EpochRecord[];
  /** What the weights in best.safetensors reach. */
  readonly validation: ClassificationMetrics | null;
  readonly test: ClassificationMetrics | null;
  /** Images a second in the last epoch. */
  readonly speed: number;
}

/** The page that shows how the run goes. */
export function reportOf(
  run: RunFolder,
  { history, validation: metrics, speed, test }: Standing,
  data: OpenedDataset,
  parameters: number,
): string {
  const { versions: _, flags: __, format: ___, ...config } = run.config;
  const { train: learned, validation } = data;
  return renderReport({
    title: `${networkTitle(config.model)} on ${basename(config.data.source)}`,
    summary: [
      { label: "parameters", value: parameters },
      { label: "images to train on", value: learned.length },
      { label: "images to validate on", value: validation.length },
      { label: "speed", value: `${speed.toFixed(0)} images/s` },
    ],
    history,
    validation: metrics,
    validationOf: `weights of epoch ${bestRecord(history)?.epoch}, which are in best.safetensors`,
    test,
    skipped: [...learned.skipped, ...validation.skipped],
    config,
    next: nextSteps(run.path),
  });
}

const nextSteps = (path: string) => [
  { purpose: "classes of your images", command: foveaCommand("predict", asArgument(path), "IMAGE...") },
  {
    purpose: "the network for other programs",
    command: foveaCommand("export", asArgument(path), "--out", "model.onnx"),
  },
];

/** Measures the weights in best.safetensors on the images that chose nothing. The network keeps them. */
export async function measureTest(
  run: RunFolder,
  network: Module,
  test: Dataset,
  flags: EngineFlags,
): Promise<ClassificationMetrics> {
  loadState(network, await run.weights("best"));
  const { preprocessing } = run.config;
  return withEngine((engine) => evaluate(network, test, { engine, preprocessing }), flags);
}

export function finishedText(
  { path }: RunFolder,
  { best, history }: TrainResult,
  test: ClassificationMetrics | null,
  seconds: number,
): string[] {
  const final = history.at(-1);
  const score = ({ top1, epoch }: EpochRecord) => `${percent(top1!)} (epoch ${epoch})`;
  return [
    `trained in ${duration(seconds)}`,
    ...(best?.top1 == null || !final
      ? []
      : [`validation top-1: best ${score(best)}, chosen by these images; final ${score(final)}`]),
    ...(test ? [`test top-1 of the best weights: ${percent(test.top1)}, ${test.count} images that chose nothing`] : []),
    `the run is in ${path}; open ${join(path, "report.html")} to see how it went`,
    "next:",
    ...nextSteps(path).map(({ purpose, command }) => `  ${command.padEnd(60)} ${purpose}`),
  ];
}
