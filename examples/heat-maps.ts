import type { Scores } from "fovea";
import type { Task } from "fovea/engine";
import { meanSquaredError } from "fovea/nn";
import { names, type Point, pointsOf, size } from "./darts.js";

const stride = 2;
/** Of a heat map. */
const side = size / stride;

/** The heat map of a point: a Gaussian of σ = 1.5 cells around it. */
const heat = ([px, py]: Point, cell: number): number => {
  const [x, y] = [(cell % side) + 0.5 - px / stride, Math.floor(cell / side) + 0.5 - py / stride];
  return Math.exp(-(x * x + y * y) / (2 * 1.5 ** 2));
};

/** The largest cell, moved by a quarter towards its larger neighbor (Newell et al., 2016). */
function peakOf(map: ArrayLike<number>): Point {
  let best = 0;
  for (let i = 1; i < side * side; i++) if (map[i]! > map[best]!) best = i;
  const [x, y] = [best % side, Math.floor(best / side)];
  const value = (column: number, row: number) =>
    column < 0 || row < 0 || column === side || row === side ? 0 : map[row * side + column]!;
  const [dx, dy] = [Math.sign(value(x + 1, y) - value(x - 1, y)), Math.sign(value(x, y + 1) - value(x, y - 1))];
  return [(x + 0.5 + dx / 4) * stride, (y + 0.5 + dy / 4) * stride];
}

/** `top1` is PCK@0.1: the share of key points nearer to the truth than a tenth of the longer side of the dart's box. */
export interface Found extends Scores {
  readonly points: readonly (readonly Point[])[];
}

/** Learns a heat map for each key point by the mean squared error. */
export const keyPoints: Task<Found> = {
  name: "regression",
  data: (dataset) => dataset,
  positions: () => [side, side],
  writeTargets: ({ indices }, dataset, out) => {
    indices.forEach((index, i) => {
      pointsOf(dataset, index).forEach((point, k) => {
        for (let cell = 0; cell < side * side; cell++)
          out[(i * names.length + k) * side * side + cell] = heat(point, cell);
      });
    });
  },
  objective: ({ model, images, targets }) => {
    const logits = model.call(images);
    return { logits, loss: meanSquaredError(logits, targets), correct: null };
  },
  evaluation: (dataset, preprocessing) => ({
    dataset,
    preprocessing,
    count: () => {
      const points: Point[][] = [];
      let [squares, near] = [0, 0];
      return {
        add: (maps, _, index) => {
          const truth = pointsOf(dataset, index);
          const [xs, ys] = [truth.map(([x]) => x), truth.map(([, y]) => y)];
          const box = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
          const area = side * side;
          points.push(truth.map((_, k) => peakOf(Array.from({ length: area }, (_, cell) => maps[k * area + cell]!))));
          truth.forEach((point, k) => {
            const [x, y] = points.at(-1)![k]!;
            near += Number(Math.hypot(x - point[0], y - point[1]) < 0.1 * box);
            for (let cell = 0; cell < area; cell++) squares += (maps[k * area + cell]! - heat(point, cell)) ** 2;
          });
        },
        metrics: () => ({
          loss: squares / (points.length * names.length * side * side),
          top1: near / (points.length * names.length),
          points,
        }),
      };
    },
  }),
};
