import { useEffect, useState } from "preact/hooks";

/** Addresses of images that were shown last. */
const known = new Map<string, string>();
const mostKnown = 800;

let folders: Promise<readonly FileSystemDirectoryHandle[]> | undefined;

const openFolders = () =>
  (folders ??= (async () => {
    const home = await (await navigator.storage.getDirectory()).getDirectoryHandle("fovea-studio", { create: true });
    return Promise.all(["thumbnails", "images"].map((name) => home.getDirectoryHandle(name, { create: true })));
  })());

async function fileOf(id: string): Promise<File | undefined> {
  for (const home of await openFolders())
    try {
      return await (await home.getFileHandle(id)).getFile();
    } catch {
      // Small images have no thumbnail.
    }
  return undefined;
}

async function addressOf(id: string): Promise<string | undefined> {
  const found = known.get(id);
  if (found) {
    known.delete(id);
    known.set(id, found);
    return found;
  }
  const file = await fileOf(id);
  if (!file) return undefined;
  const address = URL.createObjectURL(file);
  known.set(id, address);
  const [oldest] = known;
  if (known.size > mostKnown && oldest) {
    URL.revokeObjectURL(oldest[1]);
    known.delete(oldest[0]);
  }
  return address;
}

/** A stored image, small. */
export function StoredPicture({ id, alt }: { readonly id: string; readonly alt: string }) {
  const [address, setAddress] = useState(known.get(id));
  useEffect(() => {
    let current = true;
    void addressOf(id).then((found) => current && setAddress(found));
    return () => {
      current = false;
    };
  }, [id]);
  return address ? <img src={address} alt={alt} draggable={false} decoding="async" /> : <span class="blank" />;
}
