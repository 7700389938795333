/** What reads and writes files, and so needs Node. */
export { FileError, OpenFile, readWhole, withFile, writeFileAtomic } from "./files.js";
export * from "./load-weights.js";
export * from "./run-folder.js";
