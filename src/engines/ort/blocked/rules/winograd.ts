import { tensor } from "../../../../core/tensor.js";
import type { Value } from "../../../../graph/graph.js";
import { type BlockedLayer, layerOf } from "../conv-layer.js";
import type { BlockedRule, Forms } from "../forms.js";
import { layoutOf } from "../layout.js";
import type { Maps } from "../writer.js";

/**
 * Winograd's F(4×4,3×3): a tile of 6×6 pixels is transformed to 36 numbers for each channel, of which each is multiplied by a matrix
 * [C,O] of its own, and the 36 sums for each filter are transformed to 4×4 outputs: a quarter of the multiplications. With points
 * 0, ±1, ±2, ∞ (Lavin and Gray, arXiv:1509.09308): y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A.
 *
 * With the positions before the images and channels each transformation is a product with one matrix along the rows and one along the
 * columns, which stands for all tiles, their overlap and the border. What the 36 numbers of all tiles are stays for the weight's gradient.
 */
const tile = 4;
const points = 6;
const inputTransform = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const weightTransform = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const outputTransform = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

const tilesIn = (size: number) => Math.ceil(size / tile);

/** A matrix of the model, from its elements. */
function matrix(
  key: string,
  rows: number,
  columns: number,
  at: (i: number, j: number) => number,
  forms: Forms,
): string {
  return forms.write.once(`winograd_${key}_${rows}_${columns}`, () =>
    tensor(
      "float32",
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, k) => at(Math.floor(k / columns), k % columns)),
    ),
  );
}

/** [6·tiles, size]: the tiles' pixels, from the one before the tile to the one after it, in six combinations. */
function toTiles(size: number, forms: Forms): string {
  const tiles = tilesIn(size);
  return matrix(
    "in",
    points * tiles,
    size,
    (i, h) => inputTransform[Math.floor(i / tiles)]![h + 1 - tile * (i % tiles)] ?? 0,
    forms,
  );
}

const outputElement = (tiles: number, h: number, i: number) =>
  Math.floor(h / tile) === i % tiles ? outputTransform[h % tile]![Math.floor(i / tiles)]! : 0;

/** [size, 6·tiles] */
function fromTiles(size: number, forms: Forms): string {
  const tiles = tilesIn(size);
  return matrix("out", size, points * tiles, (h, i) => outputElement(tiles, h, i), forms);
}

/** Its transpose: what a gradient by the outputs is for the six sums. */
function gradToTiles(size: number, forms: Forms): string {
  const tiles = tilesIn(size);
  return matrix("grad", points * tiles, size, (i, h) => outputElement(tiles, h, i), forms);
}

const tapElement = (row: number, column: number, tap: number) =>
  weightTransform[row]![Math.floor(tap / 3)]! * weightTransform[column]![tap % 3]!;

/** [N, C/b, H, W, b] → [H, W, N, C]: rows of b numbers are moved. */
function positionsFirst(x: Maps, forms: Forms): string {
  return forms.memo(`positions ${x.name}`, () => {
    const [n, channels, height, width] = x.shape;
    const rows = forms.write.reshape(x.name, [n, channels / forms.block, height * width, forms.block]);
    return forms.write.transpose(rows, [2, 0, 1, 3]);
  });
}

/** Rows and columns of [H, W, N·C] by a matrix for each: [6, tiles, 6, tiles·N, C]. */
function transformed(x: Maps, as: "input" | "gradient", forms: Forms): string {
  const by = as === "input" ? toTiles : gradToTiles;
  return forms.memo(`winograd ${as} ${x.name}`, () => {
    const { write } = forms;
    const [n, channels, height, width] = x.shape;
    const [down, across] = [tilesIn(height), tilesIn(width)];
    const flat = write.reshape(positionsFirst(x, forms), [height, width * n * channels]);
    const rows = write.emit("MatMul", [by(height, forms), flat]);
    const both = write.emit("MatMul", [by(width, forms), write.reshape(rows, [points * down, width, n * channels])]);
    return write.reshape(both, [points, down, points, across * n, channels]);
  });
}

/** The way back: [6, tiles, 6, tiles·N, C] → blocked maps. */
function outputs(sums: string, [n, channels, height, width]: Maps["shape"], forms: Forms): Maps {
  const { write, block } = forms;
  const [down, across] = [points * tilesIn(height), points * tilesIn(width)];
  const columns = write.emit("MatMul", [fromTiles(width, forms), write.reshape(sums, [down, across, n * channels])]);
  const flat = write.reshape(columns, [down, width * n * channels]);
  const rows = write.emit("MatMul", [fromTiles(height, forms), flat]);
  const apart = write.reshape(rows, [height * width, n, channels / block, block]);
  const shape = [n, channels, height, width] as const;
  return { name: write.reshape(write.transpose(apart, [1, 2, 0, 3]), shape), shape };
}

/** [6, 1, 6, C, O] of a weight in the layout `taps`; for dx with its taps turned around. */
function weights(w: Value, { channels, filters }: BlockedLayer, turned: boolean, forms: Forms): string {
  const { write } = forms;
  const transform = matrix(
    turned ? "turned" : "weight",
    points * points,
    9,
    (i, tap) => tapElement(Math.floor(i / points), i % points, turned ? 8 - tap : tap),
    forms,
  );
  const taps = write.reshape(forms.weight(w, "taps"), [9, channels * filters]);
  return write.reshape(write.emit("MatMul", [transform, taps]), [points, 1, points, channels, filters]);
}

/** Layers of the layout `taps`, or undefined. */
function winogradLayer(node: Parameters<BlockedRule>[0], forms: Forms): BlockedLayer | undefined {
  const layer = layerOf(node, forms);
  return layer?.kind === "taps" ? layer : undefined;
}

const conv: BlockedRule = (node, forms) => {
  const layer = winogradLayer(node, forms);
  const [x, w, bias] = node.inputs;
  if (!layer || !forms.canBeMaps(x!)) return false;
  const sums = forms.write.emit("MatMul", [
    transformed(forms.maps(x!), "input", forms),
    weights(w!, layer, false, forms),
  ]);
  const y = outputs(sums, [layer.n, layer.filters, layer.oh, layer.ow], forms);
  const b = bias && forms.vector(bias);
  forms.setMaps(node.outputs[0]!, b ? forms.to.affine(y, forms.to.ones(layer.filters), { bias: b }) : y);
  return true;
};

const inputGrad: BlockedRule = (node, forms) => {
  const layer = winogradLayer(node, forms);
  const [dy, w] = node.inputs;
  if (!layer || !forms.canBeMaps(dy!)) return false;
  const sums = forms.write.emit(
    "FusedMatMul",
    [transformed(forms.maps(dy!), "input", forms), weights(w!, layer, true, forms)],
    { transB: 1 },
    "com.microsoft",
  );
  forms.setMaps(node.outputs[0]!, outputs(sums, [layer.n, layer.channels, layer.height, layer.width], forms));
  return true;
};

const weightGrad: BlockedRule = (node, forms) => {
  const layer = winogradLayer(node, forms);
  const [x, dy] = node.inputs;
  if (!layer || !forms.canBeMaps(x!) || !forms.canBeMaps(dy!)) return false;
  const { write } = forms;
  const { channels, filters } = layer;
  const products = write.emit(
    "FusedMatMul",
    [transformed(forms.maps(x!), "input", forms), transformed(forms.maps(dy!), "gradient", forms)],
    { transA: 1 },
    "com.microsoft",
  );
  // The sum over the rows of tiles is part of the way back.
  const down = tilesIn(layer.height);
  const back = matrix(
    `back_${down}`,
    9,
    points * down * points,
    (tap, k) => tapElement(Math.floor(k / (down * points)), k % points, tap),
    forms,
  );
  const taps = write.emit("MatMul", [back, write.reshape(products, [points * down * points, channels * filters])]);
  const result = node.outputs[0]!;
  const layout = layoutOf("taps", result.shape as readonly number[], forms.block);
  forms.setPacked(result, layout, write.reshape(taps, layout.shape));
  return true;
};

export const winogradRules = new Map<string, BlockedRule>([
  ["Conv", conv],
  ["ConvInputGrad", inputGrad],
  ["ConvWeightGrad", weightGrad],
]);
