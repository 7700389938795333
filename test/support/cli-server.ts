import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Outcome } from "./fovea.js";

/** Runs commands one after the other in this process: see `sharedFovea` in fovea.ts. A line of JSON for each, and one for its outcome. */

export interface Request {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

class Exit extends Error {}

const main = new URL("../../src/cli/main.js", import.meta.url).href;
process.setMaxListeners(0);
process.stdout.setMaxListeners(0);
process.stderr.setMaxListeners(0);
process.exit = ((code) => {
  process.exitCode = code ?? process.exitCode ?? 0;
  throw new Exit();
}) as typeof process.exit;
syncBuiltinESMExports();
// Commands start others by their own path.
process.argv[1] = fileURLToPath(main);

/** What is written to a stream, from now on. */
function taken(stream: NodeJS.WriteStream): () => string {
  const chunks: Buffer[] = [];
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    chunks.push(Buffer.from(chunk as string));
    const done = rest.at(-1);
    if (typeof done === "function") process.nextTick(done as () => void);
    return true;
  }) as typeof stream.write;
  return () => Buffer.concat(chunks).toString();
}

let count = 0;
async function run({ args, cwd, env }: Request): Promise<Outcome> {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  process.argv.splice(2, Infinity, ...args);
  process.exitCode = undefined;
  const [stdout, stderr] = [taken(process.stdout), taken(process.stderr)];
  try {
    // The module is what a command is: with another query it is evaluated anew, and all that it imports is there already.
    await import(`${main}?${count++}`);
  } catch (error) {
    if (!(error instanceof Exit)) {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      process.exitCode = 1;
    }
  }
  return { code: Number(process.exitCode ?? 0), signal: null, stdout: stdout(), stderr: stderr() };
}

// Not the channel of forked processes, which workers of comparisons take for their coordinator's.
const channel = new Socket({ fd: 3 });
let text = "";
channel.setEncoding("utf8").on("data", async (chunk) => {
  text += chunk;
  if (!text.endsWith("\n")) return;
  const request = JSON.parse(text) as Request;
  text = "";
  channel.write(`${JSON.stringify(await run(request))}\n`);
});
