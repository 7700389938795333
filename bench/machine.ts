/** Measures how fast the machine is right now, to detect figures taken while others use it. */
import { pathToFileURL } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeOnnx } from "../src/formats/onnx/proto.js";
import { median } from "./timing.js";
import { normal } from "./workload.js";

export interface Calibration {
  /** 10⁹ floating-point operations per second of a fixed 3×3 convolution on all processors. */
  readonly gigaflops: number;
  /** 10⁹ bytes per second, read and written, copying an array larger than the caches. */
  readonly gigabytes: number;
}

/** The lowest share of the best calibration that counts as quiet. */
const margins: Calibration = { gigaflops: 0.85, gigabytes: 0.7 };

const [batch, channels, side] = [32, 256, 8];
/** Repetitions: the median of fewer would miss an intermittent load. */
const [convolutions, copies] = [200, 50];

/** Measures the machine for about half a second. */
export async function calibrate(): Promise<Calibration> {
  return { gigaflops: await convolutionSpeed(), gigabytes: copySpeed() };
}

/** Whether the machine was quiet, compared with its best calibration. */
export function isQuiet(now: Calibration, best: Calibration): boolean {
  return (["gigaflops", "gigabytes"] as const).every((figure) => now[figure] >= margins[figure] * best[figure]);
}

/** The best of each figure. */
export function bestOf(calibrations: readonly Calibration[]): Calibration {
  return {
    gigaflops: Math.max(...calibrations.map((c) => c.gigaflops)),
    gigabytes: Math.max(...calibrations.map((c) => c.gigabytes)),
  };
}

export function formatCalibration({ gigaflops, gigabytes }: Calibration): string {
  return `${gigaflops.toFixed(0)} GF/s, ${gigabytes.toFixed(1)} GB/s`;
}

async function convolutionSpeed(): Promise<number> {
  const maps = [batch, channels, side, side];
  const model = encodeOnnx({
    nodes: [
      {
        type: "Conv",
        name: "conv",
        inputs: ["x", "w"],
        outputs: ["maps"],
        attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      },
      { type: "GlobalAveragePool", name: "mean", inputs: ["maps"], outputs: ["y"], attributes: {} },
    ],
    initializers: new Map([["w", normal("w", [channels, channels, 3, 3])]]),
    inputs: [{ name: "x", dtype: "float32", shape: maps }],
    outputs: [{ name: "y", dtype: "float32", shape: [batch, channels, 1, 1] }],
    opsets: { "": 17 },
  });
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  const x = new Tensor("float32", normal("x", maps).data as Float32Array, maps);
  const times: number[] = [];
  for (let i = 0; i < convolutions; i++) {
    const started = performance.now();
    await session.run({ x });
    times.push(performance.now() - started);
  }
  await session.release();
  return (2 * batch * channels * channels * side * side * 9) / median(times) / 1e6;
}

function copySpeed(): number {
  const from = new Float64Array(2 ** 22).fill(1);
  const to = new Float64Array(from.length);
  const times: number[] = [];
  for (let i = 0; i < copies; i++) {
    const started = performance.now();
    to.set(from);
    times.push(performance.now() - started);
  }
  return (2 * from.byteLength) / median(times) / 1e6;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const taken: Calibration[] = [];
  for (let i = 0; i < 5; i++) {
    taken.push(await calibrate());
    console.log(formatCalibration(taken[i]!));
  }
  const quiet = taken.filter((c) => isQuiet(c, bestOf(taken))).length;
  console.log(`${quiet} of ${taken.length} are near the best`);
}
