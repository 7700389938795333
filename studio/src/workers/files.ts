/** Files in the browser's private file system. What is written is there whole or not at all. */

const root = "fovea-studio";

/** A folder of the studio, made if it is not there: `folder("run", "maps")`. */
export async function folder(...path: string[]): Promise<FileSystemDirectoryHandle> {
  let handle = await navigator.storage.getDirectory();
  for (const name of [root, ...path]) handle = await handle.getDirectoryHandle(name, { create: true });
  return handle;
}

/** Writes a file: it has its old contents until it has all of the new. */
export async function write(
  home: FileSystemDirectoryHandle,
  name: string,
  contents: FileSystemWriteChunkType,
): Promise<void> {
  const file = await home.getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  try {
    await stream.write(contents);
  } catch (error) {
    await stream.abort().catch(() => {});
    throw error;
  }
  await stream.close();
}

/** A file, or undefined if there is none. */
export async function read(home: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    return await (await home.getFileHandle(name)).getFile();
  } catch (error) {
    if ((error as DOMException).name === "NotFoundError") return undefined;
    throw error;
  }
}

export async function remove(home: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await home.removeEntry(name, { recursive: true });
  } catch (error) {
    if ((error as DOMException).name !== "NotFoundError") throw error;
  }
}

/** Moves a file to another folder. */
export async function move(
  from: FileSystemDirectoryHandle,
  name: string,
  to: FileSystemDirectoryHandle,
): Promise<void> {
  // Every browser has it, TypeScript not yet.
  type Movable = FileSystemFileHandle & { move(to: FileSystemDirectoryHandle, name: string): Promise<void> };
  await ((await from.getFileHandle(name)) as Movable).move(to, name);
}

/** Why something could not be stored, in words. */
export const storageReason = (error: unknown): string =>
  (error as DOMException)?.name === "QuotaExceededError"
    ? "this browser's storage for the page is full. Delete images, or free some space on the disk"
    : error instanceof Error
      ? error.message
      : String(error);
