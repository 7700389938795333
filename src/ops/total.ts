import type { Value } from "../graph/graph.js";
import { reduceSum } from "./reduce.js";

/** The sum of all elements, a scalar. */
export const total = (x: Value): Value =>
  reduceSum(
    x,
    x.shape.map((_, i) => i),
    { keepdims: false },
  );
