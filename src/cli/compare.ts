import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { Command } from "commander";
import {
  budgets,
  canonical,
  isGenerated,
  type Plan,
  parsePlan,
  presetNamed,
  presets,
  writtenPlan,
} from "../compare/index.js";
import { isPlanFile, Journal, readPlanFile, sha256 } from "../compare/node/index.js";
import * as schemas from "../core/schema.js";
import { OptionError, openMasks } from "../index.js";
import { count, optional } from "./arguments.js";
import { coordinate } from "./compare-coordinate.js";
import { checkPairing, dryRun, nameOf, requireFolder, requireOutside, workersFor, writeSlurm } from "./compare-run.js";
import { compareTablesCommand } from "./compare-tables.js";
import { compareWorkCommand } from "./compare-work.js";
import { compareWorkerCommand, defaultRedis } from "./compare-worker.js";
import { addFlags, type FlagsOf, flag, flagList, givenOf } from "./flags.js";

/** Flags that a plan file says itself. */
const planFlags = flagList(
  flag(
    "--modules <list>",
    "what to compare, the first with all others: names of modules, none, placebo, placebo-random, wide",
  ),
  flag("--preset <name>", `what an article compares: ${Object.keys(presets).join(", ")}`),
  flag("--model <list>", "networks to put them in (default: resnet20)"),
  flag("--seeds <n>", "how many paired seeds (default: 3; an exact test needs 6)", count),
  flag("--epochs <n>", "epochs of the first entrant (default: 10)", schemas.epochCount),
  flag("--budget <what>", "what the others get as much of as the first (default: epochs)", schemas.oneOf(...budgets)),
  flag("--images <n>", "images to train on (default: all)", count),
  flag("--test-images <n>", "images to test on (default: all)", count),
  flag("--image-size <pixels>", "side of the square input (default: what suits the data)", schemas.imageSize),
  flag("--batch <n>", "images per step (default: as fovea train)", schemas.batchSize),
  flag("--lr <rate>", "learning rate (default: as fovea train)", schemas.positive),
  flag("--threads <n>", "threads of each unit (default: 1)", schemas.threadCount),
  flag(
    "--masks <path>",
    "where the objects of the test images are: a folder of masks, or boxes in COCO's JSON or a CSV file",
  ),
);
const compareFlags = flagList(
  ...planFlags,
  flag(
    "--workers <n>",
    "units at a time on this computer (default: as many as there are processors for their threads); with --backend bullmq, each fovea compare worker does one",
    count,
  ),
  flag("--out <folder>", "folder of the comparison (default: one in runs/ that follows from the plan)"),
  flag("--dry-run", "say what it would take, by a short measurement, and do nothing more"),
  flag("--check-pairing", "hash what the units of each seed begin with, and do nothing more"),
  flag(
    "--backend <name>",
    "who does the units: processes here; a SLURM array, whose script is written; or workers at a BullMQ queue in Redis",
    schemas.oneOf("local", "slurm", "bullmq"),
    "local",
  ),
  flag("--slurm-option <option...>", "more options for sbatch, such as --slurm-option=--partition=long"),
  flag("--redis <url>", "address of Redis (default: the variable REDIS_URL, or redis://127.0.0.1:6379)"),
  flag("--no-cost", "do not measure speed and memory at the end"),
  flag("--no-looks", "do not find where the networks look at the end"),
  flag("--json", "print one JSON object at the end"),
);
export type CompareFlags = FlagsOf<typeof compareFlags>;

export const compareCommand = addFlags(new Command("compare"), compareFlags)
  .argument(
    "<data>",
    "data set: a folder, shapes or shapes-free; or a plan, a .yaml or .json file with data, modules, seeds, …",
  )
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
    if (data.masks !== undefined) await requireMasks(data.masks, data.source);
    // Masks may come later: they change no training.
    const named = writtenPlan({ ...plan, data: { ...data, masks: undefined } as Plan["data"] });
    const out =
      flags.out ?? join("runs", `compare-${nameOf(plan.data.source)}-${sha256(canonical(named)).slice(0, 8)}`);
    requireOutside(plan.data.source, out);
    await requireFolder(out);
    const journal = await Journal.open(out, plan);
    const workers = flags.workers ?? workersFor(plan.threads);
    if (flags.checkPairing) return checkPairing(journal, flags.json ?? false);
    const { cost, looks, json = false } = flags;
    if (flags.dryRun) return dryRun(journal, { workers, cost, looks, json });
    if (flags.slurmOption && flags.backend !== "slurm") throw new OptionError("--slurm-option needs --backend slurm");
    if (flags.redis !== undefined && flags.backend !== "bullmq")
      throw new OptionError("--redis needs --backend bullmq");
    const redis = flags.backend === "bullmq" ? (flags.redis ?? defaultRedis()) : undefined;
    if (flags.backend === "slurm")
      return writeSlurm(journal, { workers, program: argv[1]!, options: flags.slurmOption ?? [] }, flags.json ?? false);
    await coordinate(journal, { workers, redis, cost, looks, json, program: argv[1]! });
  });

/** @throws FoveaError for masks that cannot be read, before anything is trained. */
async function requireMasks(masks: string, source: string): Promise<void> {
  if (isGenerated(source))
    throw new OptionError(`--masks is for folders of images; ${source} knows where its objects are`);
  await openMasks(masks);
}

const absolute = (source: string) => (isGenerated(source) ? source : resolve(source));

async function planOf(source: string, flags: CompareFlags): Promise<Plan> {
  const found = await stat(source).catch(() => undefined);
  if (isPlanFile(source) && (found?.isFile() ?? true)) {
    const [given] = givenOf(planFlags, flags);
    if (given) throw new OptionError(`${given}: the plan ${source} says that itself; change it there`);
    return refuseNothingToCompare(await readPlanFile(source), source);
  }
  if (flags.modules !== undefined && flags.preset !== undefined)
    throw new OptionError("--preset says which modules; leave --modules out");
  const preset = flags.preset === undefined ? undefined : presetNamed(flags.preset);
  if (flags.modules === undefined && !preset)
    throw new OptionError("which modules? Such as --modules none,se,cbam, or --preset cbam-arrangement");
  const names = (text: string) => text.split(",").map((name) => name.trim());
  const plan = parsePlan(
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
  return refuseNothingToCompare(plan, "--modules");
}

/** @throws OptionError for a plan with one entrant: there is nothing to compare it with. */
function refuseNothingToCompare(plan: Plan, where: string): Plan {
  const [first, ...others] = plan.entrants;
  if (others.length === 0)
    throw new OptionError(
      `${where}: ${first!.label} alone has nothing to be compared with: name a second, such as ${first!.label === "none" ? "none,cbam" : `none,${first!.label}`}`,
    );
  return plan;
}
