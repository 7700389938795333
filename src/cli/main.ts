#!/usr/bin/env node
import { argv, exit } from "node:process";
import { Command, CommanderError } from "commander";
import { messageOf, OptionError } from "../core/errors.js";
import { version } from "../version.js";
import { outliveReaders } from "./streams.js";
import { say } from "./terminal.js";

/** The commands: what `fovea --help` says of each, and its module, which is loaded only for this command. */
const commands: Readonly<Record<string, readonly [description: string, load: () => Promise<Command>]>> = {
  list: [
    "List attention modules and networks; with a name, show its options",
    async () => (await import("./list.js")).listCommand,
  ],
  summary: [
    "Show a network's parameters, multiply-accumulates and activations by layer",
    async () => (await import("./summary.js")).summaryCommand,
  ],
  train: [
    "Train a network, on classes, masks, labels or numbers, and write a run folder",
    async () => (await import("./train.js")).trainCommand,
  ],
  compare: [
    "Compare attention modules fairly: paired seeds, intervals, corrected tests, and a verdict in words",
    async () => (await import("./compare.js")).compareCommand,
  ],
  tune: [
    "Search for good training settings by successive halving",
    async () => (await import("./tune.js")).tuneCommand,
  ],
  report: [
    "Rewrite the report of a run, or compare several runs side by side",
    async () => (await import("./report.js")).reportCommand,
  ],
  eval: [
    "Measure a network on a data set: top-1, loss and per-class metrics; IoU, mAP or R², by its task",
    async () => (await import("./eval.js")).evalCommand,
  ],
  predict: [
    "Predict classes, labels, numbers or masks of images",
    async () => (await import("./predict.js")).predictCommand,
  ],
  explain: [
    "Show where a network looks: maps by many methods, attention gates, and whether to trust them",
    async () => (await import("./explain.js")).explainCommand,
  ],
  export: [
    "Write a trained network to a file that other programs can run",
    async () => (await import("./export.js")).exportCommand,
  ],
  studio: [
    "Collect images, train and explain in the browser, on this machine",
    async () => (await import("./studio.js")).studioCommand,
  ],
  inspect: [
    "Show a checkpoint's keys, shapes, dtypes, and the network it belongs to",
    async () => (await import("./inspect.js")).inspectCommand,
  ],
  convert: [
    "Convert a PyTorch checkpoint to safetensors, with our keys for its network",
    async () => (await import("./convert.js")).convertCommand,
  ],
  verify: [
    "Check golden files: results of the authors' code, or of a port or formula, against Fovea's",
    async () => (await import("./verify.js")).verifyCommand,
  ],
  bench: [
    "Measure speed and memory of training or inference, on random images",
    async () => (await import("./bench.js")).benchCommand,
  ],
};

const program = new Command("fovea")
  .description("Visual attention for convolutional networks: train, compare, explain and export them.")
  .version(version)
  .addHelpText(
    "after",
    `
Examples:
  Train on generated images:
    fovea train shapes --model resnet20 --attention cbam
  Train on folders of images, one per class:
    fovea train photos/ --model resnet18 --attention se
  Classify a photo:
    fovea predict runs/photos-resnet18-se photo.jpg
  See where the network looks:
    fovea explain runs/photos-resnet18-se photo.jpg
  Run it elsewhere:
    fovea export runs/photos-resnet18-se --out model.onnx

For the flags of a command: fovea COMMAND --help`,
  )
  .configureHelp({ minWidthToWrap: 20, subcommandTerm: (command) => command.name() });
// Flags belong to the command that they follow: bench and its subcommands share names of flags.
program.enablePositionalOptions();
const named = argv.slice(2).find((word) => Object.hasOwn(commands, word));
for (const [name, [description, load]] of Object.entries(commands)) {
  const command = name === named ? await load() : new Command(name);
  for (const each of [command.description(description), ...command.commands])
    each
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .configureHelp({ minWidthToWrap: 20 });
  program.addCommand(command);
}
program.exitOverride().configureOutput({ outputError: () => {} });

outliveReaders();

/** 0 success, 1 failure, 2 usage error: every failure is one line on standard error. */
try {
  await program.parseAsync(argv);
} catch (error) {
  // Help was requested. Not by exit(): a failed write is noticed only a moment later.
  if (!(error instanceof CommanderError && error.exitCode === 0)) fail(error);
}

function fail(error: unknown): never {
  const usage = error instanceof CommanderError || error instanceof OptionError;
  const message = messageOf(error)
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ");
  if (message !== "(outputHelp)") say(`fovea: ${message}`);
  exit(usage ? 2 : 1);
}
