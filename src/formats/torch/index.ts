export { readTorch, type TorchLayout, torchLayout } from "./read.js";
export type { TorchObject } from "./settle.js";
export { Placeholder } from "./values.js";
