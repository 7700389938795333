/** What reads and writes files, and so needs Node. */
export { FileError, fileSource, OpenFile, readWhole, withFile } from "../files/read.js";
export { type Contents, writeFileAtomic } from "../files/write.js";
export * from "./load-weights.js";
export * from "./run-folder.js";
