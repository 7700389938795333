import { signal } from "@preact/signals";
import { openProject } from "./project.js";
import { openLastRun } from "./training.js";

/** Why the studio cannot be used here, in words. */
export const trouble = signal<string | null>(null);
/** Whether another tab has the project. */
export const elsewhere = signal(false);

/** Opens what is stored, once no other tab has it: two would overwrite each other's work. A tab that has just crashed may hold it a little longer. */
export async function start(): Promise<void> {
  if (!navigator.storage?.getDirectory || !navigator.locks) {
    trouble.value = globalThis.isSecureContext
      ? "This browser has no private file system for pages. A current Chrome, Edge, Firefox or Safari has one."
      : "This page must come from https:// or from localhost: browsers give other pages no storage and no camera.";
    return;
  }
  if (!("createWritable" in FileSystemFileHandle.prototype)) {
    trouble.value = "This browser cannot write files for a page. A current Chrome, Edge, Firefox or Safari can.";
    return;
  }
  const name = "fovea-studio";
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    elsewhere.value = lock === null;
    if (lock) await open();
  });
  if (!elsewhere.value) return;
  await navigator.locks.request(name, async () => {
    elsewhere.value = false;
    await open();
  });
}

/** Opens what is stored, and keeps it until the tab closes. */
async function open(): Promise<void> {
  try {
    const kept = await openLastRun();
    await openProject(kept);
  } catch (error) {
    trouble.value = `What was stored cannot be read: ${(error as Error).message}`;
    return;
  }
  void navigator.storage.persist?.();
  await new Promise(() => {});
}
