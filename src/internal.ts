/** What the command line, the tools and the benchmarks share with the library beyond its entry points. The package does not export it. */
export { attentionModules } from "./attention/index.js";
export { alignmentNotes, classDifference, className } from "./data/align.js";
export { cifar10, cifar100 } from "./data/cifar.js";
export { describeSplits } from "./data/dataset.js";
export { imagesBelow } from "./data/folder-listing.js";
export { photoResize } from "./data/recipe.js";
export { readWhole } from "./files/read.js";
export { classNames } from "./formats/class-names.js";
export { encodeNpy } from "./formats/npy.js";
export { cacheFolder } from "./hub/cache.js";
export { buildNetwork } from "./inference/load-run.js";
export { classifierInfo, models, settled } from "./models/index.js";
export { defaultBatch } from "./train/batches.js";
export { bestRecord } from "./train/history.js";
export { forEachTensor } from "./train/load-weights.js";
export { optimizers } from "./train/optimizers.js";
export { RunFolder } from "./train/run-folder.js";
export { learningOf } from "./train/settings.js";
