import { closeSync, constants, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { FoveaError } from "../core/errors.js";

/**
 * Locks are the operating system's (`F_OFD_SETLK`, `flock`, `LockFileEx`), from fs-native-extensions. They end with their process,
 * however it ends, so there are no stale locks. Alternatives: proper-lockfile writes
 * only times, and takes a lock from a process that slept or was stopped; os-lock compiles during installation.
 * Loaded on first use: a system without a prebuilt binding can do everything but lock.
 */
const native = () => import("fs-native-extensions").catch(() => undefined);

/** Whether the lock was acquired; undefined if the file system or computer has no locks. */
export async function tryLock(fd: number): Promise<boolean | undefined> {
  try {
    return (await native())?.tryLock(fd);
  } catch {
    return undefined;
  }
}

/** Opens an existing file for locking. Does not follow links or wait for the other end of a pipe. */
export const openFlags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const poll = 100;
/** Limit on waiting for a process that never releases the lock: a day. */
const maxPolls = (24 * 3600 * 1000) / poll;
/** How often the file may vanish between opening and locking. */
const maxVanished = 1000;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called on every try while another process has the lock. */
  readonly onWait?: (() => void) | undefined;
}

/** Locks held by this process. */
const held = new Set<Lock>();
let tidies = false;

/** Removes the files of all locks when the process exits. */
function tidyAtExit(): void {
  if (tidies) return;
  tidies = true;
  process.once("exit", () => {
    for (const lock of held) lock.release();
  });
}

/** A lock file with one owner at a time. The file exists while it is held, and after its owner was killed. */
export class Lock {
  private constructor(
    private readonly path: string,
    private readonly fd: number,
  ) {
    held.add(this);
    tidyAtExit();
  }

  /** Takes the lock if it is free. @throws the system's error if the file cannot be created. */
  static async tryAcquire(path: string): Promise<Lock | undefined> {
    for (let i = 0; i < maxVanished; i++) {
      const fd = openSync(path, openFlags | constants.O_CREAT, 0o644);
      const got = await tryLock(fd);
      // The last owner may have removed the file after it was opened here; nobody else would see a lock on it.
      if (got !== false && isAt(path, fd)) {
        sign(fd);
        return new Lock(path, fd);
      }
      closeSync(fd);
      if (got === false) return undefined;
    }
    throw new FoveaError(`${path} vanishes whenever it is created`);
  }

  /** Waits until the lock is free. @throws FoveaError after a day, or the signal's reason. */
  static async acquire(path: string, { signal, onWait }: LockOptions = {}): Promise<Lock> {
    for (let i = 0; i < maxPolls; i++) {
      signal?.throwIfAborted();
      const lock = await Lock.tryAcquire(path);
      if (lock) return lock;
      onWait?.();
      await sleep(poll, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
    throw new FoveaError(`${path}: ${await ownerOf(path)} has held this lock for a day`);
  }

  /** Whether the lock file is still there: somebody may have emptied the folder. */
  get isInPlace(): boolean {
    return isAt(this.path, this.fd);
  }

  release(): void {
    if (!held.delete(this)) return;
    // Before releasing it, so that it cannot be the next owner's.
    try {
      if (this.isInPlace) rmSync(this.path, { force: true });
    } catch {
      // The folder may have become read-only. A file that nobody holds is no lock.
    }
    closeSync(this.fd);
  }
}

/** Who has a lock, for messages. */
export async function ownerOf(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return /^process \d{1,10} on [\w.-]{1,64}$/.test(text) ? text : "another process";
}

function sign(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `process ${pid} on ${hostname()}`, 0);
  } catch {
    // On a full disk there is no name; the lock still holds.
  }
}

function isAt(path: string, fd: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const here = fstatSync(fd, { bigint: true });
  return there?.ino === here.ino && there.dev === here.dev;
}
