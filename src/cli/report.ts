import { basename, join } from "node:path";
import { Command } from "commander";
import type { ReportFacts } from "../core/findings.js";
import { mainScore } from "../core/tasks.js";
import { type ClassificationMetrics, OptionError, writeFileAtomic } from "../index.js";
import {
  bestRecord,
  buildNetwork,
  type ComparedRun,
  type RecordedEpoch,
  RunFolder,
  renderComparison,
  settled,
} from "../internal.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { faceOf, taskOfRun } from "./tasks.js";
import { Events } from "./tensorboard.js";
import { helpText, say } from "./terminal.js";
import { parameterCount, reportOf, titleOf } from "./train-report.js";

const reportFlags = flagList(
  flag("--out <file>", "HTML file (default for one run: its report.html)"),
  flag("--tensorboard <folder>", "write TensorBoard event files there instead, one folder per run"),
);

export const reportCommand = addFlags(new Command("report"), reportFlags)
  .argument("<runs...>", "run folders")
  .addHelpText("after", () =>
    helpText(`
Examples:
  fovea report runs/shapes-resnet20-cbam
  fovea report runs/first runs/second --out compared.html
  fovea report runs/* --tensorboard events/

A report needs the run folder only, neither the data nor the weights.`),
  )
  .action(async (paths: string[], { out, tensorboard }: FlagsOf<typeof reportFlags>) => {
    if (out !== undefined && tensorboard !== undefined)
      throw new OptionError("--out and --tensorboard cannot be combined: run the command once for each");
    const runs: OpenRun[] = [];
    const names = namesOf(paths);
    for (const [i, path] of paths.entries()) runs.push(await openRun(path, names[i]!));
    if (tensorboard !== undefined) return writeEvents(runs, tensorboard);
    const [only] = runs;
    if (runs.length === 1 && only) return writeReport(only, out);
    if (out === undefined) throw new OptionError(`to compare ${runs.length} runs, add --out FILE`);
    requireOneTask(runs);
    await writeFileAtomic(out, renderComparison(await Promise.all(runs.map(comparedRun))));
    say(`${runs.length} runs are side by side in ${out}`);
  });

/** A run with what it has recorded. */
interface OpenRun {
  readonly name: string;
  readonly run: RunFolder;
  readonly epochs: readonly RecordedEpoch[];
  readonly facts: ReportFacts | undefined;
}

async function openRun(path: string, name: string): Promise<OpenRun> {
  const run = await RunFolder.open(path);
  return { name, run, epochs: await run.epochs(), facts: run.config.task ? undefined : await run.facts() };
}

/** @throws OptionError for runs of different tasks, whose scores do not compare. */
function requireOneTask(runs: readonly OpenRun[]): void {
  const task = ({ run }: OpenRun) => taskOfRun(run.config);
  const [first] = runs;
  const other = runs.find((one) => task(one) !== task(first!));
  if (first && other)
    throw new OptionError(
      `runs of different tasks cannot be compared: ${first.name} is for ${task(first)}, ${other.name} for ${task(other)}`,
    );
}

/** What a run's report shows of its test images and its network, whatever its task. */
async function testedOf({
  run,
  facts,
}: OpenRun): Promise<{ readonly parameters: number; readonly test: number | null }> {
  const task = taskOfRun(run.config);
  const own =
    task === "classification" ? facts : task === "segmentation" ? await run.pixelFacts() : await run.targetFacts();
  return own
    ? { parameters: own.parameters, test: (own.test && mainScore(own.test)?.value) ?? null }
    : { parameters: parametersOf(run), test: null };
}

/** The last part of each path, or the whole path if that is ambiguous. @throws OptionError for a run that is given twice. */
function namesOf(paths: readonly string[]): string[] {
  const tidy = paths.map((path) => join(path).replace(/[/\\]+$/, ""));
  const twice = tidy.find((path, i) => tidy.indexOf(path) < i);
  if (twice !== undefined) throw new OptionError(`${twice} is given twice`);
  const short = tidy.map((path) => basename(path));
  return new Set(short).size === short.length ? short : tidy;
}

/** What runs of earlier versions did not store. */
const without = (run: RunFolder): ReportFacts => ({
  format: "fovea.report.1",
  parameters: parametersOf(run),
  images: null,
  skipped: [],
  test: null,
  followed: [],
  findings: null,
});

const parametersOf = ({ config }: RunFolder) =>
  parameterCount(buildNetwork(settled(config.model), config.preprocessing));

async function writeReport({ run, epochs, facts = without(run) }: OpenRun, out: string | undefined): Promise<void> {
  const { reportAgain } = faceOf(taskOfRun(run.config));
  const html = reportAgain ? await reportAgain(run, epochs) : await reportOfClassifier(run, epochs, facts);
  if (out !== undefined) await writeFileAtomic(out, html);
  else {
    await run.write("report", html);
    run.release();
  }
  say(`the report of ${run.path} is in ${out ?? join(run.path, "report.html")}`);
}

async function reportOfClassifier(
  run: RunFolder,
  epochs: readonly RecordedEpoch[],
  facts: ReportFacts,
): Promise<string> {
  const history = epochs.map(({ seconds: _, imagesPerSecond: __, validation: ___, ...record }) => record);
  const best = bestRecord(history);
  const measured = best && (await run.validation(best.epoch));
  return reportOf(run, facts, {
    history,
    validation: measured && "classes" in measured ? (measured as ClassificationMetrics) : null,
    speed: epochs.at(-1)?.imagesPerSecond ?? 0,
    maps: facts.followed.length > 0 ? await run.maps(history.map(({ epoch }) => epoch)) : [],
  });
}

async function comparedRun(opened: OpenRun): Promise<ComparedRun> {
  const { name, run, epochs, facts } = opened;
  const best = bestRecord(epochs);
  const [maps] = best ? await run.maps([best.epoch]) : [];
  return {
    name,
    title: titleOf(run),
    history: epochs,
    ...(await testedOf(opened)),
    speed: epochs.at(-1)?.imagesPerSecond ?? 0,
    seconds: epochs.reduce((sum, { seconds }) => sum + seconds, 0),
    followed: facts?.followed ?? [],
    maps: maps ?? null,
  };
}

async function writeEvents(runs: readonly OpenRun[], folder: string): Promise<void> {
  for (const { name, run, epochs, facts = without(run) } of runs) {
    const maps = await run.maps(epochs.map(({ epoch }) => epoch));
    await Events.create(join(folder, name), run, epochs, facts.followed, maps);
  }
  say(
    `event files of ${runs.length === 1 ? "1 run" : `${runs.length} runs`} are in ${folder}: tensorboard --logdir ${folder}`,
  );
}
