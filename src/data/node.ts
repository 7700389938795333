/** What reads files and needs Node. */
export * from "./cifar.js";
export * from "./decode.js";
export { imagesBelow } from "./folder-listing.js";
export * from "./idx.js";
export * from "./image-folder.js";
export * from "./open.js";
