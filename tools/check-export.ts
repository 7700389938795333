/**
 * Does every network of the catalogue export? Runs each file, batch norms folded and not, in onnxruntime-node and, if installed,
 * onnxruntime-web, on the smallest image that the network takes, and compares the logits with those of the float64 reference engine.
 * A relative error over 1e-4 is a failure.
 *
 *     node dist/tools/check-export.js [NAME…] [--checker PYTHON [--checker-only]]
 *
 * With --checker, a Python with the package onnx (Debian's python3-onnx: /usr/bin/python3), onnx's own checker also checks each network
 * at operator sets 13 to 17 (tools/check-onnx.py). With --checker-only nothing is run, which is much quicker.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { messageOf } from "../src/core/errors.js";
import { exportOnnx, trace } from "../src/index.js";
import { models } from "../src/internal.js";
import { roundTrip, smallest } from "../test/formats/onnx/support.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: { checker: { type: "string" }, "checker-only": { type: "boolean", default: false } },
});

/** The operator sets that the checker of onnx 1.12 knows, of those that are written. */
const checkedOpsets = [13, 14, 15, 16, 17] as const;
type Network = ReturnType<typeof smallest>;

/** Errors by runtime, batch norms folded and not. @throws Error if one is too large. */
async function run(network: Network): Promise<string> {
  const figures: string[] = [];
  for (const foldBatchNorm of [true, false])
    for (const [runtime, error] of await roundTrip(network, { foldBatchNorm })) {
      const figure = `${runtime}${foldBatchNorm ? "" : ", unfolded"} ${error.toExponential(1)}`;
      if (!(error <= 1e-4)) throw new Error(figure);
      figures.push(figure);
    }
  return figures.join("  ");
}

/** Has onnx's checker check a network's files. @throws Error with what it says. */
function check(name: string, { network, shape }: Network, python: string): string {
  const graph = trace(network, ["N", ...shape.slice(1)]);
  const folder = mkdtempSync(join(tmpdir(), "fovea-onnx-"));
  try {
    const paths = checkedOpsets.flatMap((opset) =>
      [true, false].map((foldBatchNorm) => {
        const path = join(folder, `${name}-${opset}${foldBatchNorm ? "" : "-unfolded"}.onnx`);
        writeFileSync(path, exportOnnx(graph, { opset, foldBatchNorm }));
        return path;
      }),
    );
    const { status, stdout, stderr } = spawnSync(python, ["tools/check-onnx.py", ...paths], { encoding: "utf8" });
    if (status !== 0) throw new Error(`checker: ${stdout}${stderr}`);
    return `checker: ${paths.length} files ok`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const names = positionals.length > 0 ? positionals : [...models.keys()];
let failed = 0;
for (const name of names) {
  const label = name.padEnd(36);
  try {
    const network = smallest(name);
    const results = [
      ...(values["checker-only"] ? [] : [await run(network)]),
      ...(values.checker ? [check(name, network, values.checker)] : []),
    ];
    console.log(`${label} ${network.shape.slice(2).join("×").padEnd(8)} ${results.join("  ")}`);
  } catch (error) {
    failed++;
    console.log(`${label} FAILED ${messageOf(error)}`);
  }
}
console.log(`${names.length - failed} of ${names.length} networks pass`);
exit(failed > 0 ? 1 : 0);
