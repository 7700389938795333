/**
 * Does every network of the catalogue export? Each classifier at a small input, with batch norms folded and not: ONNX Runtime's
 * logits on the file against the reference engine's on the graph (relative error; 1e-4 is the limit).
 *
 *     node dist/tools/check-onnx.js [NAME…] [--out FOLDER]
 *
 * With --out the files stay there, for `/usr/bin/python3 tools/check-onnx.py FOLDER/*.onnx`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { exportOnnx, messageOf, model, models, trace } from "../src/index.js";
import { relativeError } from "../src/testing/compare.js";
import { runOnnx, runReference, unsettle } from "../test/formats/onnx/support.js";
import { random } from "../test/support/random.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: { out: { type: "string" } },
});
if (values.out) mkdirSync(values.out, { recursive: true });

/** Sides that are tried, smallest first. */
const sides = (published: number) => [32, 64, 128, published].filter((side) => side <= published);

let failures = 0;
for (const { name, task, input } of models.values()) {
  if (task !== "classification" || (positionals.length > 0 && !positionals.includes(name))) continue;
  const errors: string[] = [];
  for (const side of sides(input[1])) {
    const width = input[2] === input[1] ? side : Math.round((side * input[2]) / input[1]);
    try {
      const network = unsettle(model(name, { classes: 10 }));
      const graph = trace(network, ["N", 3, side, width]);
      const inputs = { input: random([2, 3, side, width]) };
      const expected = await runReference(trace(network, [2, 3, side, width]), inputs);
      const results: string[] = [];
      for (const foldBatchNorm of [true, false]) {
        const bytes = exportOnnx(graph, { foldBatchNorm });
        if (values.out) writeFileSync(join(values.out, `${name}${foldBatchNorm ? "" : "-unfolded"}.onnx`), bytes);
        const error = relativeError((await runOnnx(bytes, inputs)).output!, expected.output!);
        if (!(error <= 1e-4)) failures++;
        results.push(
          `${foldBatchNorm ? "folded" : "not folded"} ${error.toExponential(1)}${error <= 1e-4 ? "" : " FAILED"}`,
        );
      }
      console.log(`${name.padEnd(34)} ${`${side}×${width}`.padEnd(8)} ${results.join(", ")}`);
      errors.length = 0;
      break;
    } catch (error) {
      errors.push(`${side}: ${messageOf(error)}`);
    }
  }
  if (errors.length > 0) {
    failures++;
    console.log(`${name.padEnd(34)} FAILED ${errors.join("; ")}`);
  }
}
exit(failures > 0 ? 1 : 0);
