import { useEffect, useState } from "preact/hooks";
import { store } from "../workers/index.js";
import { storedThumbnail } from "../workers/thumbnails.js";

/** Addresses of images that were shown last. */
const known = new Map<string, string>();
const mostKnown = 2000;

async function addressOf(id: string): Promise<string | undefined> {
  const address = known.get(id) ?? (await storedThumbnail(id)) ?? (await store.thumbnail(id));
  if (!address) return undefined;
  // The last is the one that was shown last.
  known.delete(id);
  known.set(id, address);
  const [oldest] = known.keys();
  if (known.size > mostKnown) known.delete(oldest!);
  return address;
}

/** A stored image, small. */
export function StoredPicture({ id, alt }: { readonly id: string; readonly alt: string }) {
  const [address, setAddress] = useState(known.get(id));
  useEffect(() => {
    let current = true;
    void addressOf(id)
      .catch(() => undefined)
      .then((found) => current && setAddress(found));
    return () => {
      current = false;
    };
  }, [id]);
  return address ? <img src={address} alt={alt} draggable={false} decoding="async" /> : <span class="blank" />;
}
