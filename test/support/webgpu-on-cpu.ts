import type { Engine } from "../../src/engines/engine.js";
import { engineIn } from "../../src/engines/ort/engine.js";
import { SessionHost } from "../../src/engines/ort/session.js";
import { cpuBackend } from "../../src/engines/ort/targets/cpu.js";
import type { Backend } from "../../src/engines/ort/targets/target.js";
import { webgpuTarget } from "../../src/engines/ort/targets/webgpu.js";

/** What is compiled for WebGPU, by its rules and passes, on the native build. */
export function webgpuOnCpu(threads: number): Engine {
  const backend: Backend = { ...cpuBackend({ layout: "plain" }), targetFor: async () => webgpuTarget() };
  return engineIn(new SessionHost(backend, threads), backend);
}
