import { signal } from "@preact/signals";
import type { GpuFinding } from "../../logic/computing.js";
import { trainer } from "../workers/index.js";
import { allowSoftware } from "./training.js";

/** The graphics card, or why there is none; null while nobody has looked. */
export const gpu = signal<GpuFinding | null>(null);

export const lookForGpu = async () => void (gpu.value ??= (await trainer().gpu(allowSoftware)) as GpuFinding);
