import { Command } from "commander";
import { Journal, type Written, writePage } from "../compare/node/index.js";
import { FoveaError } from "../index.js";
import { jsonOf, shown, tabulate } from "./compare-coordinate.js";
import { workersFor } from "./compare-run.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { stopOnSignal } from "./signals.js";
import { print, say } from "./terminal.js";

const tablesFlags = flagList(
  flag("--any-version", "include units trained by another version of Fovea; the tables say so"),
  flag("--page <file>", "also write all comparisons as one Markdown page"),
  flag("--no-cost", "do not measure speed and memory"),
  flag("--no-looks", "do not measure where the networks look"),
  flag("--json", "print one JSON object at the end"),
);
type TablesFlags = FlagsOf<typeof tablesFlags>;

export const compareTablesCommand = addFlags(new Command("tables"), tablesFlags)
  .description("Rewrite the tables of comparisons from the units that are done, without training")
  .argument("<folders...>", "folders of comparisons")
  .addHelpText(
    "after",
    `
Examples:
  fovea compare tables runs/compare-shapes-1a2b3c4d
  fovea compare tables runs/shapes runs/cifar --any-version --page results.md

Earlier measurements of costs and of where networks look are reused.`,
  )
  .action(async (folders: string[], _: object, command: Command) => {
    // The parent command has some of the same options, and takes them.
    const { anyVersion = false, page, cost, looks, json = false } = command.optsWithGlobals<TablesFlags>();
    const interrupt = stopOnSignal(() => {});
    const all: { readonly written: Written; readonly journal: Journal }[] = [];
    try {
      for (const folder of folders) {
        const journal = await Journal.reopen(folder);
        const lock = await journal.claim();
        try {
          const units = journal.units();
          const results = await journal.results(units, anyVersion);
          if (results.every((result) => !result)) throw new FoveaError(`${folder}: no unit is done yet`);
          const workers = workersFor(journal.plan.threads);
          const { signal } = interrupt;
          all.push({ written: await tabulate(journal, units, { workers, cost, looks, signal, anyVersion }), journal });
        } finally {
          lock.release();
        }
      }
      if (page !== undefined)
        await writePage(
          page,
          all.map(({ written }) => written),
        );
    } finally {
      interrupt.release();
    }
    const value = all.map(({ written, journal }) => jsonOf(written, journal));
    print(json, folders.length === 1 ? value[0]! : { comparisons: value }, () =>
      all.flatMap(({ written, journal }, i) => [...(i > 0 ? [""] : []), ...shown(written, journal)]),
    );
    if (page !== undefined) say(`wrote ${page}`);
  });
