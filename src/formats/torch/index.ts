export type { OpenTorch } from "./archive.js";
export { openTorch, readTorch, type TorchLayout, torchLayout } from "./read.js";
export type { TorchObject } from "./settle.js";
export type { TensorRef } from "./storage.js";
export { Placeholder } from "./values.js";
