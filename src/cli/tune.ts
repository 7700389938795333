import { join, resolve } from "node:path";
import { argv } from "node:process";
import { Command } from "commander";
import {
  canonical,
  isGenerated,
  parseDimension,
  parsePlan,
  type Search,
  searchText,
  trialTitle,
  winnerPlan,
  winnerText,
} from "../compare/index.js";
import { SearchJournal, sha256 } from "../compare/node/index.js";
import * as schemas from "../core/schema.js";
import { FoveaError, OptionError } from "../index.js";
import { count, optional } from "./arguments.js";
import { nameOf, requireFolder, requireOutside, workersFor } from "./compare-run.js";
import { taskData, taskFlag } from "./compare-task.js";
import { addFlags, type FlagsOf, flag, flagList, needed } from "./flags.js";
import { stopOnSignal } from "./signals.js";
import { targetFlags } from "./targets/flags.js";
import { ProgressLine, paragraphs, percent, print, say, table } from "./terminal.js";

const tuneFlags = flagList(
  needed(
    flag(
      "--search <what...>",
      "settings with a range or choices: lr=0.01..0.3, weightDecay=0.00001..0.01, batch=32,64, or options of the module: reduction=4,8,16",
    ),
  ),
  flag("--module <name>", "attention module, or none", schemas.text, "none"),
  flag("--model <name>", "network", schemas.text, "resnet20"),
  taskFlag,
  ...targetFlags,
  flag("--trials <n>", "random draws in the first rung (default: 27)", count),
  flag("--grid", "all combinations of the choices instead of random draws"),
  flag("--epochs <n>", "epochs of the last rung", schemas.epochCount, 9),
  flag("--eta <n>", "the best 1/n of each rung advance, for n times the epochs", count, 3),
  flag("--seed <n>", "seed of the draws and of all trainings", schemas.seed, 0),
  flag("--images <n>", "images to train on (default: all)", count),
  flag("--test-images <n>", "images to test on (default: all)", count),
  flag("--image-size <pixels>", "side of the square input (default: what suits the data)", schemas.imageSize),
  flag("--threads <n>", "threads of each training", schemas.threadCount, 1),
  flag("--workers <n>", "trainings at a time (default: as many as the processors can run)", count),
  flag("--out <folder>", "folder of the search (default: one in runs/, named after the search)"),
  flag("--dry-run", "only say what would be tried"),
  flag("--json", "print one JSON object at the end"),
);
type TuneFlags = FlagsOf<typeof tuneFlags>;

export const tuneCommand = addFlags(new Command("tune"), tuneFlags)
  .argument("<data>", "data set: a folder, shapes or shapes-free")
  .addHelpText(
    "after",
    `
Examples:
  fovea tune shapes --module se --search lr=0.01..0.3 reduction=4,8,16
  fovea tune photos/ --grid --search lr=0.01,0.1 batch=32,64 --epochs 4 --eta 2

Settings are chosen on the validation images. After any interruption, kill -9
included, the same command resumes.`,
  )
  .action(async (source: string, flags: TuneFlags) => {
    const search = searchOf(source, flags);
    const { json = false } = flags;
    const out =
      flags.out ?? join("runs", `tune-${nameOf(search.data.source)}-${sha256(canonical(search)).slice(0, 8)}`);
    await requireFolder(out);
    requireOutside(search.data.source, out);
    const journal = await SearchJournal.open(out, search);
    if (flags.dryRun) return planned(journal, json);
    const lock = await journal.claim();
    const progress = new ProgressLine();
    const interrupt = stopOnSignal(() => progress.clear());
    try {
      const { result, failures } = await journal.run({
        workers: flags.workers ?? workersFor(search.threads),
        program: argv[1]!,
        signal: interrupt.signal,
        onRung: (rung, rungs, remaining) => {
          progress.clear();
          if (remaining > 0)
            say(
              `rung ${rung + 1} of ${rungs.length}: ${remaining} of ${rungs[rung]!.trials} trials to do, ${rungs[rung]!.epochs} epochs each`,
            );
        },
        onProgress: (done, total, title) => progress.draw(done / total, `${percent(done / total)}  ${title}`),
      });
      progress.clear();
      if (interrupt.signal.aborted) throw new FoveaError("stopped and saved; the same command resumes");
      for (const { title, message } of failures) say(`${title}: ${message}`);
      if (failures.length > 0)
        throw new FoveaError(`${failures.length} trainings failed; the same command tries them again`);
      await journal.write(result);
      const { winner } = result;
      print(
        json,
        { folder: out, winner: winner && { ...winner.trial, results: winner.results }, rungs: result.rungs },
        () =>
          paragraphs(
            searchText(result),
            winnerText(result),
            `${join(out, "report.html")}, table.md, trials.csv${winnerPlan(result) ? `; fovea compare ${join(out, "best.json")} measures it with six seeds` : ""}`,
          ),
      );
    } finally {
      progress.clear();
      interrupt.release();
      lock.release();
    }
  });

function searchOf(source: string, flags: TuneFlags): Search {
  const { module, model, grid = false, trials, epochs, eta, seed, threads } = flags;
  if (grid && trials !== undefined)
    throw new OptionError("--trials has no effect with --grid, which tries all combinations");
  // Names are checked as those of a comparison are.
  const data = taskData(source, flags);
  const { backbones, entrants } = parsePlan(
    { data: { source, ...data }, backbones: [model], modules: [module] },
    "tune",
  );
  if (module === "wide") throw new OptionError("--module wide is a control of fovea compare");
  return {
    data: {
      source: isGenerated(source) ? source : resolve(source),
      ...data,
      ...optional("images", flags.images),
      ...optional("testImages", flags.testImages),
      ...optional("imageSize", flags.imageSize),
    },
    backbone: backbones[0]!,
    module: entrants[0]!,
    space: flags.search.map((text) => parseDimension(text, module)),
    trials: trials ?? 27,
    epochs,
    eta,
    grid,
    seed,
    threads,
  };
}

/** `--dry-run` */
function planned({ trials, rungs, path }: SearchJournal, json: boolean): void {
  print(json, { folder: path, rungs, trials }, () =>
    paragraphs(
      table(
        rungs.map((rung, i) => [i + 1, rung.trials, rung.epochs]),
        ["rung", "trials", "epochs"],
      ),
      trials.map((trial) => `${trial.number}: ${trialTitle(trial)}`),
      `folder: ${path}`,
    ),
  );
}
