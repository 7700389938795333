/**
 * Does training in blocked layout follow training in plain layout? Prints the losses of both from the same start on the same batches, and
 * how far they are apart: beside it, how far plain training moves away from itself when every number of the pictures changes by rounding.
 *
 *     node dist/tools/compare-layouts.js CIFAR_FOLDER [--model resnet20] [--attention cbam] [--stem cifar] [--batch 128] [--steps 50] [--lr 0.02] [--noise 1e-7]
 */
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { cifar10, model, type OrtNodeOptions, ortEngine } from "../src/index.js";
import { lossesOf, relativeDifferences } from "../test/support/losses.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    model: { type: "string", default: "resnet20" },
    attention: { type: "string" },
    stem: { type: "string" },
    batch: { type: "string", default: "128" },
    steps: { type: "string", default: "50" },
    lr: { type: "string", default: "0.02" },
    noise: { type: "string", default: "1e-7" },
  },
});
const [folder] = positionals;
if (!folder) {
  console.error("usage: node dist/tools/compare-layouts.js CIFAR_FOLDER [--model resnet20] [--attention cbam]");
  exit(2);
}
const { train: data } = await cifar10(folder);
const options = { batch: Number(values.batch), steps: Number(values.steps), lr: Number(values.lr) };

async function losses(layout: OrtNodeOptions["layout"], noise = 0): Promise<number[]> {
  const { attention, stem } = values;
  const network = model(values.model, { classes: 10, ...(attention ? { attention } : {}), ...(stem ? { stem } : {}) });
  const engine = ortEngine({ ...(layout ? { layout } : {}) });
  const result = await lossesOf(engine, network, data, { ...options, noise });
  await engine.release();
  return result;
}

const plain = await losses("plain");
const blocked = await losses("blocked");
const shaken = await losses("plain", Number(values.noise));
const [byLayout, byNoise] = [relativeDifferences(blocked, plain), relativeDifferences(shaken, plain)];
const row = (...cells: readonly string[]) => console.log(cells.map((cell) => cell.padEnd(12)).join(""));
row("step", "plain", "blocked", "difference", `plain, pictures changed by ${values.noise}`);
plain.forEach((loss, i) => {
  if (i === 0 || (i + 1) % 10 === 0)
    row(
      `${i + 1}`,
      loss.toFixed(6),
      blocked[i]!.toFixed(6),
      byLayout[i]!.toExponential(1),
      byNoise[i]!.toExponential(1),
    );
});
const sorted = [byLayout, byNoise].map((differences) => [...differences].sort((a, b) => a - b));
for (const [name, share] of [
  ["median", 0.5],
  ["largest", 1],
] as const)
  row(
    name,
    "",
    "",
    ...sorted.map((differences) => differences[Math.ceil(share * options.steps) - 1]!.toExponential(1)),
  );
