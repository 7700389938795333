/**
 * Does every network of the catalogue export? Each at a small input, with batch norms folded and not: ONNX Runtime's output on the file
 * against the reference engine's on the graph (relative error; 1e-4 is the limit).
 *
 *     node dist/tools/check-onnx.js [NAME…] [--checker PYTHON [--checker-only]]
 *
 * With --checker, a Python that has the package onnx (Debian's python3-onnx: /usr/bin/python3), onnx's own checker judges each network
 * at the operator sets 13 to 17 as well, by tools/check-onnx.py. With --checker-only nothing is run, which is much quicker.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { messageOf } from "../src/core/errors.js";
import type { Graph } from "../src/engine.js";
import { createModelByName, exportOnnx, trace } from "../src/index.js";
import { models } from "../src/internal.js";
import { relativeError } from "../src/testing/compare.js";
import { runOnnx, runReference, unsettle } from "../test/formats/onnx/support.js";
import { random } from "../test/support/random.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: { checker: { type: "string" }, "checker-only": { type: "boolean" } },
});

/** The operator sets that the checker of onnx 1.12 knows, of those that are written. */
const checkedOpsets = [13, 14, 15, 16, 17] as const;

/** Sides that are tried, smallest first. */
const sides = (published: number) => [32, 64, 128, published].filter((side) => side <= published);

/** Exports a network with batch norms folded and not, and says how far ONNX Runtime is from the reference engine. */
async function compare(name: string, graph: Graph, fixed: Graph, shape: readonly number[]): Promise<string> {
  const inputs = { input: random(shape) };
  const expected = await runReference(fixed, inputs);
  const results: string[] = [];
  for (const foldBatchNorm of [true, false]) {
    const error = relativeError(
      (await runOnnx(exportOnnx(graph, { foldBatchNorm }), inputs)).output!,
      expected.output!,
    );
    if (!(error <= 1e-4)) failed.add(name);
    results.push(`${foldBatchNorm ? "folded" : "not folded"} ${error.toExponential(1)}`);
  }
  return results.join(", ");
}

let files = 0;

/** What onnx's checker says of a network's files. */
function check(name: string, graph: Graph, python: string): string {
  const folder = mkdtempSync(join(tmpdir(), "fovea-onnx-"));
  try {
    const paths = checkedOpsets.flatMap((opset) =>
      [true, false].map((foldBatchNorm) => {
        const path = join(folder, `${name}-${opset}${foldBatchNorm ? "" : "-unfolded"}.onnx`);
        writeFileSync(path, exportOnnx(graph, { opset, foldBatchNorm }));
        return path;
      }),
    );
    files += paths.length;
    const { status, stdout, stderr } = spawnSync(python, ["tools/check-onnx.py", ...paths], { encoding: "utf8" });
    if (status === 0) return `checker: ${paths.length} files ok`;
    failed.add(name);
    return `checker: ${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const failed = new Set<string>();
const chosen = [...models.values()].filter(({ name }) => positionals.length === 0 || positionals.includes(name));
for (const { name, input, options } of chosen) {
  const errors: string[] = [];
  for (const side of sides(input[1])) {
    const width = input[2] === input[1] ? side : Math.round((side * input[2]) / input[1]);
    try {
      // Weights of some depend on the size.
      const size = "size" in options ? { size: [side, width] } : {};
      const network = unsettle(createModelByName(name, { numClasses: 10, ...size }));
      const graph = trace(network, ["N", 3, side, width]);
      const shape = [2, 3, side, width];
      const fixed = trace(network, shape);
      const results = values["checker-only"] ? [] : [await compare(name, graph, fixed, shape)];
      if (values.checker) results.push(check(name, graph, values.checker));
      console.log(
        `${name.padEnd(36)} ${`${side}×${width}`.padEnd(8)} ${results.join(", ")}${failed.has(name) ? " FAILED" : ""}`,
      );
      errors.length = 0;
      break;
    } catch (error) {
      errors.push(`${side}: ${messageOf(error)}`);
    }
  }
  if (errors.length > 0) {
    failed.add(name);
    console.log(`${name.padEnd(36)} FAILED ${errors.join("; ")}`);
  }
}
console.log(
  `${chosen.length - failed.size} of ${chosen.length} networks agree${values.checker ? `; ${files} files checked` : ""}`,
);
exit(failed.size > 0 ? 1 : 0);
