import process from "node:process";
import * as ort from "onnxruntime-node";
import { engineIn } from "../../src/engines/ort/engine.js";
import { ortEngine } from "../../src/engines/ort/node.js";
import { SessionHost } from "../../src/engines/ort/session.js";
import type { Backend } from "../../src/engines/ort/targets/target.js";
import { webgpuBackend } from "../../src/engines/ort/targets/webgpu.js";
import { compare } from "../differential/compare.js";
import * as jobs from "./webgpu-jobs.js";

// What webgpu-node.test.ts runs in a process of its own, whose environment names a driver: node webgpu-node.js JOB

const own: Readonly<Record<string, () => Promise<unknown>>> = {
  /** With the environment as it is. */
  refused: () => jobs.refusal(ortEngine({ device: "webgpu" })),

  /** Two engines share the thread with the GPU, and the first may end before the second. */
  async computed() {
    const options = { device: "webgpu", allowSoftware: true } as const;
    const [first, second] = [ortEngine(options), ortEngine(options)];
    const module = await jobs.moduleError(first, "cbam", { reduction: 4 });
    const training = await Promise.all([jobs.trainingErrors(second), first.release()]);
    const diverged = await jobs.divergedLoss(second);
    const shuffled = await jobs.shuffled(second);
    // ONNX Runtime would move a Transpose past the comparison of an activation's gradient.
    const plan = { seed: 70200, input: [1, 1, 1, 2], layers: [0, 1], numbers: 0 } as const;
    const { differences } = await compare(plan, new Map([["gpu", second]]));
    await second.release();
    return {
      module,
      shuffled,
      differences,
      training: training[0],
      diverged,
      again: await jobs.refusal(ortEngine(options)),
    };
  },

  /** By how much the process grows in 300 steps with a megabyte of state, after the first 50. */
  async growth() {
    const engine = ortEngine({ device: "webgpu", allowSoftware: true });
    let before = 0;
    await jobs.manySteps(engine, 350, (i) => {
      if (i === 50) before = process.memoryUsage().rss;
    });
    return (process.memoryUsage().rss - before) / 2 ** 20;
  },

  /** By how much the process grows while a network is trained for 500 steps, after the first 100. */
  async trained() {
    const engine = ortEngine({ device: "webgpu", allowSoftware: true });
    let before = 0;
    await jobs.train(engine, 500, (i) => {
      if (i === 100) before = process.memoryUsage().rss;
    });
    await engine.release();
    return (process.memoryUsage().rss - before) / 2 ** 20;
  },

  /** Two engines one after the other, on this thread, where garbage is collected before the state is released. */
  async collected() {
    for (let i = 0; i < 2; i++) {
      const backend = webgpuBackend(
        async () => ort,
        async () => ({ isSoftware: true }),
        { allowSoftware: true },
      );
      const engine = engineIn(new SessionHost(backend), backend as Backend);
      await jobs.manySteps(engine, 5, () => globalThis.gc!());
      await engine.release();
    }
    return "released";
  },

  /** Arrays of the device that outlive the last session. */
  async disposedLate() {
    const y = await jobs.onDevice(ort, true);
    y.dispose();
    return "disposed";
  },

  /** Reading an array of the device as onnxruntime-common documents it. */
  async getData() {
    const y = await jobs.onDevice(ort);
    return [...((await y.getData()) as Float32Array)];
  },
};
console.log(JSON.stringify(await own[process.argv[2]!]!()));
