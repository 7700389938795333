/**
 * Does the engine wait for images? Trains on real ones, prints how long it stood idle between steps, and draws some of them.
 *
 *     node --import ./dist/tools/timeline-probe.js dist/tools/timeline.js CIFAR_FOLDER IMAGE_FOLDER docs/timeline.svg
 */
import { writeFile } from "node:fs/promises";
import { argv, exit } from "node:process";
import { type Dataset, type Module, openDataset, ortEngine, train } from "../src/index.js";
import { initialize, resnet } from "../src/nn.js";
import { axisOf } from "../src/report/axis.js";
import { element, type Markup } from "../src/report/svg.js";
import { drawing } from "../src/report/theme.js";
import { channelName, now, type Span } from "./timeline-probe.js";

interface Recording {
  readonly title: string;
  /** ONNX Runtime computes, in its thread. */
  readonly engine: readonly Span[];
  /** Images are prepared, in the main thread. */
  readonly images: readonly Span[];
  /** Steps in an epoch. */
  readonly epoch: number;
}

const steps = 34;
/** Steps that do not count: memory is taken and code is compiled. */
const warmup = 4;

const [, , cifarFolder, imageFolder, out] = argv;
if (!cifarFolder || !imageFolder || !out) {
  console.error("usage: node --import ./dist/tools/timeline-probe.js dist/tools/timeline.js CIFAR IMAGES OUT.svg");
  exit(2);
}
const cifar = (await openDataset(cifarFolder)).train;
const images = (await openDataset(imageFolder, { imageSize: 64 })).train;
const recordings = [
  await record("ResNet-20 + CBAM, CIFAR-10, batch 128", cifar, 128, (classes) =>
    resnet(20, { numClasses: classes, attention: "cbam" }),
  ),
  await record("ResNet-18, folder of images at 64 × 64, batch 32", images, 32, (classes) =>
    resnet(18, { numClasses: classes }),
  ),
];
await writeFile(out, `${draw(recordings)}\n`);

/** Trains for some steps and writes down who is at work when. */
async function record(
  title: string,
  dataset: Dataset,
  batch: number,
  make: (classes: number) => Module,
): Promise<Recording> {
  const engineSpans: Span[] = [];
  const channel = new BroadcastChannel(channelName);
  channel.onmessage = (event) => engineSpans.push((event as MessageEvent<Span>).data);
  const imageSpans: Span[] = [];
  let start: number | null = null;
  const observed: Dataset = {
    ...dataset,
    image(index) {
      if (start === null) {
        start = now();
        // Images in memory are prepared in one go: the event loop turns when they are done.
        setImmediate(() => {
          imageSpans.push({ start: start!, end: now() });
          start = null;
        });
      }
      return dataset.image(index);
    },
  };
  const engine = ortEngine();
  const enough = new AbortController();
  let done = 0;
  await train(initialize(make(dataset.classes.length)), observed, {
    engine,
    batch,
    epochs: steps,
    signal: enough.signal,
    onStep: () => {
      if (++done === steps) enough.abort();
    },
  });
  await engine.release();
  await new Promise((resolve) => setTimeout(resolve, 100)); // the last messages
  channel.close();
  // The first run is the probe of the block size.
  const recording = {
    title,
    engine: engineSpans.slice(1),
    images: imageSpans,
    epoch: Math.floor(dataset.length / batch),
  };
  print(recording);
  return recording;
}

function print({ title, engine, images, epoch }: Recording): void {
  const followed = engine
    .slice(warmup, -1)
    .map((span, i) => ({ ...span, next: engine[warmup + i + 1]!.start, step: warmup + i + 1 }));
  // After an epoch the weights are read and a checkpoint is made.
  const within = followed.filter(({ step }) => step % epoch !== 0);
  const between = followed.filter(({ step }) => step % epoch === 0);
  const idle = within.map(({ end, next }) => next - end).toSorted((a, b) => a - b);
  const total = sum(within.map(({ start, next }) => next - start));
  const preparing = within.map(({ start, next }) =>
    sum(images.filter((span) => span.start >= start && span.start < next).map(({ start, end }) => end - start)),
  );
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  console.log(
    `${title}: ${within.length} steps of ${ms(total / within.length)}; the engine is idle for ${ms(sum(idle) / idle.length)} of it ` +
      `(${((100 * sum(idle)) / total).toFixed(1)} %; median ${ms(idle[idle.length >> 1]!)}, longest ${ms(idle.at(-1)!)}); ` +
      `images are prepared for ${ms(sum(preparing) / preparing.length)}` +
      (between.length
        ? `; between epochs ${ms(sum(between.map(({ end, next }) => next - end)) / between.length)}`
        : ""),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, v) => total + v, 0);
}

/** Four steps of each recording: a row for each thread. */
function draw(all: readonly Recording[]): string {
  const [width, left, right, panel, row] = [760, 110, 20, 132, 22];
  const drawn = all.map(({ title, engine, images, epoch }, i) => {
    // No epoch ends among these.
    const first = epoch > steps ? warmup : Math.ceil(warmup / epoch) * epoch;
    const shown = engine.slice(first + 1, first + 5);
    const [from, to] = [shown[0]!.start - 5, shown.at(-1)!.end + 5];
    const axis = axisOf([0, to - from], { count: 6 });
    const x = (time: number) => left + (width - left - right) * axis.at(time - from);
    const bars = (spans: readonly Span[], y: number, series: string): Markup[] =>
      spans
        .filter(({ start, end }) => end > from && start < to)
        .map(({ start, end }) => {
          const [begin, stop] = [x(Math.max(start, from)), x(Math.min(end, to))];
          return element("rect", {
            class: `own ${series}`,
            x: begin,
            y,
            width: Math.max(0.5, stop - begin),
            height: row,
          });
        });
    return element(
      "g",
      { transform: `translate(0 ${i * panel + 14})` },
      element("text", { x: left, y: 12 }, title),
      element("text", { x: left - 10, y: 39, "text-anchor": "end" }, "engine"),
      element("text", { x: left - 10, y: 69, "text-anchor": "end" }, "main thread"),
      bars(engine, 24, "s1"),
      bars(images, 54, "s0"),
      axis.ticks.map(({ value, label }) => [
        element("path", { class: "rule", d: `M${x(from + value)} 80v5` }),
        element("text", { class: "muted", x: x(from + value), y: 99, "text-anchor": "middle" }, `${label} ms`),
      ]),
    );
  });
  const height = all.length * panel + 10;
  return drawing(
    "Timeline of training: when the engine computes and when images are prepared",
    width,
    height,
    element("rect", { class: "paper", width, height, rx: 6 }),
    drawn,
  );
}
