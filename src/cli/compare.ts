import { readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { argv } from "node:process";
import { Command, Option } from "commander";
import {
  budgets,
  canonical,
  type Plan,
  parsePlan,
  presetNamed,
  presets,
  readPlan,
  writtenPlan,
} from "../compare/index.js";
import { Journal, sha256 } from "../compare/node/index.js";
import { OptionError } from "../index.js";
import { batchSize, count, epochCount, imageSize, optional, positive, threadCount } from "./arguments.js";
import { coordinate } from "./compare-coordinate.js";
import { checkPairing, dryRun, writeSlurm } from "./compare-run.js";
import { compareTablesCommand } from "./compare-tables.js";
import { compareWorkCommand } from "./compare-work.js";
import { compareWorkerCommand, defaultRedis } from "./compare-worker.js";

export interface CompareFlags {
  readonly preset?: string;
  readonly modules?: string;
  readonly model?: string;
  readonly seeds?: number;
  readonly epochs?: number;
  readonly budget?: Plan["budget"];
  readonly images?: number;
  readonly testImages?: number;
  readonly imageSize?: number;
  readonly batch?: number;
  readonly lr?: number;
  readonly threads?: number;
  readonly workers?: number;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly checkPairing?: boolean;
  readonly masks?: string;
  readonly cost: boolean;
  readonly looks: boolean;
  readonly backend: "local" | "slurm" | "bullmq";
  readonly redis?: string;
  readonly slurmOption?: readonly string[];
  readonly json?: boolean;
}

export const compareCommand = new Command("compare")
  .argument("<data>", "data set: a folder, or shapes; or a plan, a .json file with data, modules, seeds, …")
  .option(
    "--modules <list>",
    "what to compare, the first with all others: names of modules, none, placebo, placebo-random, wide",
  )
  .option("--preset <name>", `what an article compares: ${Object.keys(presets).join(", ")}`)
  .option("--model <list>", "networks to put them in (default: resnet20)")
  .option("--seeds <n>", "how many paired seeds (default: 3; an exact test needs 6)", count)
  .option("--epochs <n>", "epochs of the first entrant (default: 10)", epochCount)
  .addOption(
    new Option("--budget <what>", "what the others get as much of as the first (default: epochs)").choices([
      ...budgets,
    ]),
  )
  .option("--images <n>", "images to train on (default: all)", count)
  .option("--test-images <n>", "images to test on (default: all)", count)
  .option("--image-size <pixels>", "side of the square input (default: what suits the data)", imageSize)
  .option("--batch <n>", "images per step (default: as fovea train)", batchSize)
  .option("--lr <rate>", "learning rate (default: as fovea train)", positive)
  .option("--threads <n>", "threads of each unit (default: 1)", threadCount)
  .option("--workers <n>", "units at a time (default: as many as there are processors for their threads)", count)
  .option("--out <folder>", "folder of the comparison (default: one in runs/ that follows from the plan)")
  .option("--dry-run", "say what it would take, by a short measurement, and do nothing more")
  .option("--check-pairing", "hash what the units of each seed begin with, and do nothing more")
  .addOption(
    new Option(
      "--backend <name>",
      "who does the units: processes here; a SLURM array, whose script is written; or workers at a BullMQ queue in Redis",
    )
      .choices(["local", "slurm", "bullmq"])
      .default("local"),
  )
  .option("--slurm-option <option...>", "more options for sbatch, such as --slurm-option=--partition=long")
  .option("--redis <url>", "address of Redis (default: the variable REDIS_URL, or redis://127.0.0.1:6379)")
  .option(
    "--masks <path>",
    "where the objects of the test images are: a folder of masks, or boxes in COCO's JSON or a CSV file",
  )
  .option("--no-cost", "do not measure speed and memory at the end")
  .option("--no-looks", "do not find where the networks look at the end")
  .option("--json", "print one JSON object at the end")
  .addHelpText(
    "after",
    `
Examples:
  fovea compare shapes --modules none,se,cbam --seeds 3 --epochs 1 --images 512
  fovea compare cifar-10/ --modules none,placebo,wide,se --seeds 6 --dry-run
  fovea compare cifar-100/ --preset cbam-arrangement --seeds 6 --epochs 30
  fovea compare plan.json --workers 2

Whatever interrupts it, kill -9 included: the same command goes on. What is
done is never done again.`,
  )
  .addCommand(compareWorkCommand)
  .addCommand(compareWorkerCommand)
  .addCommand(compareTablesCommand)
  .action(async (source: string, flags: CompareFlags) => {
    const given = await planOf(source, flags);
    // Workers may run elsewhere.
    const { source: lies, masks } = given.data;
    const data = { ...given.data, source: absolute(lies), ...optional("masks", masks && resolve(masks)) };
    const plan = { ...given, data };
    const out =
      flags.out ?? join("runs", `compare-${nameOf(plan)}-${sha256(canonical(writtenPlan(plan))).slice(0, 8)}`);
    if (plan.data.source !== "shapes" && !relative(plan.data.source, out).startsWith(".."))
      throw new OptionError(`--out ${out} lies in the data, which it would change: choose another folder`);
    const journal = await Journal.open(out, plan);
    const workers = flags.workers ?? Math.max(1, Math.floor(availableParallelism() / plan.threads));
    if (flags.checkPairing) return checkPairing(journal, flags.json ?? false);
    if (flags.dryRun) return dryRun(journal, { workers, cost: flags.cost, json: flags.json ?? false });
    if (flags.slurmOption && flags.backend !== "slurm") throw new OptionError("--slurm-option needs --backend slurm");
    if (flags.redis !== undefined && flags.backend !== "bullmq")
      throw new OptionError("--redis needs --backend bullmq");
    const redis = flags.backend === "bullmq" ? (flags.redis ?? defaultRedis()) : undefined;
    if (flags.backend === "slurm")
      return writeSlurm(journal, { workers, program: argv[1]!, options: flags.slurmOption ?? [] }, flags.json ?? false);
    const { cost, looks, json = false } = flags;
    await coordinate(journal, { workers, redis, cost, looks, json, program: argv[1]! });
  });

const absolute = (source: string) => (source === "shapes" ? source : resolve(source));

const nameOf = ({ data }: Plan) => basename(data.source).replace(/[^\w.-]+/g, "-") || "data";

/** Flags that a plan file says itself. */
const inPlan = [
  "preset",
  "modules",
  "model",
  "seeds",
  "epochs",
  "budget",
  "images",
  "testImages",
  "imageSize",
  "masks",
  "batch",
  "lr",
  "threads",
] as const;

async function planOf(source: string, flags: CompareFlags): Promise<Plan> {
  const found = await stat(source).catch(() => undefined);
  if (source.endsWith(".json") && (found?.isFile() ?? true)) {
    const given = inPlan.find((name) => flags[name] !== undefined);
    if (given)
      throw new OptionError(
        `--${given.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}: the plan ${source} says that itself; change it there`,
      );
    const json = await readFile(source, "utf8").catch((error: Error) => {
      throw new OptionError(`${source}: cannot be read (${error.message})`);
    });
    return readPlan(json, source);
  }
  if (flags.modules !== undefined && flags.preset !== undefined)
    throw new OptionError("--preset says which modules; leave --modules out");
  const preset = flags.preset === undefined ? undefined : presetNamed(flags.preset);
  if (flags.modules === undefined && !preset)
    throw new OptionError("which modules? Such as --modules none,se,cbam, or --preset cbam-arrangement");
  const names = (text: string) => text.split(",").map((name) => name.trim());
  return parsePlan(
    {
      data: {
        source,
        ...optional("images", flags.images),
        ...optional("testImages", flags.testImages),
        ...optional("imageSize", flags.imageSize),
        ...optional("masks", flags.masks),
      },
      ...optional("backbones", flags.model === undefined ? preset?.backbones : names(flags.model)),
      modules: preset?.modules ?? names(flags.modules!),
      ...optional("seeds", flags.seeds),
      ...optional("epochs", flags.epochs),
      ...optional("budget", flags.budget),
      settings: [{ ...optional("batch", flags.batch), ...optional("lr", flags.lr) }],
      ...optional("threads", flags.threads),
    },
    "compare",
  );
}
