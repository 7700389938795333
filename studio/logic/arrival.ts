import { changed, type History, presentOf } from "./history.js";
import { className, type ImageClass, type Project, type StoredImage } from "./project.js";

/** An image that was stored; its class is still a name. */
export type Taken = Omit<StoredImage, "classId"> & { readonly className?: string };

/** The class that an image goes to, and whether it has yet to be made. */
interface Place {
  readonly owner: ImageClass;
  readonly isNew: boolean;
}

export const counted = (n: number): string => `${n} ${n === 1 ? "image" : "images"}`;

/**
 * Images that are taken in, part by part. They are one step to undo, whatever else is changed, undone or done again meanwhile: each state since the
 * first part gets the others too, as if all had come at once. Where their class is gone, they are left out.
 */
export class Arrival {
  readonly #classId: string | undefined;
  /** The classes of names, as they were found or made. */
  readonly #classes = new Map<string, ImageClass>();
  /** Which state was the first with these images, counted from the oldest that ever was. */
  #first: number | undefined;
  #added = 0;
  #repeated = 0;

  /** @param classId Where images go whose folder names no class. Default: a class of their own. */
  constructor(classId?: string) {
    this.#classId = classId;
  }

  get added(): number {
    return this.#added;
  }

  /** Images that their class had already, which are left out. */
  get repeated(): number {
    return this.#repeated;
  }

  /** The history with another part of the images. */
  take(history: History, taken: readonly Taken[]): History {
    if (this.#first === undefined) {
      const project = this.#grown(presentOf(history), taken, this.#placesIn(presentOf(history), taken));
      if (this.#added === 0) return history;
      const next = changed(history, { what: this.#what, project, source: this });
      this.#first = next.at + next.forgotten;
      return next;
    }
    const first = this.#first - history.forgotten;
    // It was undone, and something else done.
    if (first >= 0 && history.moments[first]?.source !== this) return history;
    const from = Math.max(0, first);
    const places = this.#placesIn(history.moments[from]!.project, taken);
    const moments = history.moments.map((moment, i) => {
      if (i < from) return moment;
      if (i > from) return { ...moment, project: withImages(moment.project, taken, places).project };
      const project = this.#grown(moment.project, taken, places);
      return { ...moment, project, what: first < 0 ? moment.what : this.#what };
    });
    return { ...history, moments };
  }

  get #what(): string {
    return `add ${counted(this.#added)}`;
  }

  /** The first state with them: what is new there counts. */
  #grown(before: Project, taken: readonly Taken[], places: readonly Place[]): Project {
    const { project, added, repeated } = withImages(before, taken, places);
    this.#added += added;
    this.#repeated += repeated;
    return project;
  }

  /** Where each image goes. */
  #placesIn({ classes }: Project, taken: readonly Taken[]): Place[] {
    const made = new Set<ImageClass>();
    return taken.map(({ className: wanted }) => {
      if (wanted === undefined && this.#classId !== undefined)
        return { owner: { id: this.#classId, name: "" }, isNew: false };
      const name = className(wanted ?? "unsorted", []);
      const key = name.toLowerCase();
      let owner = this.#classes.get(key) ?? classes.find((one) => one.name.toLowerCase() === key);
      if (!owner) {
        owner = { id: crypto.randomUUID(), name };
        made.add(owner);
      }
      this.#classes.set(key, owner);
      return { owner, isNew: made.has(owner) };
    });
  }
}

/** A project with more images: in their class, or in one of its name if that was made meanwhile. */
function withImages(before: Project, taken: readonly Taken[], places: readonly Place[]) {
  const classes = [...before.classes];
  const ids = new Set(classes.map(({ id }) => id));
  const names = new Map(classes.map(({ name, id }) => [name.toLowerCase(), id]));
  const known = new Set(before.images.map(({ sha, classId }) => `${classId} ${sha}`));
  const images: StoredImage[] = [];
  let repeated = 0;
  for (const [i, { className: _, ...image }] of taken.entries()) {
    const { owner, isNew } = places[i]!;
    const classId = ids.has(owner.id)
      ? owner.id
      : (names.get(owner.name.toLowerCase()) ?? (isNew ? owner.id : undefined));
    if (classId === undefined) continue;
    const key = `${classId} ${image.sha}`;
    if (known.has(key)) {
      repeated++;
      continue;
    }
    known.add(key);
    images.push({ ...image, classId });
    if (ids.has(classId)) continue;
    ids.add(classId);
    classes.push(owner);
  }
  const project = images.length > 0 ? { ...before, classes, images: [...before.images, ...images] } : before;
  return { project, added: images.length, repeated };
}
