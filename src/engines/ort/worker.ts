import { readdir, readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { messageOf, unusable } from "../../core/errors.js";
import { type HostRequest, type HostResults, SessionHost } from "./session.js";
import { cpuBackend } from "./targets/cpu.js";
import { free } from "./targets/free.js";
import { wasmBackend } from "./targets/wasm.js";
import { type Adapter, webgpuBackend } from "./targets/webgpu.js";

/** The backends that run in a worker thread, by name. */
const backends = {
  cpu: () => cpuBackend(),
  wasm: () => wasmBackend(() => import("onnxruntime-web")),
  webgpu: () => webgpuBackend(loadNative, driver),
};

const loadNative = () => import("onnxruntime-node").catch(unusable("ortEngine", "onnxruntime-node", "1.30.0"));

/**
 * What computes behind WebGPU: onnxruntime-node does not say. On Linux drivers are libraries of the process: it is software if one of them computes
 * on the processor, and there is no other, or no device file of a GPU. On other systems it is taken for a GPU.
 */
async function driver(): Promise<Adapter> {
  const libraries = await readFile("/proc/self/maps", "utf8").catch(() => "");
  const files = await Promise.all(["/dev", "/dev/dri"].map((folder) => readdir(folder).catch(() => [])));
  const hasGpu = files.flat().some((file) => /^(renderD\d+|nvidia\d+|dxg|kgsl-3d0|mali\d+)$/.test(file));
  const [software, hardware] = [/libvk_swiftshader|libvulkan_lvp/, /libvulkan_(?!lvp)|nvidia|amdvlk/];
  return { isSoftware: software.test(libraries) && !(hasGpu && hardware.test(libraries)) };
}

/** The backend in a worker thread. */
export interface WorkerSetup {
  readonly backend: keyof typeof backends;
  readonly threads: number;
}

/** The thread's answer: a result or an error message. */
export interface Answer {
  readonly result?: HostResults[keyof HostResults];
  readonly error?: string;
}

/** Answers {@link HostRequest}s, so that the caller's event loop stays free while ONNX Runtime computes. */
const { backend: name, threads } = workerData as WorkerSetup;
const host = new SessionHost(backends[name](), threads);

parentPort!.on("message", async (request: HostRequest) => {
  let answer: Answer;
  const moved: ArrayBuffer[] = [];
  try {
    const result = await host.ask(request);
    answer = { result };
    // The state is already a copy: transfer it instead of copying it again.
    if (request.kind === "readState") moved.push((result as HostResults["readState"]).data.buffer as ArrayBuffer);
  } catch (error) {
    answer = { error: messageOf(error) };
  }
  parentPort!.postMessage(answer, moved);
  // This thread's copy of the inputs. The collector lets several batches of images pile up.
  if (request.kind === "run") free(Object.values(request.inputs));
});
