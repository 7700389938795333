import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { temporaryFolder } from "./fovea.js";

/** The command that starts a Chromium, if there is one. */
export const chromiumCommand = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** Where that command is. */
export const chromiumPath = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, chromiumCommand ?? "chromium"))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return chromiumCommand !== undefined;
    } catch {
      return false;
    }
  });

/** For tests that need a browser: why they are skipped, or false. */
export const withoutChromium = chromiumCommand ? false : "no Chromium";

/** Resolves with the match once what a program prints matches. */
export const printed = (child: ChildProcess, pattern: RegExp) =>
  new Promise<RegExpExecArray>((resolve, reject) => {
    let text = "";
    const read = (chunk: Buffer) => {
      text += chunk;
      const match = pattern.exec(text);
      if (match) resolve(match);
    };
    child.stdout!.on("data", read);
    child.stderr!.on("data", read);
    child.on("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });

const quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking";

/** Opens a page and waits for a line of its console. */
export async function consoleLine(address: string, pattern: RegExp): Promise<RegExpExecArray> {
  const flags = [...quiet.split(" "), "--disable-component-update", "--disable-sync", "--enable-logging=stderr"];
  const browser = spawn(chromiumCommand!, [...flags, `--user-data-dir=${temporaryFolder()}`, address]);
  const ended = once(browser, "exit");
  try {
    return await printed(browser, pattern);
  } finally {
    browser.kill();
    await ended;
  }
}
