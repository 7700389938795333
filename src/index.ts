/** All of Fovea: what runs anywhere, and what needs Node. */
export { type DecodeOptions, decodeImage } from "./data/decode.js";
export type { ImageFolderOptions } from "./data/image-folder.js";
export { type MaskFiles, openMasks } from "./data/mask-files.js";
export { type DatasetKind, type OpenedDataset, type OpenOptions, openDataset } from "./data/open.js";
export type { MaskOptions } from "./data/segmentation/folder.js";
export { type OrtNodeOptions, ortEngine, ortWebEngine } from "./engines/ort/node.js";
export type { Tuning } from "./engines/ort/tuning.js";
export { FileError } from "./files/read.js";
export { type Contents, writeFileAtomic } from "./files/write.js";
export { DownloadError, type DownloadOptions, type DownloadProgress, resolveWeights } from "./hub/index.js";
export {
  type CreatePretrainedOptions,
  createPretrained,
  type PretrainedNetwork,
} from "./inference/create-pretrained.js";
export { type LoadRunOptions, loadRun, type TrainedNetwork } from "./inference/load-run.js";
export { loadWeights, openCheckpoint } from "./train/load-weights.js";
export type { RunConfig } from "./train/run-folder.js";
export type { RecordedTraining } from "./train/settings.js";
export * from "./web.js";
