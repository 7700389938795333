import { join } from "node:path";
import type { Redis } from "ioredis";
import { FoveaError, OptionError } from "../../core/errors.js";
import { isObject } from "../../core/schema.js";
import { isGenerated } from "../../data/shapes.js";
import { Lock } from "../../files/lock.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { makeFolder, writeFileAtomic } from "../../files/write.js";
import { parseRunConfig } from "../../train/run-config.js";
import { type PlanData, parsePlan, writtenPlan } from "../plan.js";
import type { Rates } from "../resolve.js";
import { parseResult } from "../results.js";
import { sha256 } from "./hash.js";
import { type Journal, type JournaledUnit, mostResultBytes, readResult } from "./journal.js";

/** What Redis stores about a running comparison: the plan, for workers that do not see its folder, and which units are done. */
const keys = {
  comparison: (name: string) => `fovea:comparison:${name}`,
  done: (name: string) => `fovea:done:${name}`,
  files: (name: string, unit: number) => `fovea:files:${name}:${unit}`,
};
/** Seconds after which a comparison expires unless its coordinator renews it. */
const [published, kept] = [30, 24 * 3600];
const ended = "ended";
/** Files of a unit that are sent, the result last, and their bytes together: Redis takes no value of 512 MiB. */
const sent = [
  "config.json",
  "metrics.jsonl",
  "results.csv",
  "best.safetensors",
  "last.safetensors",
  "timing.json",
  "result.json",
];
const mostBytes = 256 * 2 ** 20;
/** Of the manifest, and of a published plan. */
const [mostManifest, mostPlan] = [10_000, 1_000_000];

/** Announces a running comparison. */
export async function publish(redis: Redis, name: string, { plan, resolver }: Journal): Promise<void> {
  const rates = resolver.rates ? Object.fromEntries(resolver.rates) : null;
  const { masks: _, ...data } = plan.data;
  const source = isGenerated(data.source) ? data.source : "";
  const value = JSON.stringify({ plan: writtenPlan({ ...plan, data: { ...data, source } }), rates });
  await redis.set(keys.comparison(name), value, "EX", published);
}

/** Announces its end, and removes what is left of it. */
export async function withdraw(redis: Redis, name: string, units: Iterable<number>): Promise<void> {
  const left = [keys.done(name), ...[...units].map((unit) => keys.files(name, unit))];
  await redis.set(keys.comparison(name), ended, "EX", published);
  for (let i = 0; i < left.length; i += 1000) await redis.del(...left.slice(i, i + 1000));
}

export type Publication = "at work" | "ended" | "unknown";

export async function publication(redis: Redis, name: string): Promise<Publication> {
  const value = await redis.get(keys.comparison(name));
  return value === null ? "unknown" : value === ended ? "ended" : "at work";
}

/**
 * The only comparison that is running at a Redis, for a worker with its own copy of the data.
 *
 * @throws FoveaError if there is none, or several.
 */
export async function onlyComparison(
  redis: Redis,
  source: string | undefined,
): Promise<{ readonly name: string; readonly plan: ReturnType<typeof parsePlan>; readonly rates: Rates | undefined }> {
  const found = new Map<string, string>();
  let cursor = "0";
  do {
    const [next, some] = await redis.scan(cursor, "MATCH", keys.comparison("*"), "COUNT", 1000);
    cursor = next;
    for (const key of some) {
      if ((await redis.strlen(key)) > mostPlan)
        throw new FoveaError("this Redis has something other than a comparison");
      const value = await redis.get(key);
      if (value !== null && value !== ended) found.set(key.slice(keys.comparison("").length), value);
    }
  } while (cursor !== "0");
  if (found.size !== 1)
    throw new FoveaError(
      found.size === 0
        ? "no comparison is running at this Redis: start fovea compare … --backend bullmq first"
        : `${found.size} comparisons are running at this Redis; give each its own database, such as redis://host/1`,
    );
  const [only] = found;
  const [name, text] = only!;
  const value = parsedJson(text);
  const { plan: given, rates = null } = isObject(value) ? value : {};
  if (!isObject(given) || !isObject(given.data) || !(rates === null || isRates(rates)))
    throw new FoveaError("this Redis has something other than a comparison");
  const plan = given as { data: PlanData };
  const generated = isGenerated(plan.data.source);
  if (generated !== (source === undefined))
    throw new OptionError(
      generated
        ? `--data has no effect: the data of the comparison is ${plan.data.source}`
        : "--data must say where the comparison's data is on this computer",
    );
  const data = generated ? plan.data : { ...plan.data, source };
  return {
    name,
    plan: parsePlan({ ...plan, data }, "the comparison at this Redis"),
    rates: rates ? new Map(Object.entries(rates)) : undefined,
  };
}

const isRates = (value: unknown): value is Record<string, number> =>
  isObject(value) && Object.values(value).every((rate) => typeof rate === "number" && rate > 0);

/** Tells the coordinator that a unit is done. */
export const tellDone = async (redis: Redis, name: string, unit: number): Promise<void> =>
  void (await redis.rpush(keys.done(name), unit));

/** Units that workers have said are done since the last call. */
export const toldDone = async (redis: Redis, name: string): Promise<number[]> =>
  ((await redis.lpop(keys.done(name), 1000)) ?? []).map(Number);

/** Sends the files of a unit that is done to a coordinator that does not see them. @throws FoveaError if they are too large. */
export async function sendFiles(redis: Redis, name: string, { unit, folder, title }: JournaledUnit): Promise<void> {
  const fields: (string | Buffer)[] = [];
  const manifest: Record<string, string> = {};
  let total = 0;
  for (const file of sent) {
    const bytes = await readWhole(join(folder!, file), mostBytes).catch(unlessMissing);
    if (!bytes) continue;
    total += bytes.length;
    manifest[file] = sha256(bytes);
    fields.push(file, Buffer.from(bytes));
  }
  if (total > mostBytes)
    throw new FoveaError(
      `${title}: its files take ${Math.ceil(total / 2 ** 20)} MiB, but at most 256 are sent; use a folder that all computers see`,
    );
  const key = keys.files(name, unit.index);
  await redis
    .multi()
    .del(key)
    .hset(key, "manifest", JSON.stringify(manifest), ...fields)
    .expire(key, kept)
    .rpush(keys.done(name), unit.index)
    .exec();
}

/**
 * Takes the files of a unit that a worker sent, if it sent any, and checks them as its own.
 *
 * @throws FoveaError if they are not what the unit's are: damaged, too large, of other data, or of another program. They are removed then.
 */
export async function receiveFiles(redis: Redis, name: string, entry: JournaledUnit): Promise<void> {
  const key = keys.files(name, entry.unit.index);
  try {
    const found = await filesAt(redis, key, entry.title);
    if (!found) return;
    await takeFiles(found, entry);
  } catch (error) {
    // What is refused is refused once, not at every look.
    if (error instanceof FoveaError) await redis.del(key);
    throw error;
  }
  await redis.del(key);
}

/** The value of a key, at most as large as a unit may be: whoever reaches Redis can store anything there. */
async function filesAt(redis: Redis, key: string, title: string): Promise<Map<string, Buffer> | undefined> {
  const fields = ["manifest", ...sent];
  const wrong = (error: Error) => {
    throw error.message.startsWith("WRONGTYPE") ? new FoveaError(`${title}: what a worker sent is not a hash`) : error;
  };
  const sizes = await Promise.all(fields.map((field) => redis.hstrlen(key, field))).catch(wrong);
  const [manifest, ...rest] = sizes as [number, ...number[]];
  if (manifest === 0) return undefined;
  const total = rest.reduce((sum, size) => sum + size, 0);
  if (manifest > mostManifest || total > mostBytes || rest.at(-1)! > mostResultBytes)
    throw new FoveaError(`${title}: what a worker sent is too large`);
  const values = await redis.hmgetBuffer(key, ...fields);
  return new Map(fields.flatMap((field, i) => (values[i] ? [[field, values[i]] as const] : [])));
}

async function takeFiles(found: Map<string, Buffer>, { folder, hashes, title }: JournaledUnit): Promise<void> {
  const text = (file: string) => found.get(file)?.toString("utf8") ?? "";
  const manifest = parsedJson(text("manifest"));
  if (!isObject(manifest)) throw new FoveaError(`${title}: what a worker sent has no manifest`);
  const files = sent.filter((file) => Object.hasOwn(manifest, file));
  for (const file of files) {
    const bytes = found.get(file);
    if (!bytes || sha256(bytes) !== manifest[file]) throw new FoveaError(`${title}: ${file} arrived damaged`);
  }
  const { hashes: own } = parseResult(text("result.json"), `${title}: result.json`);
  const { versions } = parseRunConfig(text("config.json"), `${title}: config.json`);
  for (const which of ["config", "data", "code"] as const)
    if (own[which] !== hashes![which] || versions[which] !== hashes![which])
      throw new FoveaError(
        `${title}: a worker sent a result with another ${which === "code" ? "version of the program" : which}`,
      );
  await makeFolder(folder!);
  const lock = await Lock.acquire(`${folder!}.lock`);
  try {
    // A unit is done when its result is there: that is written last.
    if (!(await readResult(folder!)))
      for (const file of files) await writeFileAtomic(join(folder!, file), found.get(file)!);
  } finally {
    lock.release();
  }
}

/** Undefined if the text is not JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
