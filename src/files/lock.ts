import { closeSync, constants, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { FoveaError } from "../core/errors.js";

/**
 * Locks are the operating system's (`F_OFD_SETLK`, `flock`, `LockFileEx`), from fs-native-extensions: they end with the process that has
 * them, however it ends, so that none is ever left behind or has to be judged stale. The alternatives were weighed: proper-lockfile
 * writes nothing but times and takes a lock from a process that slept or was stopped, os-lock builds itself while it is installed.
 * Loaded when first needed: a system without a prebuilt binding can do all but lock.
 */
const native = () => import("fs-native-extensions").catch(() => undefined);

/** Whether the lock of an open file was got; undefined on a file system or computer that knows no locks. */
export async function tryLock(fd: number): Promise<boolean | undefined> {
  try {
    return (await native())?.tryLock(fd);
  } catch {
    return undefined;
  }
}

/** Opens a file that exists for locking; never a link's target, and without waiting for the other end of a pipe. */
export const openFlags = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const poll = 100;
/** Bounds the wait for a process that lives and never lets go: a day. */
const maxPolls = (24 * 3600 * 1000) / poll;
/** How often a file can vanish between opening and locking before something else must be wrong. */
const maxVanished = 1000;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called while another process has the lock, at every look. */
  readonly onWait?: (() => void) | undefined;
}

/** Locks that this process has. */
const held = new Set<Lock>();
let tidies = false;

/** Lets the files of all locks go with the process. */
function tidyAtExit(): void {
  if (tidies) return;
  tidies = true;
  process.once("exit", () => {
    for (const lock of held) lock.release();
  });
}

/** A lock file that one owner at a time can have. The file is there while somebody has it, or was killed having it. */
export class Lock {
  private constructor(
    private readonly path: string,
    private readonly fd: number,
  ) {
    held.add(this);
    tidyAtExit();
  }

  /** Takes the lock unless another has it. @throws what the system says where the file cannot be made. */
  static async tryAcquire(path: string): Promise<Lock | undefined> {
    for (let i = 0; i < maxVanished; i++) {
      const fd = openSync(path, openFlags | constants.O_CREAT, 0o644);
      const got = await tryLock(fd);
      // The last owner may have removed the file after it was opened here: the next one could not see a lock on it.
      if (got !== false && isAt(path, fd)) {
        sign(fd);
        return new Lock(path, fd);
      }
      closeSync(fd);
      if (got === false) return undefined;
    }
    throw new FoveaError(`${path} vanishes whenever it is made`);
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

  /** Whether the lock's file is still in its place: somebody may have emptied the folder. */
  get isInPlace(): boolean {
    return isAt(this.path, this.fd);
  }

  release(): void {
    if (!held.delete(this)) return;
    // Before it is let go, so that it cannot be the next owner's.
    try {
      if (this.isInPlace) rmSync(this.path, { force: true });
    } catch {
      // A folder that is read-only by now: a file that nobody holds is no lock.
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
    // A full disk takes no name; the lock holds without.
  }
}

function isAt(path: string, fd: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const here = fstatSync(fd, { bigint: true });
  return there?.ino === here.ino && there.dev === here.dev;
}
