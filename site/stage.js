/** Gathers the pages of the site from the repository, where GitHub shows them, into pages/. */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { root, staged } from "./pages.js";

rmSync(new URL("site/pages", root), { recursive: true, force: true });
for (const [from, to] of staged) {
  if (!existsSync(new URL(from, root))) continue;
  const target = new URL(`site/pages/${to}`, root);
  mkdirSync(dirname(target.pathname), { recursive: true });
  cpSync(new URL(from, root), target, { recursive: true });
}
