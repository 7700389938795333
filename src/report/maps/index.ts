export type { Cell, ChannelCell, ImageCell, MapCell, StripCell } from "./cells.js";
export { drawMapGrid, drawMapGridPng, type MapGrid, type MapGridOptions } from "./grid.js";
export { contours, mapToPhotograph } from "./layers.js";
export { pairwiseMap } from "./pairwise.js";
export { type ColorScale, captionOf, scaleOf } from "./scale.js";
export type { Region, Segment } from "./scene.js";
