import type { Value } from "../graph/graph.js";
import { Module } from "./module.js";

/** A network with logits for every pixel. Some train on further outputs, too. */
export abstract class SegmentationModel extends Module {
  /** What the losses of the outputs after the first count, as the network's authors train it. */
  get auxiliaryWeights(): readonly number[] {
    return [];
  }

  /** All outputs, the main one first. Each [N,classes,H,W], at the input's size. */
  abstract logits(x: Value): readonly Value[];

  override forward(x: Value): Value {
    return this.logits(x)[0]!;
  }
}
