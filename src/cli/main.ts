#!/usr/bin/env node
import { argv, exit } from "node:process";
import { Command, CommanderError } from "commander";
import { messageOf } from "../core/errors.js";
import { OptionError, version } from "../index.js";
import { benchCommand } from "./bench.js";
import { compareCommand } from "./compare.js";
import { convertCommand } from "./convert.js";
import { evalCommand } from "./eval.js";
import { explainCommand } from "./explain.js";
import { exportCommand } from "./export.js";
import { inspectCommand } from "./inspect.js";
import { listCommand } from "./list.js";
import { predictCommand } from "./predict.js";
import { reportCommand } from "./report.js";
import { outliveReaders } from "./streams.js";
import { studioCommand } from "./studio.js";
import { summaryCommand } from "./summary.js";
import { say } from "./terminal.js";
import { trainCommand } from "./train.js";
import { verifyCommand } from "./verify.js";

const program = new Command("fovea")
  .description("Visual attention for convolutional networks: train, evaluate and export them.")
  .version(version)
  .addHelpText(
    "after",
    `
Examples:
  Train on generated images:
    fovea train shapes --model resnet20 --attention cbam
  Train on folders of images, one per class:
    fovea train photos/ --model resnet18 --attention se
  What a trained network sees:
    fovea predict runs/photos-resnet18-se photo.jpg
  Where it looks:
    fovea explain runs/photos-resnet18-se photo.jpg
  Take it elsewhere:
    fovea export runs/photos-resnet18-se --out model.onnx

fovea COMMAND --help says what a command takes.`,
  )
  .configureHelp({ minWidthToWrap: 20, subcommandTerm: (command) => command.name() });
for (const command of [
  listCommand,
  summaryCommand,
  trainCommand,
  compareCommand,
  reportCommand,
  evalCommand,
  predictCommand,
  explainCommand,
  exportCommand,
  studioCommand,
  inspectCommand,
  convertCommand,
  verifyCommand,
  benchCommand,
]) {
  for (const each of [command, ...command.commands])
    each
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .configureHelp({ minWidthToWrap: 20 });
  program.addCommand(command);
}
// Flags belong to the command that they stand behind: bench and its commands share names of flags.
program.enablePositionalOptions();
benchCommand.enablePositionalOptions();
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
