/**
 * How exact are gradients in float32 (docs/lab/lowering-checks.md)? Draws inputs and parameters of an attention module, and prints for every
 * lowering how far its training output and gradients are from the reference engine's float64: per array, the largest error relative to its
 * largest element; per draw, the worst array.
 *
 *     node dist/tools/float32.js rga --options '{"size":[4,14]}' --shape 2,56,4,14 [--draws 20] [--seed 0] [--each]
 *
 * With --pytorch PYTHON (Debian's python3-torch: /usr/bin/python3) PyTorch computes the same from the same numbers, in float32 and in
 * float64 (tools/pytorch-float32.py). It knows modules as the benchmarks use them: of `options` it reads `size` alone.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv } from "node:process";
import { parseArgs } from "node:util";
import { ortEngine, ortWebEngine, writeSafetensors } from "../src/index.js";
import { type Draw, draw, errorsOf, outputsOf } from "../test/support/float32.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    options: { type: "string", default: "{}" },
    shape: { type: "string", default: "2,64,14,14" },
    draws: { type: "string", default: "20" },
    seed: { type: "string", default: "0" },
    each: { type: "boolean", default: false },
    wasm: { type: "boolean", default: false },
    pytorch: { type: "string" },
  },
});
const [module = "rga"] = positionals;
const options = JSON.parse(values.options) as Record<string, unknown>;
const shape = values.shape.split(",").map(Number);
const engines = {
  plain: ortEngine({ layout: "plain" }),
  blocked: ortEngine({ layout: "blocked" }),
  ...(values.wasm ? { wasm: ortWebEngine() } : {}),
};

type Errors = Record<string, number>;

/** The errors of PyTorch's float32 and float64. */
function pytorchErrors(python: string, { feeds, parameters, exact }: Draw): Record<string, Errors> {
  const work = mkdtempSync(join(tmpdir(), "fovea-float32-"));
  try {
    const named = (prefix: string, arrays: Iterable<readonly [string, Draw["exact"][string]]>) =>
      [...arrays].map(([name, value]) => [`${prefix}${name}`, value] as const);
    const arrays = [
      ...named("", Object.entries(feeds)),
      ...named("param/", parameters),
      ...named("exact/", Object.entries(exact)),
    ];
    writeFileSync(join(work, "draw.safetensors"), writeSafetensors(arrays));
    const args = ["tools/pytorch-float32.py", join(work, "draw.safetensors"), module, JSON.stringify(options)];
    const { status, stdout } = spawnSync(python, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    if (status !== 0) throw new Error(`tools/pytorch-float32.py: exit ${status}`);
    return JSON.parse(stdout) as Record<string, Errors>;
  } finally {
    rmSync(work, { recursive: true });
  }
}

const worst = (errors: Errors): [name: string, error: number] =>
  Object.entries(errors).reduce((a, b) => (b[1] > a[1] ? b : a));
const quantile = (all: readonly number[], share: number) =>
  [...all].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * all.length) - 1)]!;

const collected: Record<string, Errors[]> = {};
for (let i = 0; i < Number(values.draws); i++) {
  const seed = Number(values.seed) + i;
  const drawn = await draw({ module, options, shape, seed });
  const errors: Record<string, Errors> = {};
  for (const [name, engine] of Object.entries(engines))
    errors[name] = errorsOf(await outputsOf(engine, drawn.graph, drawn.feeds), drawn.exact);
  if (values.pytorch) Object.assign(errors, pytorchErrors(values.pytorch, drawn));
  for (const [name, of] of Object.entries(errors)) (collected[name] ??= []).push(of);
  if (values.each) {
    const cells = Object.entries(errors).map(([name, of]) => {
      const [array, error] = worst(of);
      return `${name} ${error.toExponential(1)} ${array}`.padEnd(46);
    });
    console.log(`${seed}`.padStart(4), cells.join(""));
  }
}
for (const engine of Object.values(engines)) await engine.release();

const row = (...cells: readonly string[]) => console.log(cells.map((cell, i) => cell.padEnd(i ? 12 : 28)).join(""));
const line = (name: string, figures: readonly number[]) =>
  row(name, ...[0.5, 0.9, 1].map((share) => quantile(figures, share).toExponential(1)));
row("worst array of a draw", "median", "9 of 10", "largest");
for (const [name, draws] of Object.entries(collected))
  line(
    name,
    draws.map((errors) => worst(errors)[1]),
  );
if (values.each) {
  console.log("\narrays, median error");
  row("", ...Object.keys(collected));
  for (const array of Object.keys(collected.plain![0]!))
    row(
      array,
      ...Object.values(collected).map((draws) =>
        quantile(
          draws.map((errors) => errors[array]!),
          0.5,
        ).toExponential(1),
      ),
    );
}
