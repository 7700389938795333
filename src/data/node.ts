/** What reads files, and so needs Node. */
export * from "./cifar.js";
export { type DecodeOptions, decodeImage } from "./decode.js";
export { imagesBelow } from "./folder-listing.js";
export * from "./idx.js";
export * from "./image-folder.js";
export * from "./open.js";
