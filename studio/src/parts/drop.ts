/** Files that were chosen, dropped or pasted, with the folders they were in. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { inOrder } from "./in-order.js";

export interface Found {
  readonly file: File;
  readonly path: string;
}

/** A file or a folder that was dropped and could not be read. */
export interface Unread {
  readonly file: string;
  readonly reason: string;
}

export interface Dropped {
  readonly found: readonly Found[];
  readonly unread: readonly Unread[];
}

/** Files with weights, by their names. */
export const checkpointTypes = ".safetensors,.pth,.pt,.th,.tar,.bin,.ckpt";

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** Refuses files that nothing on the page takes: the browser would open them in its place. */
export function refuseDrops(): void {
  const refuse = (event: DragEvent) => {
    if (!hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "none";
  };
  // On the window: events reach it last. Browsers may drop what was refused a moment ago.
  addEventListener("dragover", refuse);
  addEventListener("drop", refuse);
}

const reading = inOrder();

/** Takes what is dropped anywhere on the page. Returns whether files are held over it. */
export function useDrop(take: (found: readonly Found[], unread: readonly Unread[]) => void): boolean {
  const [held, setHeld] = useState(false);
  const current = useRef(take);
  current.current = take;
  // As soon as the page shows: effects run later, and what was dropped before them would be refused.
  useLayoutEffect(() => {
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
      // Read at once, while the event is handled; taken after what was dropped before.
      const read = dropped(event.dataTransfer!);
      void reading(async () => {
        const { found, unread } = await read;
        current.current(found, unread);
      });
    };
    // On the document: after what the page shows, and before what nobody took is refused.
    const listeners = { dragover: over, dragleave: leave, drop } as const;
    for (const [name, listen] of Object.entries(listeners)) document.addEventListener(name, listen as EventListener);
    return () => {
      for (const [name, listen] of Object.entries(listeners))
        document.removeEventListener(name, listen as EventListener);
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

/** All files that were dropped, folders included, and what could not be read. To be called while the event is handled. */
export async function dropped(data: DataTransfer): Promise<Dropped> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return { found: foundIn(data.files), unread: [] };
  const found: Found[] = [];
  const unread: Unread[] = [];
  for (const entry of entries) await collect(entry, found, unread);
  if (found.length > mostFiles) {
    const reason = `more than ${mostFiles.toLocaleString("en")} files; drop the rest on its own`;
    unread.push({ file: `what comes after ${found[mostFiles - 1]!.path}`, reason });
    found.length = mostFiles;
  }
  return { found: found.sort(byPath), unread };
}

/** Files of a folder that are looked at. */
const mostFiles = 200_000;

/** One more than the most is found where there are more. */
async function collect(entry: FileSystemEntry, found: Found[], unread: Unread[]): Promise<void> {
  if (found.length > mostFiles) return;
  const path = entry.fullPath.replace(/^\//, "");
  try {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      found.push({ file, path });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    while (found.length <= mostFiles) {
      // A hundred at a time.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const inner of some) await collect(inner, found, unread);
    }
  } catch (error) {
    unread.push({ file: path, reason: `it cannot be read: ${(error as Error).message}` });
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
