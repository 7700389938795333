import { mkdir, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import {
  type AttentionInfo,
  type AttentionOptions,
  attentionModules,
  createAttentionByName,
} from "../src/attention/index.js";
import type { Attends, Kind, Placement } from "../src/attention/spec.js";
import { OptionError } from "../src/core/errors.js";
import type { OptionSpec } from "../src/core/options.js";
import { formatShape } from "../src/core/shape.js";
import { sizeOf } from "../src/core/tensor.js";
import { costOf } from "../src/graph/cost.js";
import type { Graph, Value } from "../src/graph/graph.js";
import { type AnyModule, graphFor, kindOf, parametersOf, stateOf, walk } from "../src/nn/index.js";
import { drawDiagram } from "../src/report/index.js";
import { formatNumber } from "../src/report/text.js";

// Writes docs/catalogue.md and docs/diagrams/*.svg from the registry: npm run docs:catalogue

const side = 56;
const small = 64;
const large = 256;

const attends: Readonly<Record<Attends, string>> = {
  channel: "channels (what)",
  spatial: "positions (where)",
  both: "channels and positions (what and where)",
  none: "nothing: other modules are built of it",
};

const placements: Readonly<Record<Placement, string>> = {
  residual: "after the last norm of a residual branch, before the addition",
  convolution: "right after a block's last spatial convolution, before its norm",
  activation: "after the last activation inside a residual branch, before its last convolution",
  stage: "between two stages",
};

const kinds: Readonly<Record<Exclude<Kind, "gate">, string>> = {
  block: "a block that takes the place of convolutions; networks do not insert it",
  head: "the end of a network, with several outputs",
};

/** One entry of the catalogue, traced: what the page and the drawing tell of it. */
interface Entry {
  readonly spec: AttentionInfo;
  readonly module: AnyModule;
  readonly graph: Graph;
  readonly atSmall: Costs;
  readonly atLarge: Costs;
}

/** The documentation of all modules: contents by path below docs/. */
export function catalogue(): Map<string, string> {
  const entries = [...attentionModules.values()].map((spec): Entry => {
    const traced = trace(spec, small);
    return { spec, ...traced, atSmall: costs(traced), atLarge: costs(trace(spec, large)) };
  });
  const names = new Map(entries.map(({ spec, module }) => [kindOf(module), spec.name]));
  const files = new Map([["catalogue.md", page(entries, names)]]);
  for (const { spec, graph } of entries)
    files.set(
      `diagrams/${spec.name}.svg`,
      drawDiagram(graph, { title: `Flow chart of ${spec.title}`, collapse: [...names.keys()] }),
    );
  return files;
}

type Traced = Pick<Entry, "module" | "graph">;

/** A module for maps of 56×56. One that must know the size of its maps is told. */
const build = ({ name, options }: AttentionInfo, channels: number, form: AttentionOptions = {}) =>
  createAttentionByName(name, channels, { ...("size" in options ? { size: [side, side] } : {}), ...form });

/** A module of the defaults, on maps of 56×56. */
function trace(spec: AttentionInfo, channels: number): Traced {
  const module = build(spec, channels);
  const graph = graphFor(module);
  const outputs = [module.call(graph.input("x", { dtype: "float", shape: ["N", channels, side, side] }))].flat();
  (outputs as Value[]).forEach((value, i) => graph.output(outputs.length > 1 ? `y${i + 1}` : "y", value));
  return { module, graph };
}

/** Learned parameters, and multiply-accumulates in millions, as text. */
interface Costs {
  readonly parameters: string;
  readonly macs: string;
}

function costs({ module, graph }: Traced): Costs {
  const count = [...parametersOf(module).values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { parameters: formatNumber(count), macs: formatNumber(costOf(graph).macs / 1e6, 3) };
}

function page(entries: readonly Entry[], names: ReadonlyMap<string, string>): string {
  const rows = entries.map(({ spec, atSmall: a, atLarge: b }) => {
    const weighs = spec.attends === "none" ? "–" : spec.attends;
    const name = `[${spec.name}](#${spec.name})`;
    return [name, spec.title, spec.paper.venue, weighs, a.parameters, b.parameters, a.macs, b.macs];
  });
  const header = ["name", "module", "venue", "weighs", `params @${small}`, `@${large}`, `MMACs @${small}`, `@${large}`];
  return `# Catalogue of attention modules

<!-- Written by tools/catalogue.ts from the registry, src/attention/: npm run docs:catalogue -->

Parameters, and millions of multiply-accumulates (convolutions, linear layers and matrix products; element-wise work is not in them), of
each module with its default options on maps of ${small} and of ${large} channels, ${side}×${side} positions. Where a module has an option \`size\`, it is
set to ${side}×${side}.

${table(header, rows, 4)}

In formulas x is the input, [N,C,H,W]; · multiplies element by element with broadcasting, or is a matrix product between matrices; [a; b]
stacks along the channels unless said otherwise; σ is the sigmoid; BN and LN are batch and layer norm. In the drawings a box tells what is
done, the parameters with their shapes, and after an arrow the size of the result; the batch is left out. Maps that a module publishes for
explanations are marked.

${entries.map((entry) => section(entry, names)).join("\n\n")}
`;
}

function section(entry: Entry, names: ReadonlyMap<string, string>): string {
  const { spec, module, graph, atSmall: a, atLarge: b } = entry;
  const place =
    spec.kind === "gate"
      ? `By default ${placements[spec.placement]}, in the field \`${spec.field}\``
      : `Is ${kinds[spec.kind]}`;
  const maps = graph.taps.map(({ scope, name, value }) => {
    return `\`${name}\` ${formatShape(value.shape)}${scope.path ? ` (in \`${scope.path}\`)` : ""}`;
  });
  const facts = [
    `Weighs ${attends[spec.attends]}.`,
    `${place}.`,
    `${a.parameters} learned ${a.parameters === "1" ? "parameter" : "parameters"} and ${a.macs} M multiply-accumulates at ${small} channels; ${b.parameters} and ${b.macs} M at ${large}.`,
    maps.length ? `Maps at ${small} channels: ${maps.join(", ")}.` : "Publishes no map.",
  ];
  return `## ${spec.name}

**${spec.title}.** [${spec.paper.title}](${spec.paper.url}), ${spec.paper.venue}.

\`\`\`text
${spec.formula.join("\n")}
\`\`\`

${facts.map((fact) => `- ${fact}`).join("\n")}

${optionTable(spec)}

${spec.notes.length ? `What to know:\n\n${spec.notes.map((note) => `- ${note}`).join("\n")}\n\n` : ""}${stateKeys(spec, module, names)}

![Flow chart of ${spec.title}](diagrams/${spec.name}.svg)`;
}

function optionTable({ options }: AttentionInfo): string {
  const entries = Object.entries(options as Readonly<Record<string, OptionSpec<unknown>>>);
  if (entries.length === 0) return "No options.";
  const code = (value: unknown) =>
    `\`${JSON.stringify(typeof value === "number" ? Number(value.toPrecision(6)) : value)}\``;
  const rows = entries.map(([name, { default: usual, choices, when, doc }]) => {
    const own = `\`${name}\``;
    return [
      own,
      code(usual),
      choices ? choices.map(code).join(", ") : "",
      `${doc.replaceAll("|", "\\|")}${applies(when)}`,
    ];
  });
  return table(["option", "default", "choices", "meaning"], rows);
}

/** With which other options an option has an effect, where not with all. */
function applies(when: OptionSpec<unknown>["when"] = {}): string {
  const needs = Object.entries(when).map(([name, values]) => `\`${name}\` ${values.join(" or ")}`);
  return needs.length === 0 ? "" : ` (only with ${needs.join(" and ")})`;
}

/** The keys of the defaults, and of every form that has others. */
function stateKeys(spec: AttentionInfo, module: AnyModule, names: ReadonlyMap<string, string>): string {
  const usual = keysOf(module, names);
  const others = new Map<string, string[]>();
  for (const [option, value] of forms(spec)) {
    const keys = keysIf(() => build(spec, small, { [option]: value }), names);
    if (keys !== undefined && keys !== usual)
      others.set(keys, [...(others.get(keys) ?? []), `${option} ${JSON.stringify(value)}`]);
  }
  const blocks = [...others].map(([keys, which]) => {
    const form = which.join(", or ");
    return keys ? keyBlock(`Keys with ${form}`, keys) : `No state with ${form}.`;
  });
  const title = `Keys of the state dict at ${small} channels`;
  return [usual ? keyBlock(title, usual) : "No state: no parameters, no buffers.", ...blocks].join("\n\n");
}

/** All values of options that are words, switches or lists of words, but the defaults. */
const forms = ({ options }: AttentionInfo): readonly (readonly [option: string, value: unknown])[] =>
  Object.entries(options as Readonly<Record<string, OptionSpec<unknown>>>)
    .filter(([name]) => name !== "size")
    .flatMap(([name, { default: usual, choices, traces }]) =>
      (choices ?? traces?.([]) ?? (typeof usual === "boolean" ? [!usual] : []))
        .filter((value) => value !== usual)
        .map((value) => [name, value] as const),
    );

/** The keys, or undefined for a form that needs other options. */
function keysIf(make: () => AnyModule, names: ReadonlyMap<string, string>): string | undefined {
  try {
    return keysOf(make(), names);
  } catch (error) {
    if (error instanceof OptionError) return undefined;
    throw error;
  }
}

const keyBlock = (title: string, keys: string): string => `<details><summary>${title}</summary>

\`\`\`text
${keys}
\`\`\`

</details>`;

/** The state dict, a line for each layer; parts that are modules of the catalogue are referred to. */
function keysOf(module: AnyModule, names: ReadonlyMap<string, string>): string {
  const parts: [path: string, name: string][] = [];
  walk(module, {
    module(path, part) {
      const name = names.get(kindOf(part));
      const outer = parts.some(([part]) => path.startsWith(`${part}.`));
      if (path && name && !outer) parts.push([path, name]);
    },
  });
  const lines = new Map<string, string[]>();
  for (const [key, { shape }] of stateOf(module)) {
    const part = parts.find(([path]) => key.startsWith(`${path}.`));
    const cut = key.lastIndexOf(".");
    if (part) lines.set(part[0], [`as ${part[1]}`]);
    else {
      const owner = key.slice(0, Math.max(0, cut));
      lines.set(owner, [...(lines.get(owner) ?? []), `${key.slice(cut + 1)} ${formatShape(shape)}`]);
    }
  }
  return [...lines].map(([owner, keys]) => (owner ? `${owner}: ${keys.join(", ")}` : keys.join(", "))).join("\n");
}

/** A Markdown table, its columns from `numbers` on aligned to the right. */
function table(header: readonly string[], rows: readonly (readonly string[])[], numbers = header.length): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, i) => (i < numbers ? "---" : "--:"));
  return [header, rule, ...rows].map(line).join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const docs = new URL("../../docs/", import.meta.url);
  await mkdir(new URL("diagrams/", docs), { recursive: true });
  const files = catalogue();
  for (const [path, text] of files) await writeFile(new URL(path, docs), text);
  console.log(`docs: ${[...files.keys()].length} files`);
}
