import { useEffect } from "preact/hooks";
import { gpu, lookForGpu } from "../state/gpu.js";
import { change, settings } from "../state/training.js";

/** The choice of what computes in the page, and what was found. With `ifAny`, only where there is a choice. */
export function ComputedBy({ ifAny = false }: { readonly ifAny?: boolean }) {
  useEffect(() => void lookForGpu(), []);
  const { device } = settings.value;
  const found = gpu.value;
  const missing = found !== null && "why" in found;
  if (ifAny && device === "cpu" && (found === null || missing)) return null;
  return (
    <label class="field computed-by">
      Computed by
      <select value={device} onChange={({ currentTarget: { value } }) => change({ device: value as typeof device })}>
        <option value="cpu">the processor</option>
        <option value="webgpu" disabled={missing && device === "cpu"}>
          the graphics card, by WebGPU
        </option>
      </select>
      {found === null ? (
        <span class="hint">Looking for a graphics card …</span>
      ) : "name" in found ? (
        <span class="hint">Found a graphics card: {found.name}.</span>
      ) : device === "cpu" ? (
        <span class="hint">No graphics card can be used: {found.why}.</span>
      ) : (
        <span class="wrong" role="alert">
          It cannot be used: {found.why}. Choose the processor.
        </span>
      )}
    </label>
  );
}
