import { drawDiagram } from "fovea/explain";
import { initialize, parametersOf } from "fovea/nn";
import { attentionInfo, costOf, createAttentionByName, type Module, trace } from "fovea/web";

/** A module of the catalogue, as a page shows it. */
export interface ModulePage {
  readonly name: string;
  readonly title: string;
  readonly paper: { readonly title: string; readonly venue: string; readonly url: string };
  readonly attends: string;
  readonly placement: string;
  readonly formula: readonly string[];
  readonly notes: readonly string[];
  readonly options: readonly { readonly name: string; readonly usual: string; readonly doc: string }[];
  /** For maps of 64 channels and 32 × 32 positions. */
  readonly cost: { readonly parameters: number; readonly macs: number };
  /** SVG. */
  readonly drawing: string;
}

const shape = [1, 64, 32, 32] as const;

export function modulePage(name: string): ModulePage {
  const { title, paper, attends, placement, formula, notes, options } = attentionInfo(name);
  const module = initialize(createAttentionByName(name, shape[1])) as Module;
  const graph = trace(module, [...shape]);
  const { macs } = costOf(graph);
  const parameters = [...parametersOf(module).values()].reduce(
    (n, { shape }) => n + shape.reduce((a, b) => a * b, 1),
    0,
  );
  return {
    name,
    title,
    paper,
    attends,
    placement,
    formula,
    notes: notes.map(plain),
    options: Object.entries(options as Record<string, { default: unknown; doc: string }>).map(([option, spec]) => ({
      name: option,
      usual: JSON.stringify(spec.default),
      doc: spec.doc,
    })),
    cost: { parameters, macs },
    drawing: drawDiagram(graph, { title: `${title}, as a flow chart` }),
  };
}

/** Markdown without its marks. */
const plain = (text: string): string => text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1").replaceAll(/[`*]/g, "");
