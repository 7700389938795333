import type { Tensor } from "../../../core/tensor.js";
import { LoweredModule, verifyModule } from "../../../formats/onnx/ir.js";
import { defaultOpset } from "../../../formats/onnx/lower.js";
import type { Cell, Graph, Node } from "../../../graph/graph.js";
import { verify } from "../../../graph/verify.js";
import type { Layout } from "../blocked/layout.js";
import type { Decision } from "../blocked/lowering.js";
import { ortTypes } from "../rules/operators.js";
import type { Target } from "../targets/target.js";

/** What passes transform: a graph and, once it is emitted, the nodes that it is lowered to. */
export interface Module {
  readonly graph: Graph;
  /** Empty until the graph is emitted. */
  readonly lowered: LoweredModule;
  /** The layouts in which updated cells enter and leave the model; a cell that is not here is a plain array. */
  readonly stateLayouts: ReadonlyMap<Cell, Layout>;
  /** How each node of the graph was emitted, where there were blocked rules to choose from. */
  readonly decisions: ReadonlyMap<Node, Decision>;
  /** The cells whose new contents may overwrite the old. */
  readonly inPlace: ReadonlySet<Cell>;
  /** The first output if results are written to given arrays: a sequence, at which the binding stops copying. */
  readonly sentinel: string | undefined;
  /** The contents of the cells of the graph that was given, from those of this one. */
  restore(contents: ReadonlyMap<Cell, Tensor>): Map<Cell, Tensor>;
}

/** A step of the compiler. It may change the module that it is given. */
export type Pass = (module: Module, target: Target) => Module;

/** Runs passes in turn, and verifies what each returns. `visit` sees it, to print it for example. */
export function runPasses(
  graph: Graph,
  target: Target,
  passes: Readonly<Record<string, Pass>>,
  visit: (pass: string, module: Module) => void = () => {},
): Module {
  let module: Module = {
    graph,
    lowered: new LoweredModule(defaultOpset, ortTypes),
    stateLayouts: new Map(),
    decisions: new Map(),
    inPlace: new Set(),
    sentinel: undefined,
    restore: (contents) => new Map(contents),
  };
  for (const [name, pass] of Object.entries(passes)) {
    const before = module;
    module = pass(before, target);
    if (module.graph !== before.graph) verify(module.graph);
    verifyModule(module.lowered);
    visit(name, module);
  }
  return module;
}
