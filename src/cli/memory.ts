import { totalmem } from "node:os";
import process from "node:process";
import { costOf, type Module, OptionError, trace } from "../index.js";
import { short } from "./terminal.js";

/** Memory available to this process: the computer's, or its container's. */
function memory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Refuses inputs so large that no computation on them could fit, before anything is allocated.
 *
 * @param keeps whether all maps are kept for a backward pass, rather than a few at a time
 *
 * @throws OptionError with the least memory needed, and the memory available.
 */
export function requireMemory(
  network: Module,
  input: readonly [number, number, number, number],
  keeps: boolean,
  most = memory(),
): void {
  const needed = costOf(trace(network, input)).layers.reduce((bytes, { shape, macs }) => {
    const own = shape.reduce<number>((size, d) => size * Number(d), 4);
    // What follows a convolution may be computed in place.
    return keeps ? bytes + (macs > 0 ? own : 0) : Math.max(bytes, own);
  }, 0);
  if (needed <= most) return;
  const [batch, , , side] = input;
  throw new OptionError(
    `${batch === 1 ? "an image" : `${batch} images at a time`} of ${side} × ${side} pixels: the feature maps take ${short(needed)}B or more, and there are ${short(most)}B of memory. Choose a smaller --image-size${batch > 1 ? " or --batch" : ""}`,
  );
}
