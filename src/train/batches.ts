import { check, whole } from "../core/schema.js";
import type { Loader, MixedLabels } from "../data/index.js";
import type { Arrays } from "../engines/engine.js";

/** A batch as a graph reads it, and which images it holds. */
export interface StepBatch {
  readonly inputs: Arrays;
  /** `[batch]`; see `Batch` of the loader. */
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  readonly maps?: Uint8Array;
  readonly mixed?: MixedLabels;
  readonly count: number;
}

/** Where a graph's batches come from: images, or stored features. */
export interface BatchSource {
  /** Batches per epoch. */
  readonly batches: number;
  epoch(epoch: number, options?: { readonly fromBatch?: number }): AsyncGenerator<StepBatch, void>;
}

/** A loader's images as the input of a graph, [batch,3,S,S]. */
export function imageBatches(loader: Loader, input: string): BatchSource {
  return {
    batches: loader.batches,
    async *epoch(epoch, options) {
      for await (const { images, ...batch } of loader.epoch(epoch, options))
        yield { inputs: { [input]: { dtype: "float32", shape: loader.inputShape, data: images } }, ...batch };
    },
  };
}

/** 128, or for small data sets the power of two (at least 8) that gives eight steps per epoch. */
export function defaultBatch(images: number): number {
  check("defaultBatch", "images", whole(1), images);
  return Math.min(128, Math.max(8, 2 ** Math.floor(Math.log2(images / 8))));
}
