import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { Command } from "commander";
import {
  budgets,
  canonical,
  comparedTasks,
  isGenerated,
  type Plan,
  parsePlan,
  presetNamed,
  presets,
  taskOfPlan,
  writtenPlan,
} from "../compare/index.js";
import { isPlanFile, Journal, readPlanFile, sha256 } from "../compare/node/index.js";
import * as schemas from "../core/schema.js";
import { hasTargets } from "../core/tasks.js";
import { OptionError, openMasks } from "../index.js";
import { count, optional } from "./arguments.js";
import { coordinate } from "./compare-coordinate.js";
import { checkPairing, dryRun, nameOf, requireFolder, requireOutside, workersFor, writeSlurm } from "./compare-run.js";
import { compareTablesCommand } from "./compare-tables.js";
import { taskData, taskFlag } from "./compare-task.js";
import { compareWorkCommand } from "./compare-work.js";
import { compareWorkerCommand, defaultRedis } from "./compare-worker.js";
import { addFlags, type FlagsOf, flag, flagList, givenOf } from "./flags.js";
import { targetFlags } from "./targets/flags.js";

/** Flags whose values a plan file has. */
const planFlags = flagList(
  flag(
    "--modules <list>",
    "modules to compare, the baseline first: names of modules, none, placebo, placebo-random, wide",
  ),
  flag("--preset <name>", `a published comparison: ${Object.keys(presets).join(", ")}`),
  flag("--model <list>", "networks to put them in (default: resnet20)"),
  taskFlag,
  ...targetFlags,
  flag("--seeds <n>", "number of paired seeds (default: 3; an exact test needs 6)", count),
  flag("--epochs <n>", "epochs of the baseline (default: 10)", schemas.epochCount),
  flag("--budget <what>", "what all modules get the same amount of (default: epochs)", schemas.oneOf(...budgets)),
  flag("--images <n>", "images to train on (default: all)", count),
  flag("--test-images <n>", "images to test on (default: all)", count),
  flag("--image-size <pixels>", "side of the square input (default: what suits the data)", schemas.imageSize),
  flag("--batch <n>", "images per step (default: that of fovea train)", schemas.batchSize),
  flag("--lr <rate>", "learning rate (default: that of fovea train)", schemas.positive),
  flag("--threads <n>", "threads of each unit (default: 1)", schemas.threadCount),
  flag("--masks <path>", "where the objects in the test images are: a folder of masks, or boxes in COCO JSON or CSV"),
);
const compareFlags = flagList(
  ...planFlags,
  flag(
    "--workers <n>",
    "units at a time on this computer (default: as many as its processors can run); with --backend bullmq, each fovea compare worker runs one",
    count,
  ),
  flag("--out <folder>", "folder of the comparison (default: one in runs/, named after the plan)"),
  flag("--dry-run", "only estimate time and memory, by a short measurement"),
  flag("--check-pairing", "only hash the initial weights and first batches of the units"),
  flag(
    "--backend <name>",
    "where units run: in processes here; in a SLURM array, whose script is written; or in workers on a BullMQ queue in Redis",
    schemas.oneOf("local", "slurm", "bullmq"),
    "local",
  ),
  flag("--slurm-option <option...>", "more options for sbatch, such as --slurm-option=--partition=long"),
  flag("--redis <url>", "address of Redis (default: the variable REDIS_URL, or redis://127.0.0.1:6379)"),
  flag("--no-cost", "do not measure speed and memory at the end"),
  flag("--no-looks", "do not measure where the networks look at the end"),
  flag("--json", "print one JSON object at the end"),
);
export type CompareFlags = FlagsOf<typeof compareFlags>;

export const compareCommand = addFlags(new Command("compare"), compareFlags)
  .argument(
    "<data>",
    "data set: a folder, shapes or shapes-free; or a plan: a .yaml or .json file with data, modules, seeds, …",
  )
  .addHelpText(
    "after",
    `
Examples:
  fovea compare shapes --modules none,se,cbam --seeds 3 --epochs 1 --images 512
  fovea compare cifar-10/ --modules none,placebo,wide,se --seeds 6 --dry-run
  fovea compare movies/ --task multi-label --modules none,se
  fovea compare cifar-100/ --preset cbam-arrangement --seeds 6 --epochs 30
  fovea compare plan.json --workers 2

After any interruption, kill -9 included, the same command resumes. Finished
units are never repeated.`,
  )
  .addCommand(compareWorkCommand)
  .addCommand(compareWorkerCommand)
  .addCommand(compareTablesCommand)
  .action(async (source: string, flags: CompareFlags) => {
    const given = await planOf(source, flags);
    // Workers may run elsewhere.
    const { source: lies, masks, labelsFile } = given.data;
    const data = {
      ...given.data,
      source: absolute(lies),
      ...optional("masks", masks && resolve(masks)),
      ...optional("labelsFile", labelsFile && resolve(labelsFile)),
    };
    const plan = { ...given, data };
    if (data.masks !== undefined) await requireMasks(data.masks, data.source);
    // Masks may be added later: they do not affect training.
    const named = writtenPlan({ ...plan, data: { ...data, masks: undefined } as Plan["data"] });
    const out =
      flags.out ?? join("runs", `compare-${nameOf(plan.data.source)}-${sha256(canonical(named)).slice(0, 8)}`);
    requireOutside(plan.data.source, out);
    await requireFolder(out);
    if (!flags.looks && !comparedTasks[taskOfPlan(plan)].looks)
      throw new OptionError(`--no-looks has no effect: there are no maps for ${taskOfPlan(plan)}`);
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
  if (isGenerated(source)) throw new OptionError(`--masks is for folders of images; ${source} has masks of its own`);
  await openMasks(masks);
}

const absolute = (source: string) => (isGenerated(source) ? source : resolve(source));

async function planOf(source: string, flags: CompareFlags): Promise<Plan> {
  const found = await stat(source).catch(() => undefined);
  if (isPlanFile(source) && (found?.isFile() ?? true)) {
    const [given] = givenOf(planFlags, flags);
    if (given) throw new OptionError(`${given} has no effect: the plan ${source} sets it; change it there`);
    return refuseNothingToCompare(await readPlanFile(source), source);
  }
  if (flags.modules !== undefined && flags.preset !== undefined)
    throw new OptionError("--preset names the modules; leave out --modules");
  const preset = flags.preset === undefined ? undefined : presetNamed(flags.preset);
  if (flags.modules === undefined && !preset)
    throw new OptionError("name the modules to compare: --modules none,se,cbam, or --preset cbam-arrangement");
  if (flags.masks !== undefined && hasTargets(flags.task))
    throw new OptionError(`--masks is for one class per image; --task is ${flags.task}`);
  const names = (text: string) => text.split(",").map((name) => name.trim());
  const plan = parsePlan(
    {
      data: {
        source,
        ...optional("images", flags.images),
        ...optional("testImages", flags.testImages),
        ...optional("imageSize", flags.imageSize),
        ...optional("masks", flags.masks),
        ...taskData(source, flags),
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
      `${where}: ${first!.label} alone cannot be compared: name a second module, such as ${first!.label === "none" ? "none,cbam" : `none,${first!.label}`}`,
    );
  return plan;
}
