export { type Alignment, alignClasses, alignmentNotes, classDifference, className } from "./align.js";
export * from "./dataset.js";
export { concatDatasets } from "./joined.js";
export * from "./loader.js";
export * from "./memory.js";
export * from "./recipe.js";
export * from "./resample.js";
export * from "./shapes.js";
export * from "./transforms.js";
