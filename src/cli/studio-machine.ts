import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, join } from "node:path";
import { execPath, platform } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/errors.js";
import { fieldsOf, flag, maybe, misfit, most, oneOf, orNull, positive, settings, that, whole } from "../core/schema.js";
import { FoveaError, resolveWeights, writeFileAtomic } from "../index.js";
import { makeFolder, RunFolder } from "../internal.js";
import { freshFolder } from "./run.js";
import { type Api, refuse, sendBytes } from "./studio-server.js";
import type { TrainingNews } from "./train-run.js";

/** How the page asks for a training: what it would do itself. */
interface Recipe {
  readonly network: string;
  readonly attention: string | null;
  readonly placement: "built in" | "inserted";
  readonly imageSize: number;
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number;
  readonly augment: boolean;
  readonly seed: number;
  readonly pretrained: { readonly network: string; readonly options: Readonly<Record<string, unknown>> } | null;
  readonly headOnly: boolean;
  readonly resume?: boolean;
}

const name = that<string>("a name", (x) => typeof x === "string" && /^\w[\w-]*$/.test(x));
const recipeSchema = fieldsOf<Recipe>({
  network: name,
  attention: orNull(name),
  placement: oneOf("built in", "inserted"),
  imageSize: whole(1, most.imageSize),
  epochs: whole(1, most.epochs),
  batch: whole(1),
  optimizer: oneOf("sgd", "adamw"),
  lr: positive,
  augment: flag,
  seed: whole(0),
  pretrained: orNull(fieldsOf({ network: name, options: settings }, "a network { network, options }")),
  headOnly: flag,
  resume: maybe(flag),
});

/** Bytes of one image, and of everything else that is sent. */
const [mostImage, mostText, mostWeights] = [50_000_000, 1_000_000, 2 ** 31];
/** Files of a run that the page may read. */
const readable = /^((config|report)\.json|metrics\.jsonl|(best|last)\.safetensors|maps\/epoch-\d+\.json)$/;
/** Milliseconds between looks at a run that is trained. */
const lookEvery = 300;

/** The flags of `fovea train` that do what the page does. */
function flagsOf(recipe: Recipe, weights: string): string[] {
  const { network, attention, placement, imageSize, epochs, batch, optimizer, lr, augment, seed } = recipe;
  const { pretrained, headOnly } = recipe;
  const numbers = { "image-size": imageSize, epochs, batch, lr, seed };
  const frozen = pretrained !== null && headOnly;
  // Those with a flag of their own may not be given twice; the classes are the data's.
  const { stem, shortcut, numClasses: _, ...more } = pretrained?.options ?? {};
  const built = [
    ...Object.entries({ stem, shortcut }).flatMap(([flag, value]) =>
      typeof value === "string" ? [`--${flag}`, value] : [],
    ),
    ...(Object.keys(more).length > 0 ? ["--model-options", JSON.stringify(more)] : []),
  ];
  return [
    ...["--model", pretrained?.network ?? network, "--optimizer", optimizer, ...built],
    ...(pretrained ? ["--weights", weights] : []),
    ...(frozen ? ["--freeze", "backbone"] : []),
    ...(attention ? [pretrained || placement === "inserted" ? "--insert" : "--attention", attention] : []),
    ...Object.entries(numbers).flatMap(([flag, value]) => [`--${flag}`, String(value)]),
    ...(augment && !frozen ? [] : ["--no-augment"]),
  ];
}

/** Trains on this machine for the page, by the command line's `train`: its run folder tells of epochs, its messages of the steps in between. */
export class Machine {
  #child: ChildProcess | undefined;
  #running: string | undefined;
  #interrupted = false;
  /** How far it is within its epoch. */
  #news: TrainingNews | undefined;
  /** How the last training of each run ended. */
  readonly #ends = new Map<string, string | null>();

  /** @param folder where images and runs are kept */
  constructor(private readonly folder: string) {}

  readonly api: Api = async (request, response, path) => {
    const { method } = request;
    const [kind, run, what, ...rest] = path.split("/").map(decodeURIComponent);
    if (kind === "hub" && run === undefined && method === "POST") return fetchFromHub(request, response);
    if (kind !== "runs") return false;
    if (run === undefined) {
      if (method === "GET") return json(response, await this.#list());
      if (method === "POST") return json(response, { run: await this.#create() });
      return false;
    }
    if (!isName(run)) return false;
    const file = rest.join("/");
    if (what === "images" && method === "PUT") return this.#keep(request, response, run, rest);
    if (what === "weights" && method === "PUT") return this.#keepWeights(request, response, run);
    if (what === "train" && method === "POST") return this.#train(request, response, run);
    if (what === "stop" && method === "POST") return this.#stop(response, run);
    if (what === "events" && method === "GET") return this.#events(request, response, run);
    if (what === "files" && method === "GET" && readable.test(file)) return sendRunFile(response, this.#run(run), file);
    return false;
  };

  /** Stops what is trained; it is saved. */
  async close(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    this.#interrupt();
    await ended;
  }

  /** Once: the second interrupt would end the training unsaved. */
  #interrupt(): void {
    if (!this.#child || this.#interrupted) return;
    this.#interrupted = true;
    this.#child.kill("SIGINT");
  }

  readonly #run = (run: string) => join(this.folder, run, "run");

  readonly #weights = (run: string) => join(this.folder, run, "weights");

  async #keepWeights(request: IncomingMessage, response: ServerResponse, run: string): Promise<boolean> {
    if (!(await exists(join(this.folder, run)))) return false;
    const bytes = await bodyOf(request, mostWeights);
    if (!bytes) return refused(response, 413, `weights may have ${mostWeights} bytes`);
    await writeFileAtomic(this.#weights(run), bytes);
    return json(response, {});
  }

  async #list(): Promise<{ readonly name: string; readonly network: string; readonly classes: readonly string[] }[]> {
    const found = [];
    for (const name of (await readdir(this.folder).catch(() => [])).sort())
      try {
        const { config } = await RunFolder.open(this.#run(name));
        found.push({ name, network: config.model.name, classes: config.data.classes });
      } catch {
        // Not trained yet, or not ours.
      }
    return found;
  }

  async #create(): Promise<string> {
    await makeFolder(this.folder);
    return basename(await freshFolder(this.folder, "studio"));
  }

  async #keep(request: IncomingMessage, response: ServerResponse, run: string, place: readonly string[]) {
    const [part, className, file] = place;
    const sound = place.length === 3 && (part === "train" || part === "val") && place.every(isFileName);
    if (!sound) return refused(response, 400, "an image goes to train/CLASS/FILE or val/CLASS/FILE");
    if (!(await exists(join(this.folder, run)))) return false;
    const bytes = await bodyOf(request, mostImage);
    if (!bytes) return refused(response, 413, `an image may have ${mostImage} bytes`);
    const home = join(this.folder, run, "data", part!, className!);
    await mkdir(home, { recursive: true });
    await writeFileAtomic(join(home, file!), bytes);
    return json(response, {});
  }

  async #train(request: IncomingMessage, response: ServerResponse, run: string): Promise<boolean> {
    const bytes = await bodyOf(request, mostText);
    const recipe = bytes && parsed(bytes);
    const wrong = misfit(recipeSchema, recipe);
    if (wrong !== undefined) return refused(response, 400, `a training must be ${wrong}`);
    if (!(await exists(join(this.folder, run, "data"))))
      return refused(response, 404, "there are no images of this run");
    // After everything that waits: of two requests at once, one starts.
    if (this.#child) return refused(response, 409, `this machine is training ${this.#running}; stop that first`);
    this.#start(run, recipe as Recipe);
    return json(response, {});
  }

  #start(run: string, recipe: Recipe): void {
    const main = fileURLToPath(new URL("./main.js", import.meta.url));
    const how = recipe.resume ? ["--resume"] : [join(this.folder, run, "data"), ...flagsOf(recipe, this.#weights(run))];
    const child = spawn(execPath, [main, "train", ...how, "--out", this.#run(run)], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // A process group of its own: Ctrl-C in the terminal reaches the studio only.
      detached: platform !== "win32",
      windowsHide: true,
    });
    this.#child = child;
    this.#running = run;
    this.#interrupted = false;
    this.#news = undefined;
    this.#ends.delete(run);
    let said = "";
    child.on("message", (news: TrainingNews) => {
      this.#news = news;
    });
    child.stderr!.on("data", (chunk) => {
      said = (said + chunk).slice(-10_000);
    });
    child.on("error", (error) => {
      said += messageOf(error);
    });
    child.on("close", (code, signal) => {
      const last = said.trim().split("\n").at(-1) ?? "";
      const why = signal ? `the training was ended by ${signal}` : last.replace(/^fovea: /, "");
      this.#ends.set(run, code === 0 ? null : why);
      this.#child = undefined;
      this.#running = undefined;
    });
  }

  #stop(response: ServerResponse, run: string): boolean {
    if (this.#running !== run) return refused(response, 409, "it is not being trained");
    this.#interrupt();
    return json(response, {});
  }

  /** Every epoch as it is recorded, from the one after `Last-Event-ID` on, and how far the next one is; then how it ended. */
  async #events(request: IncomingMessage, response: ServerResponse, run: string): Promise<boolean> {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    let open = true;
    response.on("close", () => {
      open = false;
    });
    let sent = Number(request.headers["last-event-id"] ?? 0);
    let told: TrainingNews | undefined;
    while (open) {
      // Before looking: an end that is seen now has written all it will.
      const ended = this.#running !== run;
      const folder = await RunFolder.open(this.#run(run)).catch(() => undefined);
      const lines = folder ? await folder.epochs() : [];
      for (const line of lines.slice(sent)) {
        const [maps] = await folder!.maps([line.epoch]);
        const facts = await folder!.facts().catch(() => undefined);
        sent++;
        const data = JSON.stringify({ line, maps: maps ?? null, followed: facts?.followed ?? [] });
        response.write(`id: ${sent}\nevent: epoch\ndata: ${data}\n\n`);
      }
      if (ended) {
        const epochs = folder?.config.training.epochs ?? 0;
        const failure = this.#ends.get(run) ?? null;
        response.end(
          `event: end\ndata: ${JSON.stringify({ failure, finished: epochs > 0 && lines.length >= epochs })}\n\n`,
        );
        return true;
      }
      if (this.#news && this.#news !== told) {
        told = this.#news;
        response.write(`event: news\ndata: ${JSON.stringify(told)}\n\n`);
      }
      await sleep(lookEvery);
    }
    return true;
  }
}

/** Of a run, as `freshFolder` makes them or people do. */
const isName = (text: string): boolean => /^[\w][\w. -]{0,99}$/.test(text);

/** Of a file or a folder, everywhere: nothing that leaves its place. */
const isFileName = (text: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refused
  text.length <= 200 && !/[\u0000-\u001f<>:"/\\|?*]/.test(text) && !/^[. ]|[. ]$/.test(text) && text !== "";

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

function json(response: ServerResponse, value: unknown): boolean {
  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(value));
  return true;
}

function refused(response: ServerResponse, status: number, message: string): boolean {
  refuse(response, status, message);
  return true;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** What was sent, or undefined if it is more than that. */
async function bodyOf(request: IncomingMessage, most: number): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Read to its end, so that the answer arrives.
    if (length <= most) chunks.push(chunk);
    else if (length > 4 * most) throw new FoveaError("far too much was sent");
  }
  return length <= most ? Buffer.concat(chunks) : undefined;
}

/** Fetches weights from the hub, which the page may not ask itself. */
async function fetchFromHub(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const bytes = await bodyOf(request, mostText);
  const { repository } = ((bytes && parsed(bytes)) ?? {}) as { readonly repository?: unknown };
  const sound = typeof repository === "string" && /^\w[\w.-]*\/\w[\w.-]*$/.test(repository);
  if (!sound) return refused(response, 400, "a repository on the hub is OWNER/NAME, such as timm/resnet18.a1_in1k");
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    const path = await resolveWeights(`hf:${repository}`, {
      maxBytes: mostWeights,
      shards: false,
      signal: gone.signal,
    });
    const { size } = await stat(path);
    response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": size });
    await sendBytes(response, path, size);
    return true;
  } catch (error) {
    if (!(error instanceof FoveaError)) throw error;
    return refused(response, 502, messageOf(error));
  }
}

async function sendRunFile(response: ServerResponse, run: string, file: string): Promise<boolean> {
  const path = join(run, file);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  response.writeHead(200, {
    "Content-Type": "application/octet-stream",
    "Content-Length": found.size,
    "Cache-Control": "no-store",
  });
  await sendBytes(response, path, found.size);
  return true;
}
