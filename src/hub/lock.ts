import { randomBytes } from "node:crypto";
import { type FileHandle, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { FoveaError } from "../core/errors.js";

const poll = 100;
/** Milliseconds in which the owner of a lock has certainly touched it, unless it is gone. */
const recent = 2000;
/** Milliseconds after which whoever was removing a lock left behind has certainly ended. */
const longestTakeover = 60_000;
/** Bounds the wait for a process that lives and never ends its download: a day. */
const maxPolls = (24 * 3600 * 1000) / poll;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called while another process has the lock, at every look. */
  readonly onWait?: (() => void) | undefined;
  /** Milliseconds without a sign of life after which a lock counts as left behind. */
  readonly staleAfter?: number;
}

/** What a look at somebody's lock shows. */
interface Sight {
  readonly owner: string;
  readonly mtime: number;
}

/**
 * A file that one process at a time can have. Its owner touches it every second. It is taken over when nobody has touched it
 * for long, or at once when its process on this computer is gone.
 */
export class Lock {
  readonly #timer: NodeJS.Timeout;

  private constructor(
    private readonly path: string,
    private readonly owner: string,
    private readonly file: FileHandle,
    staleAfter: number,
  ) {
    this.#timer = setInterval(() => {
      // Through the handle: after a takeover the file of this name is somebody else's.
      file.utimes(new Date(), new Date()).catch(() => {});
    }, staleAfter / 30).unref();
  }

  /** Waits until the lock is free. @throws FoveaError after a day, or the signal's reason. */
  static async acquire(path: string, { signal, onWait, staleAfter = 30_000 }: LockOptions = {}): Promise<Lock> {
    const owner = `${pid} ${randomBytes(8).toString("hex")} ${hostname()}`;
    let before: Sight | undefined;
    let since = performance.now();
    for (let i = 0; i < maxPolls; i++) {
      signal?.throwIfAborted();
      const file = await open(path, "wx").catch(unless("EEXIST"));
      if (file) {
        try {
          await file.writeFile(owner);
          return new Lock(path, owner, file, staleAfter);
        } catch (error) {
          // A full disk: nobody shall wait for this lock.
          await file.close();
          await rm(path, { force: true });
          throw error;
        }
      }
      const seen = await look(path);
      if (!seen) continue;
      // Time is what passed here: clocks of computers that share a disk differ.
      if (seen.owner !== before?.owner || seen.mtime !== before.mtime) since = performance.now();
      before = seen;
      const isLeft = performance.now() - since > staleAfter || isDead(seen);
      if (isLeft && (await takeAway(path, seen))) continue;
      onWait?.();
      await sleep(poll, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
    throw new FoveaError(`${path}: another process has held this lock for a day. If none is downloading, remove it`);
  }

  /** @throws FoveaError if another process took the lock over, because this one slept too long. */
  async check(): Promise<void> {
    if ((await look(this.path))?.owner !== this.owner)
      throw new FoveaError(
        `${this.path}: another process took over this download, or the cache was emptied. Run it again`,
      );
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    const mine = (await look(this.path))?.owner === this.owner;
    await this.file.close();
    if (mine) await rm(this.path, { force: true });
  }
}

async function look(path: string): Promise<Sight | undefined> {
  const [owner, about] = await Promise.all([
    readFile(path, "utf8").catch(unless("ENOENT")),
    stat(path).catch(unless("ENOENT")),
  ]);
  return owner === undefined || !about ? undefined : { owner, mtime: about.mtimeMs };
}

/** A process of this computer that is no more. A fresh touch says otherwise: containers share host names, not processes. */
function isDead({ owner, mtime }: Sight): boolean {
  const [, id, host] = /^(\d+) \w+ (.*)$/.exec(owner) ?? [];
  if (!id || host !== hostname() || Math.abs(Date.now() - mtime) < recent) return false;
  try {
    process.kill(Number(id), 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

/**
 * Removes a lock left behind. Of several that saw it only one can make the mark that bears its owner's name, and looks again before it
 * removes the lock: by then another may have done so, and somebody new may own it. Says whether this was the one.
 */
async function takeAway(path: string, { owner, mtime }: Sight): Promise<boolean> {
  const mark = `${path}.${/ (\w{1,32})/.exec(owner)?.[1] ?? "unnamed"}`;
  const file = await open(mark, "wx").catch(unless("EEXIST"));
  if (!file) {
    // Another is at it, for a moment; unless it ended there.
    const made = await stat(mark).catch(unless("ENOENT"));
    if (made && Math.abs(Date.now() - made.mtimeMs) > longestTakeover) await rm(mark, { force: true });
    return false;
  }
  try {
    const now = await look(path);
    if (now?.owner === owner && now.mtime === mtime) await rm(path, { force: true });
    return true;
  } finally {
    await file.close();
    await rm(mark, { force: true });
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** A handler that swallows the error of this code. */
const unless = (code: string) => (error: unknown) => {
  if (codeOf(error) !== code) throw error;
  return undefined;
};
