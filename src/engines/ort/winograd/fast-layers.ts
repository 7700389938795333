import { type Graph, isOp } from "../../../graph/graph.js";
import { convOp } from "../../../ops/conv.js";
import { layerShape } from "../conv-layer.js";
import type { Tuning } from "../tuning.js";
import { winogradTile } from "./winograd.js";

/** Whether `precision: "fast"` changes how a network is trained, given its forward pass. */
export const hasFastLayers = ({ nodes }: Graph, { fewImages, winograd }: Tuning): boolean =>
  nodes.some((node) => {
    const layer = isOp(node, convOp) ? layerShape(node) : undefined;
    return layer !== undefined && layer.n > fewImages && winogradTile(layer, winograd) === 4;
  });
