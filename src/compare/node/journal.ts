import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, FoveaError, messageOf, OptionError, ShapeError } from "../../core/errors.js";
import { openDataset } from "../../data/open.js";
import { Lock, ownerOf } from "../../files/lock.js";
import { readWhole, unlessMissing } from "../../files/read.js";
import { isTemporary, makeFolder, writeFileAtomic } from "../../files/write.js";
import { RunFolder } from "../../train/run-folder.js";
import { type Division, divide } from "../data.js";
import { type Plan, readPlan, taskOfPlan, writtenPlan } from "../plan.js";
import { type Rates, type ResolvedUnit, Resolver } from "../resolve.js";
import { type Hashes, parseResult, type UnitResult } from "../results.js";
import { type Unit, unitsOf, unitTitle } from "../units.js";
import { codeHash, configHash, dataHash } from "./hash.js";

const MAX_PLAN_BYTES = 10_000_000;
/** A result has a digit for each test image. */
export const mostResultBytes = 100_000_000;
const planFile = "plan.json";
const ratesFile = "rates.json";
const resultFile = "result.json";

/** A unit with the folder that is its journal. */
export interface JournaledUnit {
  readonly unit: Unit;
  readonly title: string;
  /** Undefined where the network cannot be built; `misfit` says why. */
  readonly resolved?: ResolvedUnit;
  readonly hashes?: Hashes;
  readonly folder?: string;
  readonly misfit?: string;
}

/**
 * A comparison on disk: `plan.json`, and in `units/` a run folder for each unit. There is no other record of what was done: a unit is
 * done when its `result.json` is there, which is written last and whole.
 */
export class Journal {
  private constructor(
    readonly path: string,
    readonly plan: Plan,
    readonly data: Division,
    readonly resolver: Resolver,
    /** How the data was read. */
    readonly kind: string,
    readonly shared: Pick<Hashes, "data" | "code">,
  ) {}

  /** Opens the data of a plan, for results in a folder that need not exist yet. */
  static async open(path: string, plan: Plan, rates?: Rates): Promise<Journal> {
    const { source, imageSize, classNames, ignoreLabel, labelsFile, targets } = plan.data;
    const opened = await openDataset(source, {
      task: taskOfPlan(plan),
      ...(imageSize ? { imageSize } : {}),
      ...(classNames ? { classNames } : {}),
      ...(labelsFile === undefined ? {} : { labelsFile }),
      ...(targets ? { targets } : {}),
      ...(ignoreLabel === undefined ? {} : { ignoreLabel }),
    });
    const data = divide(opened, plan.data);
    const shared = { data: await dataHash(plan.data), code: await codeHash() };
    const known = rates ?? (await readRates(path));
    return new Journal(path, plan, data, new Resolver(plan, data, known), opened.kind, shared);
  }

  /** Another plan on the same data, for results in a folder of its own. */
  with(path: string, plan: Plan): Journal {
    return new Journal(path, plan, this.data, new Resolver(plan, this.data), this.kind, this.shared);
  }

  /** The comparison in a folder. @throws FoveaError if there is none. */
  static async reopen(path: string): Promise<Journal> {
    return Journal.open(path, await planIn(path));
  }

  /**
   * Locks the folder for this process, and writes the plan.
   *
   * @throws FoveaError if another coordinator has it, or something else is in it.
   */
  async claim(): Promise<Lock> {
    const lockFile = join(this.path, ".lock");
    await makeFolder(this.path).catch((error) => {
      throw new FoveaError(`--out: cannot create ${this.path}: ${messageOf(error)}`);
    });
    const lock = await Lock.tryAcquire(lockFile).catch((error) => {
      throw new FoveaError(`--out: cannot use ${this.path} for a comparison: ${messageOf(error)}`);
    });
    if (!lock)
      throw new FoveaError(
        `${this.path} is in use: ${await ownerOf(lockFile)} is running the comparison in it. Wait until it ends, or choose another --out`,
      );
    try {
      await requireOwn(this.path);
    } catch (error) {
      lock.release();
      throw error;
    }
    await writeFileAtomic(join(this.path, planFile), `${JSON.stringify(writtenPlan(this.plan), null, 2)}\n`);
    return lock;
  }

  async writeRates(rates: Rates): Promise<void> {
    await writeFileAtomic(join(this.path, ratesFile), `${JSON.stringify(Object.fromEntries(rates), null, 2)}\n`);
  }

  /** How many images each part has. */
  get images() {
    const { train, validation, test } = this.data;
    return { train: train.length, validation: validation.length, test: test.length };
  }

  units(): JournaledUnit[] {
    return unitsOf(this.plan).map((unit) => this.#journaled(unit));
  }

  /** One unit by its index. @throws OptionError if there is none. */
  unit(index: number): JournaledUnit {
    const unit = unitsOf(this.plan)[index];
    if (!unit) throw new OptionError(`unit must be from 0 to ${unitsOf(this.plan).length - 1}, got ${index}`);
    return this.#journaled(unit);
  }

  #journaled(unit: Unit): JournaledUnit {
    const title = unitTitle(this.plan, unit);
    try {
      const resolved = this.resolver.resolve(unit);
      const hashes = { config: configHash(this.plan, resolved), ...this.shared };
      const slug = title.replace(/[^\w.=-]+/g, "-").slice(0, 80);
      return {
        unit,
        title,
        resolved,
        hashes,
        folder: join(this.path, "units", `${slug}-${hashes.config.slice(0, 8)}`),
      };
    } catch (error) {
      if (!(error instanceof OptionError || error instanceof ShapeError)) throw error;
      return { unit, title, misfit: error.message };
    }
  }

  /**
   * What is done of the units.
   *
   * @param anyVersion whether units that another version of the program did count as done
   *
   * @throws FoveaError if a unit was done, or begun, with other data or another program: it enters no table.
   */
  async results(units: readonly JournaledUnit[], anyVersion = false): Promise<(UnitResult | undefined)[]> {
    const results: (UnitResult | undefined)[] = [];
    const stale = { data: [] as string[], code: [] as string[] };
    for (const { folder, hashes } of units) {
      if (!folder || !hashes) {
        results.push(undefined);
        continue;
      }
      const result = await readResult(folder);
      const of = result?.hashes ?? (await begunWith(folder));
      if (of && of.data !== hashes.data) stale.data.push(folder);
      else if (of && of.code !== hashes.code && !anyVersion) stale.code.push(folder);
      if (result && result.hashes.config !== hashes.config)
        throw new FoveaError(
          `${join(folder, resultFile)} belongs to a different configuration than its folder. Remove the folder`,
        );
      results.push(result);
    }
    for (const [what, folders] of Object.entries(stale))
      if (folders.length > 0)
        throw new FoveaError(
          `${folders.length} of ${units.length} units in ${this.path} have ${what === "data" ? `other data than ${this.plan.data.source} now has` : "another version of the program"}, such as ${folders[0]}. Choose another --out, or remove them${what === "code" ? "; fovea compare tables --any-version makes tables of them as they are" : ""}`,
        );
    return results;
  }
}

/** The plan of the comparison in a folder. @throws FoveaError if there is none. */
export async function planIn(path: string): Promise<Plan> {
  const file = join(path, planFile);
  const bytes = await readWhole(file, MAX_PLAN_BYTES).catch(unlessMissing);
  if (!bytes) throw new FoveaError(`${path} is not the folder of a comparison: it has no ${planFile}`);
  return readPlan(new TextDecoder().decode(bytes), file);
}

/** @throws FoveaError if a folder has something other than a comparison, which would be overwritten. */
async function requireOwn(path: string): Promise<void> {
  const names = (await readdir(path)).filter((name) => name !== ".lock" && !isTemporary(name));
  if (names.length === 0) return;
  if (!names.includes(planFile))
    throw new FoveaError(`--out ${path} is neither empty nor the folder of a comparison. Choose another --out`);
  await planIn(path);
}

/** The result of a unit, or undefined if it is not done. */
export async function readResult(folder: string): Promise<UnitResult | undefined> {
  const file = join(folder, resultFile);
  const bytes = await readWhole(file, mostResultBytes).catch(unlessMissing);
  return bytes && parseResult(new TextDecoder().decode(bytes), file);
}

export const writeResult = (folder: string, result: UnitResult): Promise<void> =>
  writeFileAtomic(join(folder, resultFile), `${JSON.stringify(result, null, 2)}\n`);

/** Whether a training was begun in a folder. */
export const isRun = (folder: string): Promise<boolean> =>
  stat(join(folder, "config.json")).then(
    () => true,
    () => false,
  );

/** The hashes that a unit was begun with, as its run's configuration has them. */
async function begunWith(folder: string): Promise<Omit<Hashes, "config"> | undefined> {
  if (!(await isRun(folder))) return undefined;
  const { data, code } = (await RunFolder.open(folder)).config.versions;
  if (data === undefined || code === undefined)
    throw new FoveaError(`${folder} is a run, but not a unit of a comparison. Choose another --out`);
  return { data, code };
}

async function readRates(path: string): Promise<Rates | undefined> {
  const file = join(path, ratesFile);
  const bytes = await readWhole(file, MAX_PLAN_BYTES).catch(unlessMissing);
  if (!bytes) return undefined;
  try {
    const rates = Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as object);
    if (rates.every(([, seconds]) => typeof seconds === "number" && seconds > 0)) return new Map(rates);
  } catch {}
  throw new FormatError(`${file} must have a positive number of seconds for each network. Remove it to measure again`);
}
