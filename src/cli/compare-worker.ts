import process from "node:process";
import { Command } from "commander";
import { Journal, serveQueue } from "../compare/node/index.js";
import { ortEngine, version } from "../index.js";
import { stopOnSignal } from "./signals.js";
import { ProgressLine, percent, say } from "./terminal.js";

/** Where Redis is unless a flag says it. */
export const defaultRedis = (): string => process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

export const compareWorkerCommand = new Command("worker")
  .description(
    "Do units of a comparison that --backend bullmq gives out, until it has ended; start as many as there are computers",
  )
  .argument("<folder>", "folder of the comparison, which this computer sees too")
  .option("--redis <url>", "address of Redis (default: the variable REDIS_URL, or redis://127.0.0.1:6379)")
  .action(async (folder: string, _: object, command: Command) => {
    // The command above has the same option, and takes it.
    const { redis = defaultRedis() } = command.optsWithGlobals<{ redis?: string }>();
    const journal = await Journal.reopen(folder);
    const progress = new ProgressLine();
    const interrupt = stopOnSignal(() => progress.clear());
    const engine = ortEngine({ threads: journal.plan.threads });
    let title = "";
    try {
      await serveQueue(journal, {
        url: redis,
        engine,
        version,
        signal: interrupt.signal,
        onWait: () => progress.draw(0, `${title}: another process is at it`),
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
    // BullMQ goes on trying to reach a Redis that is away.
    process.exit();
  });
