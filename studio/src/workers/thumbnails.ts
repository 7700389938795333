/**
 * Small pictures of the images, as `data:` addresses in IndexedDB. Lists show hundreds of them a second while they scroll: a file of the private
 * file system for each, shown by an address of its own, takes a dozen messages between the browser's processes. What is missing is made again.
 */

const name = "thumbnails";

let database: Promise<IDBDatabase> | undefined;

const finished = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function opened(): Promise<IDBDatabase> {
  if (database) return database;
  const request = indexedDB.open("fovea-studio", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(name);
  database = finished(request);
  return database;
}

const all = async (mode: IDBTransactionMode) =>
  (await opened()).transaction(name, mode, { durability: "relaxed" }).objectStore(name);

/** What work in the database finds; undefined where the browser has none, or no room in it. */
const tried = <T>(work: () => Promise<T>): Promise<T | undefined> => work().catch(() => undefined);

/** The address of an image's thumbnail, if it is stored. */
export const storedThumbnail = (id: string): Promise<string | undefined> =>
  tried(async () => finished<string | undefined>((await all("readonly")).get(id)));

/** Stores a thumbnail. */
export const keepThumbnail = (id: string, address: string): Promise<unknown> =>
  tried(async () => finished((await all("readwrite")).put(address, id)));

/** Removes the thumbnails of other images. */
export const tidyThumbnails = (kept: ReadonlySet<string>): Promise<unknown> =>
  tried(async () => {
    const store = await all("readwrite");
    for (const id of await finished(store.getAllKeys())) if (!kept.has(id as string)) store.delete(id);
  });
