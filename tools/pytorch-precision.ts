import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, writeSafetensors } from "../src/index.js";

/** Has pytorch-precision.py print the errors of these arrays, of a ResNet whose name ends with its depth. */
export function compareWithPyTorch(python: string, arrays: Iterable<[string, Tensor]>, model: string): void {
  const work = mkdtempSync(join(tmpdir(), "fovea-precision-"));
  try {
    const file = join(work, "arrays.safetensors");
    writeFileSync(file, writeSafetensors(arrays));
    const args = ["tools/pytorch-precision.py", file, model.replace(/\D/g, "")];
    const { status } = spawnSync(python, args, { stdio: ["ignore", "inherit", "inherit"] });
    process.exitCode = status ?? 1;
  } finally {
    rmSync(work, { recursive: true });
  }
}
