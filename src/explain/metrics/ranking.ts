import { checkHeatmap, type Heatmap, resizeHeatmap } from "../heatmap.js";

/**
 * Positions of a map from its largest value to its smallest. If tied, the earlier position (row by row) comes first, so that a share
 * of the positions is exact however many values are equal.
 */
export function rankPositions({ data }: Heatmap): Uint32Array {
  const order = Uint32Array.from(data, (_, i) => i);
  return order.sort((a, b) => data[b]! - data[a]! || a - b);
}

/**
 * A map divided by its maximum, 0 … 1, at another size: negative evidence counts as 0. A map that is nowhere positive is 0 everywhere.
 */
export function unitMap(map: Heatmap, height: number, width: number): Heatmap {
  const { data } = resizeHeatmap(map, height, width);
  const most = data.reduce((a, b) => Math.max(a, b), 0);
  return { height, width, data: data.map((value) => (most > 0 ? Math.max(0, value) / most : 0)) };
}

/** Whether all values of a map are equal: it locates nothing. */
export function isConstant({ data }: Heatmap): boolean {
  return data.every((value) => value === data[0]);
}

/** The map at the size of an input, checked. */
export function mapOver(where: string, map: Heatmap, height: number, width: number): Heatmap {
  checkHeatmap(where, "map", map);
  return map.height === height && map.width === width ? map : resizeHeatmap(map, height, width);
}
