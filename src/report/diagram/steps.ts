import { type Graph, liveProgram, type Node, type Value } from "../../graph/graph.js";
import { readersOf } from "../../graph/passes/uses.js";
import { formatCount, formatNumber } from "../text.js";
import { unitsOf } from "./units.js";
import { signOf, sizes } from "./words.js";

/** One figure of a diagram: a box of operators, the sign of an operator that joins two branches, an input or an output. */
export interface Step {
  readonly kind: "box" | "sign" | "end";
  /** What it does, in order. */
  words: string[];
  /** Parameters: their path and shape. */
  readonly parameters: string[];
  /** Names of attention maps published here. */
  readonly maps: string[];
  /** Indices of the steps whose results this one reads. */
  readonly from: readonly number[];
  /** Size of the result. */
  size: string;
}

/**
 * The steps of a graph as readers think of them: layers and the modules whose kind is in `collapse` are one operator, elementwise
 * operators join the step before, computations on parameters alone are not shown. In order of execution.
 */
export function stepsOf(graph: Graph, collapse: readonly string[]): Step[] {
  const { nodes } = liveProgram(graph);
  const computed = new Set<Value>(graph.inputs.values());
  for (const { inputs, outputs } of nodes)
    if (inputs.some((value) => computed.has(value))) for (const value of outputs) computed.add(value);
  const fixed = (value: Value) => !computed.has(value);
  const readers = readersOf(graph, nodes);

  // A map may be a rearrangement that nothing else reads; it is credited to its source.
  const drawn = new Set<Node | undefined>([undefined, ...nodes]);
  const source = (value: Value): Value => (drawn.has(value.node) ? value : source(value.node!.inputs[0]!));
  const taps = graph.taps.map(({ name, value }) => ({ name, at: source(value) }));

  const steps: Step[] = [];
  const origin = new Map<Value, Step>();
  const add = (step: Partial<Step> & Pick<Step, "kind" | "words" | "size">, results: readonly Value[] = []) => {
    const added = { parameters: [], maps: [], from: [], ...step };
    for (const value of results) origin.set(value, added);
    steps.push(added);
  };
  for (const [name, value] of graph.inputs) add({ kind: "end", words: [name], size: sizes(value) }, [value]);

  const live = nodes.filter(({ outputs }) => !fixed(outputs[0]!));
  for (const unit of unitsOf(live, collapse, fixed, operandWords)) {
    const inside = new Set<Node | undefined>(unit.nodes);
    const used = [...new Set(unit.nodes.flatMap((node) => node.inputs))];
    const read = used.filter((value) => computed.has(value) && !(value.node && inside.has(value.node)));
    const results = unit.nodes.flatMap((node) => node.outputs);
    const result =
      results.findLast((value) => readers.get(value)?.some((node) => !inside.has(node))) ?? results.at(-1)!;
    const maps = taps.filter(({ at }) => results.includes(at)).map(({ name }) => name);
    const parameters = parametersOf(used.filter(fixed), unit.path);
    const size = sizes(result);
    const before = origin.get(read[0]!)!;
    const alone =
      read.length === 1 && before.kind === "box" && readers.get(read[0]!)!.every((node) => inside.has(node));
    if (alone && before.maps.length === 0 && (unit.follows || before.words.every((word) => movement.test(word)))) {
      before.words.push(unit.words);
      before.parameters.push(...parameters);
      before.maps.push(...maps);
      before.size = size;
      for (const value of results) origin.set(value, before);
    } else {
      const sign = unit.nodes.length === 1 ? signOf(unit.nodes[0]!, read) : undefined;
      const from = [...new Set(read.map((value) => steps.indexOf(origin.get(value)!)))];
      add({ kind: sign ? "sign" : "box", words: [sign ?? unit.words], parameters, maps, from, size }, results);
    }
  }
  // A reshape adds nothing to other words, as the size of the result is shown anyway.
  for (const step of steps)
    if (step.words.some((word) => word !== "reshape")) step.words = step.words.filter((word) => word !== "reshape");
  for (const [name, value] of graph.outputs) {
    const before = origin.get(value); // None if the output does not depend on an input.
    add({ kind: "end", words: [name], from: before ? [steps.indexOf(before)] : [], size: sizes(value) });
  }
  return steps;
}

/** Words for operators that only rearrange elements. The next step absorbs them. */
const movement = /^(reshape|transpose|part .*)$/;

/** A constant as a number or its shape, or the name of a parameter or of what is computed from one. */
function operandWords({ source }: Value): string {
  if (source.kind === "node") return operandWords(source.node.inputs[0]!);
  if (source.kind !== "constant") return source.name;
  const { shape, data } = source.tensor;
  return shape.length ? `constant ${shape.join("×")}` : formatNumber(Number(data[0]));
}

/**
 * The parameters among values or their inputs: for each layer its path and weight shape, for a collapsed module its path and
 * parameter count.
 */
function parametersOf(values: readonly Value[], path?: string): string[] {
  const found = new Map<string, Value>();
  const visit = (value: Value): void => {
    if (value.source.kind === "state") found.set(value.source.name, value);
    else value.node?.inputs.forEach(visit);
  };
  values.forEach(visit);
  const owners = new Map<string, [string, Value][]>();
  for (const entry of found) {
    const owner = entry[0].slice(0, Math.max(0, entry[0].lastIndexOf(".")));
    owners.set(owner, [...(owners.get(owner) ?? []), entry]);
  }
  if (path !== undefined && [...owners.keys()].some((owner) => owner !== path)) {
    const learned = [...found].filter(([name]) => !/running_(mean|var)$/.test(name));
    const count = learned.reduce((sum, [, { shape }]) => sum + shape.reduce<number>((n, d) => n * Number(d), 1), 0);
    return [`${path}: ${formatCount(count)} parameters`];
  }
  return [...owners].flatMap(([owner, own]) => {
    const weight = own.find(([name]) => name.endsWith("weight"));
    // Without a weight these are the module's own parameters, each with its own name.
    return weight
      ? [`${owner}: ${weight[1].shape.join("×")}`]
      : own.map(([name, v]) => `${name}: ${v.shape.join("×")}`);
  });
}
