import { sameShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import type { Cell } from "../../graph/graph.js";
import type { OnnxAttribute, OnnxDType, OnnxModel, OnnxNode } from "./proto.js";

/** A dimension; a string is symbolic. */
export type Dim = number | string;

/** Element type and shape of an array. The shape is undefined if even the rank is known only at run time. */
export interface ArrayType {
  readonly dtype: OnnxDType;
  readonly shape: readonly Dim[] | undefined;
  /** Whether it is a sequence of such arrays. */
  readonly sequence?: boolean;
}

/** Where a value of a lowered module comes from. */
type Origin =
  | { readonly kind: "input" }
  | { readonly kind: "constant"; readonly tensor: Tensor }
  | { readonly kind: "node"; readonly node: LoweredNode };

/** One array of a lowered module. */
export class LoweredValue {
  /** The nodes that read it, those in branches included. */
  readonly readers = new Set<LoweredNode>();
  /** How it is arranged in memory, by an engine's name for it; undefined for row by row, as the shape says. */
  layout: string | undefined;

  constructor(
    /** Unique in its module. */
    public name: string,
    readonly type: ArrayType,
    readonly origin: Origin,
  ) {}

  get shape(): ArrayType["shape"] {
    return this.type.shape;
  }

  /** The node that computes it, if any. */
  get producer(): LoweredNode | undefined {
    return this.origin.kind === "node" ? this.origin.node : undefined;
  }

  /** The contents of a constant. */
  get tensor(): Tensor | undefined {
    return this.origin.kind === "constant" ? this.origin.tensor : undefined;
  }
}

/** The nodes of a branch, which may read values from outside, and the value that it returns. */
export interface Branch {
  readonly nodes: readonly LoweredNode[];
  readonly result: LoweredValue;
}

/** What a node does, apart from what it reads. */
export interface Operation {
  readonly type: string;
  /** The operator's domain; undefined for ONNX itself. */
  readonly domain?: string;
  readonly attributes: { readonly [name: string]: OnnxAttribute };
  /** The branches of an `If`, by attribute. */
  readonly branches?: Readonly<Record<string, Branch>>;
}

/** One application of an ONNX operator. */
export class LoweredNode {
  readonly outputs: readonly LoweredValue[];
  /** The `If` in a branch of which it is. */
  parent: LoweredNode | undefined;
  /** Whether its results were found to have the types that its operator gives, since its inputs last changed. */
  isTypeChecked = false;
  readonly #inputs: (LoweredValue | undefined)[] = [];

  constructor(
    readonly name: string,
    readonly operation: Operation,
    inputs: readonly (LoweredValue | undefined)[],
    types: readonly ArrayType[],
  ) {
    for (const [i, value] of inputs.entries()) this.setInput(i, value);
    this.outputs = types.map(
      (type, i) => new LoweredValue(i === 0 ? name : `${name}:${i}`, type, { kind: "node", node: this }),
    );
    for (const { nodes } of this.branches) for (const node of nodes) node.parent = this;
  }

  get type(): string {
    return this.operation.type;
  }

  /** What it reads; undefined for an optional input that is left out. */
  get inputs(): readonly (LoweredValue | undefined)[] {
    return this.#inputs;
  }

  get branches(): readonly Branch[] {
    return Object.values(this.operation.branches ?? {});
  }

  /** Everything it reads, also in its branches. */
  get reads(): readonly LoweredValue[] {
    const inputs = this.#inputs.filter((value) => value !== undefined);
    return this.branches.length === 0
      ? inputs
      : [...inputs, ...this.branches.flatMap(({ nodes }) => nodes.flatMap((node) => node.reads))];
  }

  /** The node itself, or the outermost `If` that it is in. */
  get outermost(): LoweredNode {
    return this.parent ? this.parent.outermost : this;
  }

  setInput(index: number, value: LoweredValue | undefined): void {
    const before = this.#inputs[index];
    this.#inputs[index] = value;
    this.isTypeChecked = false;
    if (before && !this.#inputs.includes(before)) before.readers.delete(this);
    value?.readers.add(this);
  }

  /** Gives up everything it reads, so that it can be dropped. */
  detach(): void {
    for (const value of this.#inputs) value?.readers.delete(this);
    for (const { nodes } of this.branches) for (const node of nodes) node.detach();
  }
}

/** An output of the model. Its type is the graph's, whose dimensions may be symbolic. */
export interface LoweredOutput {
  readonly name: string;
  readonly value: LoweredValue;
  readonly type: ArrayType;
}

/** A cell that the graph updates: its contents enter as the input `before` and leave as the output `after`. */
export interface LoweredState {
  readonly cell: Cell;
  readonly before: LoweredValue;
  readonly after: LoweredOutput;
}

/** Has the nodes that read a value read another one. Outputs and state stay as they are. */
export function redirect(value: LoweredValue, by: LoweredValue): void {
  for (const reader of [...value.readers])
    reader.inputs.forEach((input, i) => {
      if (input === value) reader.setInput(i, by);
    });
}

/** A model between a graph and its bytes: nodes in an order in which they can be run, with definitions and uses. */
export class LoweredModule {
  nodes: LoweredNode[] = [];
  constants: LoweredValue[] = [];
  inputs: readonly LoweredValue[] = [];
  outputs: readonly LoweredOutput[] = [];
  states: readonly LoweredState[] = [];
  metadata: Readonly<Record<string, string>> = {};

  constructor(
    /** Version of the ONNX operator set. */
    readonly opset: number,
    /** How the types of results follow from the inputs, by operator. */
    readonly typeRules: TypeRules,
  ) {}

  /** Adds a constant array. */
  addConstant(name: string, tensor: Tensor): LoweredValue {
    const type = { dtype: tensor.dtype as OnnxDType, shape: tensor.shape };
    const constant = new LoweredValue(name, type, { kind: "constant", tensor });
    this.constants.push(constant);
    return constant;
  }

  /** The names of all arrays. */
  get names(): Set<string> {
    const values = [...this.inputs, ...this.constants, ...this.nodes.flatMap(({ outputs }) => outputs)];
    return new Set([...values, ...this.outputs].map(({ name }) => name));
  }

  /** Has whatever reads `value` read another one. */
  replaceAllUses(value: LoweredValue, by: LoweredValue): void {
    redirect(value, by);
    this.outputs = this.outputs.map((output) => (output.value === value ? { ...output, value: by } : output));
    this.states = this.states.map((state) => ({
      ...state,
      after: this.outputs.find(({ name }) => name === state.after.name)!,
    }));
  }

  /** Drops nodes and constants that no output depends on. */
  removeDeadCode(): void {
    const live = new Set(this.outputs.map(({ value }) => value));
    const kept: LoweredNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (node.outputs.some((value) => live.has(value))) {
        for (const value of node.reads) live.add(value);
        kept.push(node);
      } else node.detach();
    }
    this.nodes = kept.reverse();
    this.constants = this.constants.filter((value) => live.has(value));
  }
}

/** The types of a node's results; a shape that is not known is undefined. @throws Error if the inputs do not fit. */
export type TypeRule = (
  inputs: readonly (LoweredValue | undefined)[],
  attributes: Operation["attributes"],
) => readonly ArrayType[];

/** By operator, with its domain: `Conv`, `com.microsoft.nchwc.Conv`. */
export type TypeRules = ReadonlyMap<string, TypeRule>;

/** The key of an operator in {@link TypeRules}. */
export const operatorKey = ({ type, domain }: Pick<Operation, "type" | "domain">): string =>
  domain ? `${domain}.${type}` : type;

/**
 * Checks that a module is well formed: inputs are computed before they are read, readers are registered, names are unique, and types
 * are those that the operators give.
 *
 * @throws Error that names the node: a fault of a rule or pass, never of a network.
 */
export function verifyModule(module: LoweredModule): void {
  const names = new Set<string>();
  const known = new Set<LoweredValue>();
  const define = (value: LoweredValue, where: string) => {
    if (names.has(value.name)) throw new Error(`${where}: two arrays are named ${value.name}`);
    names.add(value.name);
    known.add(value);
  };
  for (const value of [...module.inputs, ...module.constants]) define(value, "module");
  const visit = (node: LoweredNode, parent: LoweredNode | undefined): void => {
    if (node.parent !== parent) throw new Error(`${node.name}: is not in the branch that it says`);
    for (const value of node.inputs) {
      if (value && !known.has(value)) throw new Error(`${node.name}: ${value.name} is read before it is computed`);
      if (value && !value.readers.has(node)) throw new Error(`${node.name}: is no reader of ${value.name}`);
    }
    const local: LoweredValue[] = [];
    for (const { nodes, result } of node.branches) {
      for (const inner of nodes) {
        visit(inner, node);
        local.push(...inner.outputs);
      }
      if (!known.has(result)) throw new Error(`${node.name}: a branch does not compute what it returns`);
    }
    for (const value of local) known.delete(value);
    if (!node.isTypeChecked) checkTypes(node, module.typeRules);
    for (const value of node.outputs) define(value, node.name);
  };
  for (const node of module.nodes) visit(node, undefined);
  for (const { name, value, type } of module.outputs) {
    if (!known.has(value)) throw new Error(`output ${name} is not computed`);
    if (!fits(value.type, type))
      throw new Error(`output ${name}: is ${formatType(value.type)}, not ${formatType(type)}`);
  }
}

function checkTypes(node: LoweredNode, rules: TypeRules): void {
  const inferred = rules.get(operatorKey(node.operation))?.(node.inputs, node.operation.attributes);
  node.outputs.forEach(({ type }, i) => {
    if (inferred?.[i] && !fits(type, inferred[i]))
      throw new Error(`${node.name}: is ${formatType(type)}, not ${formatType(inferred[i])}`);
  });
  node.isTypeChecked = true;
}

/** Whether two types may be of the same array: symbolic dimensions and unknown shapes fit any. */
export function fits(a: ArrayType, b: ArrayType): boolean {
  if (a.dtype !== b.dtype || (a.sequence ?? false) !== (b.sequence ?? false)) return false;
  if (!a.shape || !b.shape) return true;
  const wild = (shape: readonly Dim[], other: readonly Dim[]) =>
    shape.map((d, i) => (typeof d === "string" || typeof other[i] === "string" ? 0 : d));
  return sameShape(wild(a.shape, b.shape), wild(b.shape, a.shape));
}

/** "float32[2,16,8,8]" */
export const formatType = ({ dtype, shape }: ArrayType): string => `${dtype}[${shape ?? "…"}]`;

/** The module as it is encoded. */
export function toModel(module: LoweredModule): OnnxModel {
  const domains = new Set<string>();
  const encode = (node: LoweredNode): OnnxNode => {
    const { type, domain, attributes, branches } = node.operation;
    if (domain) domains.add(domain);
    const graphs = Object.entries(branches ?? {}).map(([name, { nodes, result }]) => {
      const { dtype, shape } = node.outputs[0]!.type;
      return [
        name,
        { graph: { nodes: nodes.map(encode), outputs: [{ name: result.name, dtype, shape: shape! }] } },
      ] as const;
    });
    return {
      type,
      ...(domain ? { domain } : {}),
      name: node.name,
      inputs: node.inputs.map((value) => value?.name ?? ""),
      outputs: node.outputs.map(({ name }) => name),
      attributes: { ...attributes, ...Object.fromEntries(graphs) },
    };
  };
  const info = ({ name, type: { shape, ...type } }: Pick<LoweredOutput, "name" | "type">) => ({
    name,
    ...type,
    shape: shape!,
  });
  const nodes = module.nodes.map(encode);
  return {
    nodes,
    initializers: new Map(module.constants.map(({ name, tensor }) => [name, tensor!])),
    inputs: module.inputs.map(info),
    outputs: module.outputs.map(info),
    opsets: { "": module.opset, ...Object.fromEntries([...domains].map((domain) => [domain, 1])) },
    metadata: module.metadata,
  };
}
