import { stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { Journal, runUnit, type WorkerMessage } from "../compare/node/index.js";
import { whole } from "../core/schema.js";
import { FoveaError, OptionError, ortEngine, version } from "../index.js";
import { addFlags, type FlagsOf, flag, flagList, needed } from "./flags.js";
import { stopOnSignal } from "./signals.js";
import { ProgressLine, percent, say } from "./terminal.js";

/** Tells the coordinator, if there is one. */
const tell = (message: WorkerMessage): void => {
  if (process.connected) process.send?.(message);
};

const workFlags = flagList(needed(flag("--unit <i>", "which unit, counted from 0", whole(0, 1_000_000))));

export const compareWorkCommand = addFlags(new Command("work"), workFlags)
  .description("Run one unit of a comparison: for schedulers, and for other computers that see the same folder")
  .argument("<folder>", "folder of a comparison, created by fovea compare --dry-run")
  .addHelpText(
    "after",
    `
A finished unit is left alone and an interrupted one resumes. If another process
is running the unit, the command waits for it.`,
  )
  .action(async (folder: string, { unit }: FlagsOf<typeof workFlags>) => {
    if (!(await stat(join(folder, "plan.json")).catch(() => undefined)))
      throw new OptionError(
        `${folder} is not the folder of a comparison: it has no plan.json. fovea compare --dry-run creates one`,
      );
    // A worker whose coordinator is gone exits; the next worker resumes the unit.
    const abandon = () => process.kill(process.pid, "SIGKILL");
    process.once("disconnect", abandon);
    const journal = await Journal.reopen(folder);
    const entry = journal.unit(unit);
    const progress = new ProgressLine();
    const interrupt = stopOnSignal(() => progress.clear());
    const engine = ortEngine({ threads: journal.plan.threads });
    try {
      const outcome = await runUnit(journal, entry, {
        engine,
        version,
        signal: interrupt.signal,
        onWait: () => progress.draw(0, `${entry.title}: waiting for another process`),
        onStep: ({ epoch, epochs, batch, batches, loss }) => {
          const share = (epoch - 1 + batch / batches) / epochs;
          tell({ kind: "step", share });
          if (!process.connected) progress.draw(share, `${entry.title}  loss ${loss.toFixed(3)}  ${percent(share)}`);
        },
      });
      progress.clear();
      if (outcome === "stopped") throw new FoveaError(`${entry.title}: stopped and saved; the same command resumes`);
      if (!process.connected) say(`${entry.title}: ${outcome}, in ${entry.folder}`);
    } finally {
      interrupt.release();
      await engine.release();
      process.off("disconnect", abandon);
      if (process.connected) process.disconnect();
    }
  });
