import { closeSync, openSync } from "node:fs";
import process, { stderr, stdout } from "node:process";
import { isatty } from "node:tty";
import { say } from "./terminal.js";

/** What is left of a stream whose reader ended (`| head -1`), or whose terminal was closed. */
const readerIsGone = ({ code }: NodeJS.ErrnoException, stream: NodeJS.WriteStream): boolean =>
  code === "EPIPE" || (code === "EIO" && stream.isTTY);

/**
 * Lets commands outlive whoever read them. Who reads no further has what was wanted, so that this is no failure: a training goes on and
 * saves, other commands end. Output that is lost for another reason, such as a full disk, is a failure, of which standard error is told.
 */
export function outliveReaders(): void {
  // Nobody is left to be told.
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

/** Node restores the settings of its terminals when it ends, and aborts where one is closed by then; unless the stream is something else. */
function leave(terminals: readonly number[]): void {
  for (const fd of terminals.filter((fd) => !isatty(fd))) {
    closeSync(fd);
    // Takes the lowest number that is free.
    openSync("/dev/null", "r+");
  }
}
