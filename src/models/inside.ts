import {
  type Choice,
  choiceInBlocks,
  choiceOf,
  type Evidence,
  type Modules,
  modulesOf,
  partIn,
  widthsIn,
} from "./evidence.js";
import type { KeyTable } from "./keys.js";

/** Stage numbers. */
const numbered = (stages: number): readonly number[] => Array.from({ length: stages }, (_, i) => i + 1);

/** The modules of a network of the SimAM repository: SimAM joined to `conv2`, others to the `end` of every block. */
export function simamModules(weights: Evidence, block: (stage: number) => string, end: string): Choice | undefined {
  const parts = numbered(3).map((stage) => weights.part(`${block(stage)}${end}.1.`, widthsIn(block(stage))));
  const other = modulesOf(parts, end);
  if (other) return choiceOf(other, "residual");
  return weights.has(`${block(1)}conv2.0.weight`) ? ["simam", {}] : undefined;
}

/** A residual block's own fields. */
const ownField = /^((conv|bn)\d|downsample|shortcut|convShortcut)$/;

/** A choice of modules, and how to rename the network's keys for it. */
interface Inside {
  readonly choice: Choice | undefined;
  readonly keys: KeyTable;
}

/** The modules of a ResNet: in its blocks, in one field of any name or several, or between its stages. */
export function resnetModules(
  weights: Evidence,
  stages: number,
  first = (stage: number) => `layer${stage}.0.`,
): Inside {
  const blocks = numbered(stages).map(first);
  const fields = [...new Set(blocks.flatMap((block) => weights.fields(block)))].filter((name) => !ownField.test(name));
  const copied = () => {
    const parts = blocks.map((block) => partIn(weights, block, block, fields));
    const found = modulesOf(parts, fields[0] ?? "", { byOrder: true });
    return found && { choice: choiceInBlocks(found), keys: renamedLayers(found) };
  };
  const named = (field: string) => {
    const parts = blocks.map((block) => partIn(weights, block, `${block}${field}.`));
    const found = modulesOf(parts, field);
    return found && { choice: choiceInBlocks(found), keys: renamedField("*.", field, found.spec.field) };
  };
  const [field = "", ...others] = fields;
  // Several fields together may be one module.
  const found = others.length ? copied() : (named(field) ?? copied());
  if (found) return found;
  for (const name of others.length ? fields : []) {
    const one = named(name);
    if (one) return one;
  }
  return betweenStages(weights, blocks);
}

/** Modules between stages, in fields named with the stage's number. */
function betweenStages(weights: Evidence, blocks: readonly string[]): Inside {
  const names = weights.fields("").flatMap((name) => /^(.+?)1$/.exec(name)?.[1] ?? []);
  for (const field of names.filter((name) => !["conv", "bn", "layer", "block"].includes(name))) {
    const parts = blocks.slice(0, -1).map((block, i) => weights.part(`${field}${i + 1}.`, widthsIn(block)));
    const found = modulesOf(parts, field);
    if (!found) continue;
    const keys = numbered(parts.length).flatMap((i) => renamedField("", `${field}${i}`, `${found.spec.field}${i}`));
    return { choice: choiceOf(found, "stage"), keys };
  }
  return { choice: undefined, keys: [] };
}

/** A field with a different name in ours. */
const renamedField = (before: string, theirs: string, ours: string): KeyTable =>
  theirs === ours ? [] : [[`${before}${theirs}.*`, `${before}${ours}.*`]];

/** Layers in blocks with different names in ours. */
function renamedLayers({ spec, keys }: Modules): KeyTable {
  const layer = (key: string) => key.slice(0, key.lastIndexOf("."));
  const pairs = new Map([...keys].map(([theirs, ours]) => [layer(theirs), layer(ours)]));
  return [...pairs].map(([theirs, ours]) => [`*.${theirs}.*`, `*.${spec.field}.${ours}.*`]);
}

/** Index of the first block of each MobileNetV2 stage. */
const mobilenetStages = [1, 2, 4, 7, 11, 14, 17];

/**
 * The modules of MobileNetV2: after the depthwise convolution of its blocks, at their end, or before their last convolution, where the
 * first block has none.
 */
export function mobilenetModules(weights: Evidence): Choice | undefined {
  // The norm stands behind a module then. SimAM has no keys.
  if (weights.has("features.2.conv.1.2.weight")) {
    const spatial = (block: number) => `features.${block}.conv.${block === 1 ? 0 : 1}`;
    const found = modulesOf(
      mobilenetStages.map((i) => weights.part(`${spatial(i)}.1.`, [`${spatial(i)}.2`])),
      "",
    );
    return found ? choiceOf(found, "convolution") : ["simam", {}];
  }
  const at = (block: number, layer: number) =>
    weights.part(`features.${block}.conv.${layer}.`, [
      `features.${block}.conv.${layer - 1}`,
      `features.${block}.conv.1.1`,
    ]);
  const last = modulesOf(
    mobilenetStages.map((i) => at(i, i === 1 ? 3 : 4)),
    "",
  );
  if (last) return choiceOf(last, "residual");
  const [, ...wide] = mobilenetStages;
  const inner = modulesOf(
    wide.map((i) => at(i, 2)),
    "",
  );
  if (!inner) return undefined;
  const options = Array.isArray(inner.options) ? [null, ...inner.options] : inner.options;
  return choiceOf({ ...inner, options }, "activation");
}
