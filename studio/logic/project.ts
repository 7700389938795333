/** The images that were collected, as plain data: what is stored, undone and exported. */

/** A class of images. */
export interface ImageClass {
  readonly id: string;
  readonly name: string;
}

/** Where an image is used. */
export type Part = "train" | "validation";

/** An image in the project; its file is stored under its id. */
export interface StoredImage {
  readonly id: string;
  /** File name, without folders. */
  readonly name: string;
  readonly classId: string;
  /** Images taken together: all of them are trained on, or none. */
  readonly burst: string;
  readonly width: number;
  readonly height: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha: string;
  /** What it looks like: 64 bits, hexadecimal; alike images differ in few. */
  readonly look: string;
  /** Set by the folder it came from. */
  readonly part?: Part;
}

export interface Project {
  readonly format: "fovea.studio.1";
  readonly classes: readonly ImageClass[];
  readonly images: readonly StoredImage[];
}

export const emptyProject: Project = { format: "fovea.studio.1", classes: [], images: [] };

/** A project as it was stored, or undefined if it is none. */
export function parseProject(json: string): Project | undefined {
  try {
    const project = JSON.parse(json) as Project;
    const sound =
      project?.format === "fovea.studio.1" &&
      Array.isArray(project.classes) &&
      Array.isArray(project.images) &&
      project.images.every(({ id, classId }) => typeof id === "string" && typeof classId === "string");
    return sound ? project : undefined;
  } catch {
    return undefined;
  }
}

/** A class name that can be the name of a folder everywhere, and that no other class has. */
export function className(wanted: string, taken: readonly string[]): string {
  const name = trimmed(plain(wanted.normalize("NFC")).slice(0, 60));
  return unique(name || "class", taken);
}

/** A name that a file can have everywhere; its end, which tells its kind, stays. */
export const fileName = (wanted: string): string => trimmed(plain(wanted).slice(-150)) || "image";

/** Without what file names may not hold on some systems, above all what would lead to other folders. */
const plain = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: not allowed in file names
  trimmed(text.replace(/[\u0000-\u001f<>:"/\\|?*\p{Cs}]+/gu, " "));

/** Also without half of a character that was cut in two. */
const trimmed = (text: string): string => text.replace(/^[.\s\p{Cs}]+|[.\s\p{Cs}]+$/gu, "");

/** The name, with a number behind it if it is taken. Case does not count: some file systems do not see it. */
export function unique(name: string, taken: readonly string[]): string {
  const known = new Set(taken.map((one) => one.toLowerCase()));
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? name : `${name} ${i}`;
    if (!known.has(candidate.toLowerCase())) return candidate;
  }
}

/** The order in which programs list names: by UTF-16 code units. */
const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

export const sortedClasses = (project: Project): ImageClass[] => [...project.classes].sort(byName);

/** An image in a folder of images. */
export interface Placed {
  readonly image: StoredImage;
  readonly label: number;
  /** `train/ants/a.jpg` */
  readonly path: string;
}

/**
 * The project as a folder of images: `train/CLASS/FILE` and `val/CLASS/FILE`, in the order in which `fovea train` reads it. Names that occur
 * twice get a number.
 */
export function asFolder(project: Project, parts: ReadonlyMap<string, Part>): Record<Part, Placed[]> {
  const folder: Record<Part, Placed[]> = { train: [], validation: [] };
  sortedClasses(project).forEach(({ id, name }, label) => {
    for (const part of ["train", "validation"] as const) {
      const own = project.images.filter((image) => image.classId === id && parts.get(image.id) === part);
      const names = new Set<string>();
      const placed = own.map((image) => {
        const file = uniqueFile(fileName(image.name), names);
        names.add(file.toLowerCase());
        return { image, label, name: file, path: `${part === "train" ? "train" : "val"}/${name}/${file}` };
      });
      folder[part].push(...placed.sort(byName).map(({ name: _, ...rest }) => rest));
    }
  });
  return folder;
}

function uniqueFile(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name.toLowerCase())) return name;
  const dot = name.lastIndexOf(".");
  const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let i = 2; ; i++) if (!taken.has(`${stem}-${i}${end}`.toLowerCase())) return `${stem}-${i}${end}`;
}
