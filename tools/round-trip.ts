/**
 * Does every network of the catalogue export? Runs each one's file in onnxruntime-node and, as WebAssembly, in onnxruntime-web, on the
 * smallest image that the network takes, and prints how far the logits are from those of the float64 reference engine, relative
 * to the largest. More than 1e-4 is a failure.
 *
 *     node dist/tools/round-trip.js [NAME…] [--unfolded] [--out FOLDER]
 *
 * With --unfolded batch norms stay as they are. With --out the files stay there, for
 * `/usr/bin/python3 tools/check-onnx.py FOLDER/*.onnx`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { messageOf } from "../src/core/errors.js";
import { models } from "../src/internal.js";
import { roundTrip, runtimes } from "../test/formats/onnx/support.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: { out: { type: "string" }, unfolded: { type: "boolean", default: false } },
});
if (!runtimes.has("onnxruntime-web")) {
  console.error("onnxruntime-web is not installed");
  exit(2);
}
if (values.out) mkdirSync(values.out, { recursive: true });

const names = positionals.length > 0 ? positionals : [...models.keys()];
const failed: string[] = [];
let worst = 0;
for (const name of names) {
  const line = name.padEnd(36);
  try {
    const { bytes, shape, errors } = await roundTrip(name, { foldBatchNorm: !values.unfolded });
    if (values.out) writeFileSync(join(values.out, `${name}.onnx`), bytes);
    const largest = Math.max(...errors.values());
    worst = Math.max(worst, largest);
    const fits = largest <= 1e-4;
    if (!fits) failed.push(name);
    const figures = [...errors].map(([runtime, error]) => `${runtime} ${error.toExponential(1)}`);
    console.log(`${line} ${shape.slice(2).join("×").padEnd(8)} ${figures.join("  ")}${fits ? "" : "  FAILED"}`);
  } catch (error) {
    failed.push(name);
    console.log(`${line} FAILED ${messageOf(error)}`);
  }
}
console.log(`${names.length} networks, largest difference ${worst.toExponential(1)}, ${failed.length} failed`);
exit(failed.length > 0 ? 1 : 0);
