import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { main } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { swiftShader } from "../support/webgpu.js";

const driver = swiftShader();
const skip = driver ? false : "no driver: SwiftShader of a Chromium on Linux is not found";
const program = fileURLToPath(new URL("webgpu-node.js", import.meta.url));

/** Runs a job of webgpu-node.ts. */
const outcome = (job: string, env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(process.execPath, ["--expose-gc", program, job], { env, encoding: "utf8" });

test("in Node, WebGPU trains and predicts as float64 does", { skip }, (t) => {
  const { status, stdout, stderr } = outcome("computed", driver);
  assert.equal(status, 0, stderr);
  const { module, shuffled, differences, training, diverged, again } = JSON.parse(stdout);
  t.diagnostic(stdout);
  assert.ok(module < 1e-4, `CBAM: ${module}`);
  assert.deepEqual(shuffled, [4, 3, 4]);
  assert.deepEqual(differences, []);
  for (const [i, loss] of training.losses.entries())
    assert.ok(Math.abs(loss - training.exact[i]) < 1e-4, `${training.losses} ${training.exact}`);
  assert.ok(training.state < 1e-4, `state: ${training.state}`);
  assert.ok(training.prediction < 1e-4, `prediction: ${training.prediction}`);
  assert.deepEqual(training.counts, [3, 3]);
  assert.equal(diverged, "NaN", "a training that has diverged");
  assert.equal(again, "compiled", "after all engines were released");
});

test("in Node, a software adapter is refused unless it is allowed", { skip }, () => {
  const { stdout, stderr } = outcome("refused", driver);
  assert.match(stdout, /WebGPU runs on the processor here.*use device/, stderr);
});

test("in Node, no GPU is an error that says so, never a silent fallback", {
  skip: process.platform !== "linux" && "Linux",
}, () => {
  // No driver can be found: either the loader is missing, or it finds nothing.
  const none = { ...process.env, VK_ICD_FILENAMES: "/none", VK_DRIVER_FILES: "/none" };
  const { stdout, stderr } = outcome("refused", none);
  assert.match(stdout, /no GPU is found: WebGPU in Node needs Vulkan, Metal or Direct3D 12.*use device/, stderr);
});

test("the command line says the same, by its flags", { skip: skip || ifLong }, () => {
  const none = { ...process.env, VK_ICD_FILENAMES: "/none", VK_DRIVER_FILES: "/none" };
  const bench = (env: NodeJS.ProcessEnv | undefined, ...flags: string[]) =>
    spawnSync(
      process.execPath,
      [main, "bench", "--mode", "infer", "--input", "3x8x8", "--batch", "1", "--steps", "1", ...flags],
      { env, encoding: "utf8" },
    );
  const refused = bench(driver, "--device", "webgpu");
  assert.equal(refused.status, 1, refused.stderr);
  assert.match(refused.stderr, /--device webgpu: WebGPU runs on the processor here.*--device cpu.*--software-gpu/);
  const missing = bench(none, "--device", "webgpu");
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /--device webgpu: .*no GPU is found/);
  const chosen = bench(none, "--device", "auto", "--json");
  assert.equal(chosen.status, 0, chosen.stderr);
  assert.match(chosen.stderr, /computing on the CPU: .*no GPU is found/);
  assert.equal(JSON.parse(chosen.stdout).device, "cpu");
});

test("in Node, steps on the device leave no memory behind", { skip: skip || ifLong }, (t) => {
  const { status, stdout, stderr } = outcome("growth", driver);
  assert.equal(status, 0, stderr);
  t.diagnostic(`${stdout.trim()} MiB`);
  assert.ok(Number(stdout) < 60, `grows by ${stdout} MiB in 300 steps`);
});

test("in Node, a training of 500 steps leaves no memory behind", { skip: skip || ifLong }, (t) => {
  const { status, stdout, stderr } = outcome("trained", driver);
  assert.equal(status, 0, stderr);
  t.diagnostic(`${stdout.trim()} MiB`);
  assert.ok(Number(stdout) < 60, `grows by ${stdout} MiB in 400 steps`);
});

test("in Node, the device outlives garbage collections and engines", { skip: skip || ifLong }, () => {
  const { status, stdout, stderr } = outcome("collected", driver);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /released/);
});

// When onnxruntime-node can do these, `readArray` and the session that is kept in targets/webgpu.ts can go.
for (const job of ["getData", "disposedLate"])
  test(`onnxruntime-node still ends the process: ${job}`, { skip: skip || ifLong }, () => {
    const { status, signal, stdout } = outcome(job, driver);
    assert.ok(status !== 0 || signal !== null, stdout);
  });
