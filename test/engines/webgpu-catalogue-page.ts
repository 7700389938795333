import { ortWebEngine } from "../../src/engines/ort/web.js";
import * as catalogue from "./webgpu-catalogue.js";
import { train } from "./webgpu-jobs.js";

// What webgpu-catalogue.test.ts runs in a page.

const engine = ortWebEngine({ device: "webgpu", allowSoftware: true });

export const moduleErrors = (name: string) => catalogue.moduleErrors(engine, name);
export const networkErrors = (name: string) => catalogue.networkErrors(engine, name);

/** TypeScript's library for pages does not have WebGPU yet. */
interface GpuBuffer {
  readonly size: number;
  destroy(): undefined;
}
interface GpuClasses {
  readonly GPUDevice: { readonly prototype: { createBuffer(descriptor: object): GpuBuffer } };
  readonly GPUBuffer: { readonly prototype: GpuBuffer };
}

/** The buffers of the page's devices that have not been destroyed, from now on. */
function watchBuffers(): ReadonlySet<GpuBuffer> {
  const { GPUDevice, GPUBuffer } = globalThis as unknown as GpuClasses;
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const alive = new Set<GpuBuffer>();
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this);
    return destroy.call(this);
  };
  return alive;
}

/** Buffers on the device and their bytes after each hundred of 500 training steps, and after the engine has been released. */
export async function memory() {
  const alive = watchBuffers();
  const count = () => ({ buffers: alive.size, bytes: [...alive].reduce((sum, { size }) => sum + size, 0) });
  const own = ortWebEngine({ device: "webgpu", allowSoftware: true });
  const training: ReturnType<typeof count>[] = [];
  await train(own, 501, (i) => {
    if (i > 0 && i % 100 === 0) training.push(count());
  });
  await own.release();
  return { training, released: count() };
}
