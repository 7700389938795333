import type { Part, Project, StoredImage } from "./project.js";

/** Share of each class that is kept from training, to measure it. */
export const validationShare = 0.2;

/** Images of a class that all were taken together: those kept for validation are the last of them. */
export interface OneBurst {
  readonly classId: string;
  readonly images: number;
}

/** Which images are trained on. */
export interface Split {
  readonly parts: ReadonlyMap<string, Part>;
  /** Classes whose images are one burst, so that validation sees nearly what was trained on. */
  readonly single: readonly OneBurst[];
}

/**
 * Splits every class by bursts: frames taken together are nearly the same image, and a network that has seen one knows the others. Images
 * that look the same count as one burst. Which bursts are kept for validation depends on their names alone, so that adding images moves few.
 */
export function splitProject({ classes, images }: Project): Split {
  const parts = new Map<string, Part>();
  const single: OneBurst[] = [];
  for (const { id } of classes) {
    const own = images.filter((image) => image.classId === id);
    for (const { id: image, part } of own) if (part) parts.set(image, part);
    const open = own.filter(({ part }) => !part);
    if (own.length > open.length) {
      // Its folders say what is for validation.
      const measured = own.some(({ part }) => part === "validation");
      if (measured) for (const image of open) parts.set(image.id, "train");
      if (measured) continue;
    }
    const bursts = burstsOf(open);
    const wanted = Math.max(1, Math.round(validationShare * open.length));
    if (bursts.length <= 1) {
      // In the order in which they were taken.
      const kept = open.length > 1 ? wanted : 0;
      open.forEach(({ id: image }, i) => void parts.set(image, i >= open.length - kept ? "validation" : "train"));
      if (open.length > 1) single.push({ classId: id, images: open.length });
      continue;
    }
    let [aside, left] = [0, bursts.length];
    for (const burst of bursts.sort((a, b) => a.order - b.order)) {
      const fits = aside === 0 || aside + burst.images.length <= 1.5 * wanted;
      const keep = aside < wanted && left > 1 && fits;
      if (keep) [aside, left] = [aside + burst.images.length, left - 1];
      for (const image of burst.images) parts.set(image, keep ? "validation" : "train");
    }
  }
  return { parts, single };
}

interface Burst {
  readonly images: string[];
  /** Where it stands among those that may be kept: as good as random. */
  readonly order: number;
}

function burstsOf(images: readonly StoredImage[]): Burst[] {
  const bursts = new Map<string, Burst>();
  // What looks the same belongs to the burst that had it first.
  const looks = new Map<string, string>();
  for (const { id, burst, look } of images) {
    const name = looks.get(look) ?? burst;
    looks.set(look, name);
    const known = bursts.get(name);
    if (known) known.images.push(id);
    else bursts.set(name, { images: [id], order: scramble(name) });
  }
  return [...bursts.values()];
}

/** FNV-1a, with its bits mixed once more. */
function scramble(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The same file in two classes, or twice in one. */
export interface Repeated {
  readonly images: readonly StoredImage[];
  /** Whether they are in different classes: then at least one is wrong. */
  readonly conflict: boolean;
}

/** Images whose files are equal, or that look the same. */
export function repeatedImages({ images }: Project): Repeated[] {
  const same = new Map<string, StoredImage[]>();
  for (const image of images) {
    const group = same.get(image.sha);
    if (group) group.push(image);
    else same.set(image.sha, [image]);
  }
  return [...same.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({ images: group, conflict: new Set(group.map(({ classId }) => classId)).size > 1 }));
}

/** What must be there before a training can begin, in words; undefined if all is well. */
export function whyNotTrainable({ classes, images }: Project, parts: ReadonlyMap<string, Part>): string | undefined {
  if (classes.length < 2) return "Training needs two classes or more: what one image is, another must not be.";
  for (const { id, name } of classes) {
    const own = images.filter((image) => image.classId === id);
    const trained = own.filter((image) => parts.get(image.id) === "train").length;
    if (trained === 0) return `“${name}” has no image to train on. Add some, or remove the class.`;
    if (own.length < 2) return `“${name}” has one image. Add more: one to train on and one to hold out, at least.`;
  }
  const trained = images.filter(({ id }) => parts.get(id) === "train").length;
  return trained < 8 ? `${trained} images to train on are too few: add some, eight at least.` : undefined;
}
