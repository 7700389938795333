/** Files that were chosen, dropped or pasted, with the folders they were in. */

export interface Found {
  readonly file: File;
  readonly path: string;
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

export const foundIn = (files: FileList | null): Found[] =>
  [...(files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

/** All files that were dropped, folders included. To be called while the event is handled. */
export async function dropped(data: DataTransfer): Promise<Found[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return foundIn(data.files);
  const found: Found[] = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

async function collect(entry: FileSystemEntry, found: Found[]): Promise<void> {
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
