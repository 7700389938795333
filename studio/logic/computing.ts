import type { Settings } from "./recipe.js";

/** What computes in the page. */
export interface Computing extends Pick<Settings, "device" | "threads"> {
  /** Whether a graphics card that is emulated on the processor will do, for tests. */
  readonly allowSoftware: boolean;
}

/** The graphics card that a page can use, or why there is none. */
export type GpuFinding = { readonly name: string } | { readonly why: string };

/** What the library says, without its options. */
export const withoutAdvice = (message: string): string => message.replace(/[;,] (or )?use device "cpu".*$/s, "");

/** The same, with what to do in the studio. */
export function inStudio(message: string): string {
  const plain = withoutAdvice(message);
  return plain === message ? message : `${plain}. Choose “the processor” under “Computed by”`;
}
