import { Command } from "commander";
import { attentionModules, models } from "../index.js";
import { print, table } from "./terminal.js";

export const listCommand = new Command("list")
  .description("Attention modules and networks, with their options")
  .option("--json", "print one JSON object")
  .action(({ json = false }: { json?: boolean }) => {
    const describe = (options: object) =>
      Object.fromEntries(
        Object.entries(options as Record<string, { default: unknown; doc: string; choices?: unknown }>),
      );
    const attention = [...attentionModules.values()].map(
      ({ name, title, paper, attends, kind, placement, options }) => ({
        name,
        title,
        paper,
        kind,
        attends,
        placement,
        options: describe(options),
      }),
    );
    const networks = [...models.values()].map(({ name, paper, classes, input, options }) => ({
      name,
      paper,
      classes,
      input,
      options: describe(options),
    }));
    const defaults = (options: Record<string, { default: unknown }>) =>
      Object.entries(options)
        .map(([name, spec]) => `${name}=${JSON.stringify(spec.default)}`)
        .join(" ");
    print(json, { attention, models: networks }, () =>
      [
        table(
          attention.map((a) => [a.name, a.title, a.kind, a.attends, a.paper.venue, defaults(a.options)]),
          ["attention", "title", "kind", "weighs", "paper", "options"],
        ),
        table(
          networks.map((m) => [m.name, m.input.join("x"), m.classes, defaults(m.options)]),
          ["model", "input", "classes", "options"],
        ),
      ].join("\n\n"),
    );
  });
