/**
 * Winograd's algorithm beside the direct convolution: how long a training step with one layer takes, or how far the layer's output and
 * gradients are from float64.
 *
 *     node dist/bench/winograd.js [--errors] [--seconds 2] [--threads 2] 256@8:1,4,16 …     channels@side:images,…
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { compare, layer } from "../src/cli/calibrate.js";
import { Graph, gradients } from "../src/engine.js";
import { type Engine, ortEngine, referenceEngine, type Tensor } from "../src/index.js";
import { ops } from "../src/nn.js";
import { count, normal } from "./workload.js";

const { values, positionals } = parseArgs({
  options: {
    errors: { type: "boolean", default: false },
    seconds: { type: "string", default: "2" },
    threads: { type: "string", default: `${availableParallelism()}` },
  },
  allowPositionals: true,
});
const threads = count("threads", values.threads);
const byTiles = (tables: Readonly<Record<number, object>>) => {
  const winograd = { positions: 0, 2: {}, 4: {}, ...tables };
  return ortEngine({ threads, layout: "blocked", winogradTile: 4, tuning: { fewImages: 0, winograd } });
};
const everywhere = { 1: 65_536 };
const engines = [byTiles({ 2: everywhere }), byTiles({ 4: everywhere }), byTiles({})] as const;

console.log(
  values.errors ? "error, largest (root mean square)" : "milliseconds: direct, then ratios with tiles of 2×2 and 4×4",
);
for (const argument of positionals) {
  const [, channels, side, images] = argument.match(/^(\d+)@(\d+):([\d,]+)$/)!;
  for (const n of images!.split(",").map(Number))
    console.log(
      `${channels}@${side} N=${n}  `,
      await (values.errors ? errors : times)(Number(channels), Number(side), n),
    );
}
await Promise.all(engines.map((engine) => engine.release()));

async function times(channels: number, side: number, n: number): Promise<string> {
  const input = [n, 3, side, side] as const;
  const found = await compare(engines, layer(channels), input, channels, Number(values.seconds));
  const [two, four] = found.ratios.map((ratio) => ratio.toFixed(2));
  return `${found.times[2]!.toFixed(1).padStart(6)}   ${two}  ${four}`;
}

/** Errors against float64 of y, dx and dw: the largest over the largest element, and the root mean square over that of the elements. */
async function errors(channels: number, side: number, n: number): Promise<string> {
  const graph = new Graph(true);
  const shape = [n, channels, side, side];
  const input = (name: string, shape: readonly number[]) => graph.input(name, { dtype: "float", shape });
  const [x, w, dy] = [input("x", shape), input("w", [channels, channels, 3, 3]), input("dy", shape)];
  const y = ops.conv(x, w, undefined, { padding: 1 });
  const [dx, dw] = gradients(ops.reduceSum(ops.mul(y, dy), [0, 1, 2, 3]), [x, w]);
  for (const [name, value] of Object.entries({ y, dx: dx!, dw: dw! })) graph.output(name, value);
  const feeds = { x: normal("x", shape), w: normal("w", w.shape as number[]), dy: normal("dy", shape) };
  const run = async (engine: Engine) => {
    const executable = await engine.compile(graph);
    const outputs = await executable.run(feeds);
    await executable.release();
    return outputs;
  };
  const exact = await run(referenceEngine());
  const lines: string[] = [];
  for (const [i, name] of ["2×2", "4×4", "direct"].entries()) {
    const found = await run(engines[i]!);
    lines.push(
      `${name.padStart(6)}: ${["y", "dx", "dw"].map((k) => `${k} ${distance(found[k]!, exact[k]!)}`).join("  ")}`,
    );
  }
  return `\n${lines.join("\n")}`;
}

function distance(found: Tensor, exact: Tensor): string {
  let [largest, most, errors, squares] = [0, 0, 0, 0];
  exact.data.forEach((value, i) => {
    const error = Number(found.data[i]) - Number(value);
    largest = Math.max(largest, Math.abs(error));
    most = Math.max(most, Math.abs(Number(value)));
    errors += error ** 2;
    squares += Number(value) ** 2;
  });
  return `${(largest / most).toExponential(1)} (${Math.sqrt(errors / squares).toExponential(1)})`;
}
