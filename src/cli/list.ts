import { Command } from "commander";
import { unknownName } from "../core/errors.js";
import { attentionModules, models, pretrainedOf } from "../internal.js";
import { jsonFlag } from "./arguments.js";
import { addFlags, type FlagsOf } from "./flags.js";
import { pretrainedLines } from "./pretrained.js";
import { paragraphs, print, table, wrapped } from "./terminal.js";

interface Described {
  readonly default: unknown;
  readonly doc: string;
  readonly choices?: readonly unknown[];
  readonly when?: Readonly<Record<string, readonly unknown[]>>;
}

const attention = [...attentionModules.values()].map(({ name, title, paper, attends, kind, placement, options }) => ({
  name,
  title,
  paper,
  kind,
  attends,
  placement,
  options: { ...options } as Record<string, Described>,
}));
const networks = [...models.values()].map(({ name, paper, numClasses, input, options }) => ({
  name,
  paper,
  classes: numClasses,
  input,
  pretrained: pretrainedOf(name).map(({ classes, options: _, model: __, ...weights }) => ({
    ...weights,
    classes: classes.length,
  })),
  options: { ...options } as Record<string, Described>,
}));

export const listCommand = addFlags(new Command("list"), [jsonFlag])
  .argument("[name]", "attention module or network")
  .action((name: string | undefined, { json = false }: FlagsOf<readonly [typeof jsonFlag]>) => {
    if (name === undefined) return print(json, { attention, models: networks }, overview);
    const entry = [...attention, ...networks].find((one) => one.name === name);
    if (!entry) throw unknownName("module or network", name, [...attentionModules.keys(), ...models.keys()]);
    print(json, entry, () => details(entry));
  });

/** Two tables of at most 80 columns. */
function overview(): string[] {
  return paragraphs(
    table(
      attention.map((a) => [a.name, a.kind, a.attends, a.paper.venue]),
      ["attention", "kind", "weighs", "paper"],
    ),
    table(
      networks.map((m) => [m.name, m.input.join("x"), m.classes]),
      ["model", "input", "classes"],
    ),
    "`fovea list NAME` shows the options of one.",
  );
}

/** Which other options an option needs to have an effect. */
function needs(when: NonNullable<Described["when"]>): readonly string[] {
  const all = Object.entries(when).map(([other, values]) => `${other} ${values.join(" or ")}`);
  return all.length ? wrapped(`only with ${all.join(" and ")}`, { indent: 6 }) : [];
}

function details(entry: (typeof attention)[number] | (typeof networks)[number]): string[] {
  const { title, venue, ...paper } = entry.paper as { title?: string; venue?: string };
  const about =
    "kind" in entry
      ? [`${entry.name}: ${entry.title}`, `kind ${entry.kind}, weighs ${entry.attends}, placed ${entry.placement}`]
      : [`${entry.name}: input ${entry.input.join("x")}, ${entry.classes} classes`];
  const options = Object.entries(entry.options).flatMap(([option, { default: preset, doc, choices, when = {} }]) => [
    ...wrapped(`${option} = ${JSON.stringify(preset)}${choices ? ` (${choices.join(", ")})` : ""}`, { indent: 2 }),
    ...wrapped(doc, { indent: 6 }),
    ...needs(when),
  ]);
  const source = [title, venue, ...Object.values(paper)].filter(
    (part) => typeof part === "string" || typeof part === "number",
  );
  const head = [...about, source.join(", ")].flatMap((line) => wrapped(line));
  const weights =
    "pretrained" in entry ? pretrainedLines(entry.name).flatMap((line) => wrapped(line, { indent: 2 })) : [];
  return [
    ...head,
    ...(weights.length
      ? ["published weights, the first with --pretrained, others with --weights NAME:", ...weights]
      : []),
    options.length ? "options:" : "no options",
    ...options,
  ];
}
