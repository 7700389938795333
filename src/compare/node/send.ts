import { join } from "node:path";
import type { Redis } from "ioredis";
import { FoveaError, OptionError } from "../../core/errors.js";
import { isObject } from "../../core/schema.js";
import { Lock } from "../../files/lock.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { makeFolder, writeFileAtomic } from "../../files/write.js";
import { parseRunConfig } from "../../train/run-config.js";
import { isGenerated, type PlanData, parsePlan, writtenPlan } from "../plan.js";
import type { Rates } from "../resolve.js";
import { parseResult } from "../results.js";
import { sha256 } from "./hash.js";
import { type Journal, type JournaledUnit, readResult } from "./journal.js";

/** What Redis holds of a comparison that is at work: the plan, for workers that do not see its folder, and which units are done. */
const keys = {
  comparison: (name: string) => `fovea:comparison:${name}`,
  done: (name: string) => `fovea:done:${name}`,
  files: (name: string, unit: number) => `fovea:files:${name}:${unit}`,
};
/** Seconds. A comparison is renewed all the time; one whose coordinator is gone is forgotten. */
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

/** Says that a comparison is at work. */
export async function publish(redis: Redis, name: string, { plan, resolver }: Journal): Promise<void> {
  const rates = resolver.rates ? Object.fromEntries(resolver.rates) : null;
  const { masks: _, ...data } = plan.data;
  const source = isGenerated(data.source) ? data.source : "";
  const value = JSON.stringify({ plan: writtenPlan({ ...plan, data: { ...data, source } }), rates });
  await redis.set(keys.comparison(name), value, "EX", published);
}

/** Says that it has ended, and removes what is left of it. */
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
 * The only comparison that is at work at a Redis, for a worker that has data of its own.
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
      const value = await redis.get(key);
      if (value !== null && value !== ended) found.set(key.slice(keys.comparison("").length), value);
    }
  } while (cursor !== "0");
  if (found.size !== 1)
    throw new FoveaError(
      found.size === 0
        ? "no comparison is at work at this Redis: start fovea compare … --backend bullmq first"
        : `${found.size} comparisons are at work at this Redis; give each a database of its own, such as redis://host/1`,
    );
  const [[name, text]] = found as unknown as [[string, string]];
  const { plan, rates } = JSON.parse(text) as { plan: { data: PlanData }; rates: Record<string, number> | null };
  const generated = isGenerated(plan.data.source);
  if (generated !== (source === undefined))
    throw new OptionError(
      generated
        ? `--data has no effect: the data of the comparison is ${plan.data.source}`
        : "--data must say where the data of the comparison lies here",
    );
  const data = generated ? plan.data : { ...plan.data, source };
  return {
    name,
    plan: parsePlan({ ...plan, data }, "the comparison at this Redis"),
    rates: rates ? new Map(Object.entries(rates)) : undefined,
  };
}

/** Tells the coordinator that a unit is done, whose files it sees. */
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
      `${title}: its files take ${Math.ceil(total / 2 ** 20)} MiB, more than the 256 that are sent; use a folder that all computers see`,
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
 * @throws FoveaError if they are not what the unit's are: damaged, of other data, or of another program.
 */
export async function receiveFiles(
  redis: Redis,
  name: string,
  { unit, folder, hashes, title }: JournaledUnit,
): Promise<void> {
  const key = keys.files(name, unit.index);
  const found = await redis.hgetallBuffer(key);
  if (!found.manifest) return;
  const manifest: unknown = JSON.parse(found.manifest.toString("utf8"));
  if (!isObject(manifest)) throw new FoveaError(`${title}: what a worker sent has no manifest`);
  const files = sent.filter((file) => file in manifest);
  for (const file of files)
    if (!found[file] || sha256(found[file]) !== manifest[file])
      throw new FoveaError(`${title}: ${file} arrived damaged`);
  const text = (file: string) => found[file]?.toString("utf8") ?? "";
  const { hashes: own } = parseResult(text("result.json"), `${title}: result.json`);
  const { versions } = parseRunConfig(text("config.json"), `${title}: config.json`);
  for (const which of ["config", "data", "code"] as const)
    if (own[which] !== hashes![which] || versions[which] !== hashes![which])
      throw new FoveaError(
        `${title}: a worker sent a result of another ${which === "code" ? "version of the program" : which}`,
      );
  await makeFolder(folder!);
  const lock = await Lock.acquire(`${folder!}.lock`);
  try {
    // A unit is done when its result is there: that is written last.
    if (!(await readResult(folder!)))
      for (const file of files) await writeFileAtomic(join(folder!, file), found[file]!);
  } finally {
    lock.release();
  }
  await redis.del(key);
}
