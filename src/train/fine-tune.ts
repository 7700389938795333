import { OptionError } from "../core/errors.js";
import { check, positive, properShare, text } from "../core/schema.js";
import { moduleSchema } from "../nn/checks.js";
import { freeze, Linear, type Module, parametersOf, walk } from "../nn/index.js";
import type { ParameterGroup } from "./settings.js";
import { blockPath } from "./step.js";

/**
 * The path of a network's classifier: its last fully connected layer, ignoring inserted modules.
 *
 * @throws OptionError if there is none, as in segmentation networks.
 *
 * @example
 * headOf(createModel("resnet20")); // "fc"
 */
export function headOf(model: Module): string {
  check("headOf", "model", moduleSchema, model);
  let head: string | undefined;
  walk(model, {
    module: (path, part) => {
      // insertAttention keeps inserted modules there.
      if (part instanceof Linear && !path.startsWith("attention.")) head = path;
    },
  });
  if (head === undefined) throw new OptionError("headOf: the network has no fully connected classifier");
  return head;
}

/**
 * The classifier as a parameter group whose learning rate is `lrFactor` times that of the rest.
 *
 * @example
 * await train(model, data, { engine, optimizer: sgd({ lr: 0.01 }), groups: [headGroup(model, 10)] });
 */
export function headGroup(model: Module, lrFactor: number): ParameterGroup {
  check("headGroup", "model", moduleSchema, model);
  check("headGroup", "lrFactor", positive, lrFactor);
  const head = headOf(model);
  return { name: "head", lrFactor, has: (path) => path.startsWith(`${head}.`) };
}

/**
 * Layer-wise decay of the learning rate (as timm's `--layer-decay`; Clark et al.: ELECTRA, ICLR 2020): parameter groups whose rates are 1 for the last
 * part of a network, and `decay` times that of the next for each part before. Parts are the stem, each block, and the classifier.
 *
 * @example
 * await train(model, data, { engine, groups: layerDecayGroups(model, 0.75) });
 */
export function layerDecayGroups(model: Module, decay: number): readonly ParameterGroup[] {
  check("layerDecayGroups", "model", moduleSchema, model);
  check("layerDecayGroups", "decay", properShare, decay);
  const paths = [...parametersOf(model).keys()];
  // Modules that insertAttention added are of the block that they follow.
  const blockOf = (path: string) => blockPath(path.replace(/^attention\./, ""));
  const blocks = [...new Set(paths.flatMap((path) => blockOf(path) ?? []))];
  const last = paths.findLastIndex((path) => blockOf(path) !== undefined && !path.startsWith("attention."));
  const depthOf = (path: string) => {
    const block = blockOf(path);
    if (block !== undefined) return 1 + blocks.indexOf(block);
    return paths.indexOf(path) < last ? 0 : blocks.length + 1;
  };
  const depths = new Map(paths.map((path) => [path, depthOf(path)]));
  const deepest = Math.max(...depths.values());
  return Array.from({ length: deepest + 1 }, (_, depth) => ({
    name: `depth${depth}`,
    lrFactor: decay ** (deepest - depth),
    has: (path: string) => depths.get(path) === depth,
  })).filter(({ has }) => paths.some(has));
}

/**
 * Freezes everything before a part of a network, so that training starts there. Returns the paths of the frozen parameters.
 *
 * @throws OptionError if no parameter's path begins so, or nothing comes before.
 *
 * @example
 * freezeUntil(model, "layer3"); // [ "conv1.weight", …, "layer2.2.bn2.bias" ]
 */
export function freezeUntil(model: Module, path: string): readonly string[] {
  check("freezeUntil", "model", moduleSchema, model);
  check("freezeUntil", "path", text, path);
  const paths = [...parametersOf(model).keys()];
  const end = paths.findIndex((key) => key === path || key.startsWith(`${path}.`));
  if (end <= 0)
    throw new OptionError(
      `freezeUntil: no parameter's path begins with ${path}; paths begin with ${[...new Set(paths.map((p) => p.split(".")[0]))].join(", ")}`,
    );
  const frozen = new Set(paths.slice(0, end));
  freeze(model, (key) => frozen.has(key));
  return [...frozen];
}
