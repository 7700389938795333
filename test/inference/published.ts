import { readFileSync } from "node:fs";
import { float32, type Tensor, tensor } from "../../src/core/tensor.js";
import type { PretrainedWeights } from "../../src/inference/pretrained-weights.js";

const golden = new URL("../../../test/golden/pretrained/", import.meta.url);

/** Names and shapes of a state dict. */
export type Layout = ReadonlyMap<string, readonly number[]>;

/** The state dicts of the authors' code, by its name. */
export const layouts: ReadonlyMap<string, Layout> = new Map(
  readFileSync(new URL("layouts.txt", golden), "utf8")
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [name, ...lines] = section.trimEnd().split("\n");
      const shapes = lines.map((line) => line.split(" ") as [key: string, shape?: string]);
      return [
        name!,
        new Map(shapes.map(([key, shape = ""]) => [key, shape === "" ? [] : shape.split(",").map(Number)])),
      ];
    }),
);

/** Logits of the authors' code in float64, the first of one image, with weights by {@link fill}. */
export const logits: Readonly<
  Record<string, { readonly size: number; readonly logits: readonly number[]; readonly largest: number }>
> = JSON.parse(readFileSync(new URL("logits.json", golden), "utf8"));

/** The name of the authors' code that has the keys of published weights. timm's residual networks have torchvision's. */
export function layoutOf({ name, model, authors, classes }: PretrainedWeights): string {
  const theirs = model === "mobilenetv2_100" ? "mobilenet_v2" : model;
  if (authors === "torchvision" || authors === "timm") return `torchvision/${theirs}`;
  if (name === "resnet20.simam_cifar100") return "simam/resnet20_simam";
  const [owner] = authors.split("/");
  return owner === "akamaster" ? `akamaster/${model}` : `${owner}/cifar${classes.length}_${model}`;
}

/** A number that a text always gives. */
const numberOf = (text: string): number =>
  [...text].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5);

/** Numbers from -1 to below 1, by key and position: murmur3's finalizer. */
export function noise(key: string, length: number): Float64Array {
  const start = numberOf(key);
  return Float64Array.from({ length }, (_, i) => {
    let h = (Math.imul(i, 0x9e3779b1) + start) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** What an entry of a state dict is filled with: kernels as by He, gains and variances around 1. */
export function fill(key: string, shape: readonly number[]): Tensor {
  const length = shape.reduce((n, d) => n * d, 1);
  if (key.endsWith("num_batches_tracked")) return tensor("int64", shape, BigInt64Array.of(0n));
  const values = noise(key, length);
  const bound = Math.sqrt(6 / shape.slice(1).reduce((n, d) => n * d, 1));
  const of = key.endsWith("running_var")
    ? (u: number) => 1 + 0.5 * u
    : shape.length > 1
      ? (u: number) => u * bound
      : key.endsWith(".weight")
        ? (u: number) => 1 + 0.2 * u
        : (u: number) => 0.1 * u;
  return float32(shape, values.map(of));
}

/** A state dict of a layout. */
export const filled = (layout: Layout): Map<string, Tensor> =>
  new Map([...layout].map(([key, shape]) => [key, fill(key, shape)]));
