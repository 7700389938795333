import * as ort from "onnxruntime-web/webgpu";
import { ortWebEngine } from "../../src/engines/ort/web.js";
import * as jobs from "./webgpu-jobs.js";

// What webgpu.test.ts runs in a page.

const engine = ortWebEngine({ device: "webgpu", allowSoftware: true });

/** The refusal of software; a module; training; a diverged training; after all engines are released, another. */
export async function computed() {
  const refused = await jobs.refusal(ortWebEngine({ device: "webgpu" }));
  // Two engines at once, which must take turns.
  const second = ortWebEngine({ device: "webgpu", allowSoftware: true });
  const [module, shuffled] = await Promise.all([
    jobs.moduleError(engine, "cbam", { reduction: 4 }),
    jobs.shuffled(second),
    jobs.manySteps(second, 10, () => {}),
  ]);
  await second.release();
  const training = await jobs.trainingErrors(engine);
  const diverged = await jobs.divergedLoss(engine);
  await engine.release();
  const again = await jobs.refusal(ortWebEngine({ device: "webgpu", allowSoftware: true }));
  return { refused, module, shuffled, training, diverged, again };
}

/** What a step asks of the page: kernels, and what every kernel needs that has not been captured. */
export async function asked() {
  const { GPUDevice, GPUComputePassEncoder } = globalThis as unknown as Record<string, { readonly prototype: object }>;
  return {
    kernels: await jobs.askedByStep(engine, GPUComputePassEncoder!.prototype, "dispatchWorkgroups"),
    bindings: await jobs.askedByStep(engine, GPUDevice!.prototype, "createBindGroup"),
  };
}

export const faults = async () => ({ errors: await jobs.faultErrors(ort, "wasm"), ofNaN: await jobs.ofNaN(ort) });
