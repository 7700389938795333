import type { Value } from "../graph/graph.js";
import { Module } from "./module.js";

/** A network with logits for every pixel, and possibly auxiliary outputs for training. */
export abstract class SegmentationModel extends Module {
  /** Weights of the losses of the auxiliary outputs, as in the authors' training. */
  get auxiliaryWeights(): readonly number[] {
    return [];
  }

  /** All outputs, the main one first. Each [N,classes,H,W], at the input's size. */
  abstract logits(x: Value): readonly Value[];

  override forward(x: Value): Value {
    return this.logits(x)[0]!;
  }
}
