#!/usr/bin/env node
// The `fovea` command. In a checkout, npm ci runs no scripts (.npmrc), so that the first call builds.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/src/cli/main.js", import.meta.url);
if (!existsSync(main)) {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  // The output of the command itself is the only thing on stdout.
  const { status } = spawnSync("npm", ["run", "--silent", "build"], { cwd, stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(1);
}
await import(main.href);
