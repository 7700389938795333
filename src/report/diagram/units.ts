import type { Node, Value } from "../../graph/graph.js";
import { follows, wordsOf } from "./words.js";

/** Nodes drawn as one. */
export interface Unit {
  readonly nodes: readonly Node[];
  readonly words: string;
  /** Path of the module, if it is a module's call. */
  readonly path?: string;
  /** Whether it acts on each element or channel separately, and is written into the box before it. */
  readonly follows: boolean;
}

/** Layers that readers see as one operator. Norms join the box of what they normalize. */
const layers: Readonly<Record<string, { readonly follows: boolean }>> = {
  Conv2d: { follows: false },
  Linear: { follows: false },
  BatchNorm: { follows: true },
  LayerNorm: { follows: true },
};

/**
 * Nodes in groups: calls of layers and of modules whose kind is in `collapse`, functions of several nodes, and single nodes.
 * In order of execution. `fixed` tells constants and parameters from computed values, `operand` names them.
 */
export function unitsOf(
  nodes: readonly Node[],
  collapse: readonly string[],
  fixed: (value: Value) => boolean,
  operand: (value: Value) => string,
): Unit[] {
  const single = new Set([...Object.keys(layers), ...collapse]);
  const modules = new Map<string, string>();
  for (const { scope } of nodes)
    if (scope.path && scope.kind && single.has(scope.kind)) modules.set(scope.path, scope.kind);
  const idioms = new Map<Node, Idiom>(
    nodes.flatMap((node) => idiomAt(node)?.nodes.map((n) => [n, idiomAt(node)!]) ?? []),
  );
  // The owner of a node: the outermost module, or the last node of an idiom, or the node itself.
  const owner = (node: Node): string | Node => {
    const parts = node.scope.path.split(".");
    const path = parts.map((_, i) => parts.slice(0, i + 1).join(".")).find((prefix) => modules.has(prefix));
    return path ?? idioms.get(node)?.nodes.at(-1) ?? node;
  };
  const groups: Node[][] = [];
  nodes.forEach((node, i) => {
    if (i > 0 && owner(node) === owner(nodes[i - 1]!)) groups.at(-1)!.push(node);
    else groups.push([node]);
  });
  return groups.map((group): Unit => {
    const [first] = group as [Node];
    const path = owner(first);
    if (typeof path !== "string") {
      const idiom = idioms.get(first);
      return {
        nodes: group,
        words: idiom?.words ?? wordsOf(first, fixed, operand),
        follows: idiom ? true : follows(first),
      };
    }
    const kind = modules.get(path)!;
    const layer = layers[kind];
    // A convolution shows its kernel and channels; a norm shows nothing.
    const words = layer && !layer.follows ? wordsOf(first, fixed, operand) : kind;
    return { nodes: group, words, path, follows: layer?.follows ?? false };
  });
}

interface Idiom {
  readonly nodes: readonly Node[];
  readonly words: string;
}

/** The function that ends at this node, if it is one to a reader and several nodes to the graph. */
function idiomAt(node: Node): Idiom | undefined {
  if (node.op.name !== "Mul") return undefined;
  const [x, gate] = node.inputs.map((value) => value.node) as [Node | undefined, Node | undefined];
  if (gate?.inputs[0] === node.inputs[0]) {
    if (gate?.op.name === "HardSigmoid") return { nodes: [gate, node], words: "h-swish" };
    if (gate?.op.name === "Sigmoid") return { nodes: [gate, node], words: "SiLU" };
  }
  // x/2 · (1 + erf(x/√2))
  const erf = gate?.op.name === "Add" ? gate.inputs[1]!.node : undefined;
  const scaled = erf?.op.name === "Erf" ? erf.inputs[0]!.node : undefined;
  if (scaled?.op.name === "Mul" && x?.op.name === "Mul" && x.inputs[0] === scaled.inputs[0])
    return { nodes: [x, scaled, erf!, gate!, node], words: "GELU" };
  return undefined;
}
