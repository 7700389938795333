import { once } from "node:events";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import * as schemas from "../core/schema.js";
import { FoveaError } from "../index.js";
import { addFlags, type FlagsOf, flag, flagList } from "./flags.js";
import { Machine } from "./studio-machine.js";
import { hasEngine, pageFolder, serveStudio } from "./studio-server.js";
import { helpText, print, say } from "./terminal.js";

/** The page's storage belongs to its address, so the port stays the same from day to day. */
const usualPort = 4684;

const studioFlags = flagList(
  flag("--port <n>", "port on this machine, 0 for any", schemas.whole(0, 65_535), usualPort),
  flag("--out <folder>", "folder for what this machine trains", schemas.text, "studio-runs"),
);

export const studioCommand = addFlags(new Command("studio"), studioFlags)
  .addHelpText("after", () =>
    helpText(`
Example:
  fovea studio

Prints an address to open in a browser. Only this machine reaches it, and only with the token in it. Images stay in the
browser's storage for that address, so the same port finds them again. What is trained on this machine, rather than in the
page, gets its images in --out, and a run folder beside them.

Ctrl-C ends it.`),
  )
  .action(async (flags: FlagsOf<typeof studioFlags>) => {
    const built = await stat(join(pageFolder, "index.html")).catch(() => undefined);
    if (!built) throw new FoveaError("the studio is not built: npm ci && npm run build");
    if (!(await hasEngine()))
      say("the page cannot train, only this machine can: npm install --ignore-scripts onnxruntime-web@1.30.0");
    const machine = new Machine(flags.out);
    const server = await serveStudio(flags.port, machine.api);
    print(false, null, () => [server.url]);
    say("Ctrl-C ends the studio");
    await Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)));
    await machine.close();
    await server.close();
  });
