/** Files that were chosen, dropped or pasted, with the folders they were in. */

import { useEffect, useRef, useState } from "preact/hooks";

export interface Found {
  readonly file: File;
  readonly path: string;
}

/** Files with weights, by their names. */
export const checkpointTypes = ".safetensors,.pth,.pt,.th,.tar,.bin,.ckpt";

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** Where nothing takes files, they cannot be dropped: the browser would open them in the place of the page. */
export const refuseDrops = () =>
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "none";
  });

/** Takes what is dropped anywhere on the page. Returns whether files are held over it. */
export function useDrop(take: (found: readonly Found[]) => void): boolean {
  const [held, setHeld] = useState(false);
  const current = useRef(take);
  current.current = take;
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer!.dropEffect = "copy";
      setHeld(true);
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) setHeld(false);
    };
    const drop = (event: DragEvent) => {
      setHeld(false);
      if (!hasFiles(event) || event.defaultPrevented) return;
      event.preventDefault();
      void dropped(event.dataTransfer!).then((found) => current.current(found));
    };
    const listeners = { dragover: over, dragleave: leave, drop } as const;
    for (const [name, listen] of Object.entries(listeners)) addEventListener(name, listen as EventListener);
    return () => {
      for (const [name, listen] of Object.entries(listeners)) removeEventListener(name, listen as EventListener);
    };
  }, []);
  return held;
}

/** Opens the browser's dialog. Returns nothing if it is closed without a choice. */
export function chooseFiles(how: { readonly folder?: boolean; readonly accept?: string }): Promise<Found[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  if (how.accept) input.accept = how.accept;
  if (how.folder) input.webkitdirectory = true;
  return new Promise((resolve) => {
    input.addEventListener("cancel", () => resolve([]));
    input.addEventListener("change", () => resolve(foundIn(input.files)));
    input.click();
  });
}

/** In the order of their paths: folders give theirs in any. */
const byPath = (a: Found, b: Found) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

export const foundIn = (files: FileList | null): Found[] =>
  [...(files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name })).sort(byPath);

/** All files that were dropped, folders included. To be called while the event is handled. */
export async function dropped(data: DataTransfer): Promise<Found[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return foundIn(data.files);
  const found: Found[] = [];
  for (const entry of entries) await collect(entry, found);
  return found.sort(byPath);
}

/** Files of a folder that are looked at. */
const mostFiles = 200_000;

async function collect(entry: FileSystemEntry, found: Found[]): Promise<void> {
  if (found.length >= mostFiles) return;
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const inner of some) await collect(inner, found);
  }
}

/** Hands a file to the browser's downloads. */
export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
