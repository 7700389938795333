import { closeSync, openSync } from "node:fs";
import process, { stderr, stdout } from "node:process";
import { isatty } from "node:tty";
import { say } from "./terminal.js";

/** A stream whose reader is gone (`| head -1`), or whose terminal was closed. */
const readerIsGone = ({ code }: NodeJS.ErrnoException, stream: NodeJS.WriteStream): boolean =>
  code === "EPIPE" || (code === "EIO" && stream.isTTY);

/**
 * Lets commands outlive their readers. A reader that stops has what it wanted, so this is not a failure: training continues and
 * saves, other commands end. Output lost for another reason, such as a full disk, is a failure, reported on standard error.
 */
export function outliveReaders(): void {
  // Nobody is left to tell.
  stderr.on("error", () => {});
  let told = false;
  const terminals = [0, 1, 2].filter(isatty);
  process.on("exit", () => leave(terminals));
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (told || readerIsGone(error, stdout)) return;
    told = true;
    say(`fovea: standard output cannot be written: ${error.code === "ENOSPC" ? "no space left" : error.message}`);
    process.exitCode = 1;
  });
}

/** Node restores its terminals' settings when it exits, and aborts if one is closed by then, unless the stream is something else. */
function leave(terminals: readonly number[]): void {
  for (const fd of terminals.filter((fd) => !isatty(fd))) {
    closeSync(fd);
    // Takes the lowest free number.
    openSync("/dev/null", "r+");
  }
}
