import { check, whole } from "../core/schema.js";
import type { Loader } from "../data/index.js";
import type { Arrays } from "../engines/engine.js";

/** What a graph reads of a batch of images, and which images they are. */
export interface StepBatch {
  readonly inputs: Arrays;
  /** `[batch]`; see `Batch` of the loader. */
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  readonly count: number;
}

/** Where a graph's batches come from: the images themselves, or features that are kept. */
export interface BatchSource {
  /** Number of batches in an epoch. */
  readonly batches: number;
  epoch(epoch: number, options?: { readonly fromBatch?: number }): AsyncGenerator<StepBatch, void>;
}

/** The images of a loader as the input of a graph, [batch,3,S,S]. */
export function imageBatches(loader: Loader, input: string): BatchSource {
  return {
    batches: loader.batches,
    async *epoch(epoch, options) {
      for await (const { images, ...batch } of loader.epoch(epoch, options))
        yield { inputs: { [input]: { dtype: "float32", shape: loader.inputShape, data: images } }, ...batch };
    },
  };
}

/** 128, or as small a power of two (but at least 8) as gives an epoch of a small data set eight steps. */
export function defaultBatch(images: number): number {
  check("defaultBatch", "images", whole(1), images);
  return Math.min(128, Math.max(8, 2 ** Math.floor(Math.log2(images / 8))));
}
