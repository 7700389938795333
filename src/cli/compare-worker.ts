import { resolve } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { Journal, joinQueue, serveQueue } from "../compare/node/index.js";
import { OptionError, ortEngine, version } from "../index.js";
import { requireFolder } from "./compare-run.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { stopOnSignal } from "./signals.js";
import { ProgressLine, percent, say } from "./terminal.js";

const workerFlags = flagList(
  flag("--send", "send results through Redis: this computer does not see the comparison's folder"),
  flag("--data <path>", "where the data is on this computer, with --send (not for generated data)"),
  flag("--redis <url>", "address of Redis (default: the variable REDIS_URL, or redis://127.0.0.1:6379)"),
);
type WorkerFlags = FlagsOf<typeof workerFlags>;

/** The address of Redis without a flag. */
export const defaultRedis = (): string => process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

export const compareWorkerCommand = addFlags(new Command("worker"), workerFlags)
  .description(
    "Run units of a comparison from the queue of --backend bullmq until it ends; each worker runs one at a time",
  )
  .argument("<folder>", "folder of the comparison, shared with this computer; with --send, a folder of its own")
  .action(async (folder: string, _: object, command: Command) => {
    // The parent command has the same option, and takes it.
    const { redis = defaultRedis(), send, data } = command.optsWithGlobals<WorkerFlags>();
    if (data !== undefined && !send)
      throw new OptionError("--data needs --send; without it, the plan in the folder says where the data is");
    if (send) await requireFolder(folder);
    const journal = send
      ? await joinQueue(redis, folder, data === undefined ? undefined : resolve(data))
      : await Journal.reopen(folder);
    const progress = new ProgressLine();
    const interrupt = stopOnSignal(() => progress.clear());
    const engine = ortEngine({ threads: journal.plan.threads });
    let title = "";
    try {
      await serveQueue(journal, {
        url: redis,
        send: send ?? false,
        engine,
        version,
        signal: interrupt.signal,
        onWait: () => progress.draw(0, `${title}: waiting for another process`),
        onStep: ({ epoch, epochs, batch, batches }) => {
          const share = (epoch - 1 + batch / batches) / epochs;
          progress.draw(share, `${title}  ${percent(share)}`);
        },
        onUnit: (unit, outcome) => {
          title = unit.title;
          progress.clear();
          if (outcome) say(`${title}: ${outcome}`);
        },
      });
    } finally {
      progress.clear();
      interrupt.release();
      await engine.release();
    }
    // BullMQ keeps trying to reach a Redis that is away.
    process.exit();
  });
