import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Lock, ownerOf } from "../../src/files/lock.js";
import { temporaryFolder } from "../support/fovea.js";

const module = new URL("../../src/files/lock.js", import.meta.url).href;

/** Takes a lock in a process of its own, which keeps it until it is killed. */
async function holder(path: string): Promise<ChildProcess> {
  const code = `import { Lock } from "${module}"; await Lock.acquire(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  return child;
}

test("a lock is one owner's, who is named, and nobody's as soon as its process is killed", async () => {
  const path = join(temporaryFolder(), "lock");
  const child = await holder(path);
  assert.equal(await Lock.tryAcquire(path), undefined);
  assert.match(await ownerOf(path), new RegExp(`^process ${child.pid} on `));
  await assert.rejects(Lock.acquire(path, { signal: AbortSignal.timeout(200) }), { name: "TimeoutError" });

  // A process that is stopped for a while is still the owner, however long it takes.
  child.kill("SIGSTOP");
  assert.equal(await Lock.tryAcquire(path), undefined);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(existsSync(path));
  const lock = await Lock.tryAcquire(path);
  assert.equal(await ownerOf(path), `process ${process.pid} on ${(await import("node:os")).hostname()}`);
  lock!.release();
  lock!.release();
  assert.ok(!existsSync(path));
});

test("of many who want a lock one has it at a time, and none is left behind", async () => {
  const folder = temporaryFolder();
  const paths = Array.from({ length: 20 }, (_, i) => join(folder, `lock${i}`));
  const held = new Set<string>();
  let waits = 0;
  await Promise.all(
    paths.flatMap((path) =>
      Array.from({ length: 5 }, async () => {
        await sleep(20 * Math.random());
        const lock = await Lock.acquire(path, { onWait: () => waits++ });
        assert.ok(!held.has(path));
        held.add(path);
        await sleep(5);
        assert.ok(lock.isInPlace);
        held.delete(path);
        lock.release();
      }),
    ),
  );
  assert.ok(waits > 0);
  assert.deepEqual(readdirSync(folder), []);
});

test("processes that take a lock in turn never have it together", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "lock");
  const mark = join(folder, "mark");
  const code = `import { Lock } from "${module}"; import { closeSync, openSync, rmSync } from "node:fs";
    for (let i = 0; i < 40; i++) {
      let lock; while (!(lock = await Lock.tryAcquire(${JSON.stringify(path)}))) await new Promise(setImmediate);
      closeSync(openSync(${JSON.stringify(mark)}, "wx")); rmSync(${JSON.stringify(mark)}); lock.release();
    }`;
  const ends = [1, 2, 3].map(() => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" });
    return once(child, "exit");
  });
  assert.deepEqual(
    await Promise.all(ends),
    [1, 2, 3].map(() => [0, null]),
  );
  assert.deepEqual(readdirSync(folder), []);
});

test("a lock whose file was taken away is noticed, and another's stays", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "lock");
  const lock = await Lock.tryAcquire(path);
  rmSync(path);
  assert.ok(!lock!.isInPlace);
  const other = await Lock.tryAcquire(path);
  assert.ok(!lock!.isInPlace && other!.isInPlace);
  lock!.release();
  assert.ok(existsSync(path));
  other!.release();
});

test("what stands in a lock file is not believed", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "lock");
  for (const text of ["", "\x1b[2J", "process 1 on a\nb", "x".repeat(1000)]) {
    writeFileSync(path, text);
    assert.equal(await ownerOf(path), "another process");
  }
  renameSync(path, `${path}2`);
  assert.equal(await ownerOf(path), "another process");
});
