import { basename, extname, relative, sep } from "node:path";
import { className } from "../align.js";
import { imagesBelow } from "../folder-listing.js";
import { summary } from "../summary.js";

/** Finds images of a folder by what a table calls them. Nothing outside the folder is ever looked at. */
export interface ImageFinder {
  /** The file, or why there is none. */
  find(name: string): { readonly file: string } | { readonly reason: string };
  /** All images. */
  readonly files: readonly string[];
}

/**
 * Images below a folder, by their path from it, or by their name, with or without its ending, where only one has it.
 */
export async function imageFinder(folder: string): Promise<ImageFinder> {
  const { files } = await imagesBelow(folder);
  const byName = new Map<string, Set<string>>();
  const add = (name: string, file: string) => {
    const same = byName.get(name);
    if (same) same.add(file);
    else byName.set(name, new Set([file]));
  };
  const stem = (path: string) => path.slice(0, path.length - extname(path).length);
  for (const file of files) {
    const path = className(relative(folder, file).split(sep).join("/"));
    for (const name of new Set([path, basename(path), stem(path), stem(basename(path))])) add(name, file);
  }
  return {
    files,
    find(name) {
      const path = className(name.replaceAll("\\", "/").replace(/^(\.\/)+/, ""));
      if (path.startsWith("/") || /^[a-z]:/i.test(path) || path.split("/").includes(".."))
        return { reason: "is outside the folder" };
      const found = [...(byName.get(path) ?? [])];
      const exact = found.find((file) => className(relative(folder, file).split(sep).join("/")) === path);
      if (exact !== undefined) return { file: exact };
      if (found.length > 1)
        return { reason: `could be ${summary(found.map((file) => relative(folder, file)))}: write its path` };
      return found[0] === undefined ? { reason: `is no image below ${folder}` } : { file: found[0] };
    },
  };
}
