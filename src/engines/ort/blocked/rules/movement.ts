import { fourSizes } from "../../../../core/shape.js";
import type { Value } from "../../../../graph/graph.js";
import type { BlockedRule, Forms } from "../forms.js";
import type { Maps } from "../writer.js";

/** Blocks of channels one after the other: [N, C/b, H·W·b]. */
const byBlocks = ({ name, shape: [n, channels, height, width] }: Maps, { write, block }: Forms) =>
  write.reshape(name, [n, channels / block, height * width * block]);

/** Channels are joined block by block. */
const concat: BlockedRule = (node, forms) => {
  const [y] = node.outputs as [Value];
  if (node.attributes.axis !== 1 || !node.inputs.some((x) => forms.isMaps(x))) return false;
  if (!node.inputs.every((x) => forms.canBeMaps(x) && !forms.isPadded(x))) return false;
  const parts = node.inputs.map((x) => byBlocks(forms.maps(x), forms));
  const shape = fourSizes(y.shape);
  forms.setMaps(y, { name: forms.write.reshape(forms.write.emit("Concat", parts, { axis: 1 }), shape), shape });
  return true;
};

/** Channels are cut out block by block. */
const slice: BlockedRule = (node, forms) => {
  const [x] = node.inputs as [Value];
  const [y] = node.outputs as [Value];
  const { axis, start, end } = node.attributes as { axis: number; start: number; end: number };
  const { block, write } = forms;
  if (axis !== 1 || !forms.isMaps(x) || [start, end, x.shape[1] as number].some((c) => c % block !== 0)) return false;
  const range = [write.ints([start / block]), write.ints([end / block]), write.ints([1])];
  const name = write.emit("Slice", [byBlocks(forms.maps(x), forms), ...range]);
  const shape = fourSizes(y.shape);
  forms.setMaps(y, { name: write.reshape(name, shape), shape });
  return true;
};

/** Waiting asks for one element of the signal only, whatever its form, and leaves the value in the form that it has. */
const after: BlockedRule = (node, forms) => {
  const [x, signal] = node.inputs as [Value, Value];
  const [y] = node.outputs as [Value];
  const wait = (name: string) => {
    const given = forms.isMaps(signal) ? forms.maps(signal).name : forms.lowering.plain(signal);
    return forms.rules.get("After")!(node, [name, given], forms.write)[0]!;
  };
  if (forms.isMaps(x)) {
    const maps = forms.maps(x);
    forms.setMaps(y, { ...maps, name: wait(maps.name) });
  } else forms.lowering.define(y, wait(forms.lowering.plain(x)));
  return true;
};

/** Joining and cutting channels, and waiting. */
export const movementRules = new Map<string, BlockedRule>([
  ["Concat", concat],
  ["Slice", slice],
  ["After", after],
]);
