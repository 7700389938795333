import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sharedFovea as fovea, temporaryFolder, tinyCifar } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { freePort } from "../support/ports.js";

const programs = ["munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue"];
const path = `${process.env.PATH}:/usr/sbin:/sbin`;
const missing = programs.filter(
  (name) => spawnSync("sh", ["-c", `command -v ${name}`], { env: { PATH: path } }).status !== 0,
);
const skip =
  missing.length > 0 ? `no ${missing[0]}` : process.getuid?.() !== 0 ? "a private SLURM needs root here" : false;

/** A SLURM of one node with two processors, whose files are all in one folder. */
async function startSlurm(): Promise<NodeJS.ProcessEnv> {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const at = (name: string) => join(folder, name);
  const host = hostname().split(".")[0]!;
  writeFileSync(at("munge.key"), randomBytes(1024), { mode: 0o400 });
  for (const name of ["state", "spool"]) mkdirSync(at(name));
  const settings = {
    ClusterName: "test",
    SlurmctldHost: `${host}(127.0.0.1)`,
    AuthType: "auth/munge",
    AuthInfo: `socket=${at("munge.socket")}`,
    SlurmUser: "root",
    SlurmdUser: "root",
    StateSaveLocation: at("state"),
    SlurmdSpoolDir: at("spool"),
    SlurmctldPidFile: at("slurmctld.pid"),
    SlurmdPidFile: at("slurmd.pid"),
    SlurmctldPort: await freePort(),
    SlurmdPort: await freePort(),
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    MpiDefault: "none",
    SwitchType: "switch/none",
    ReturnToService: 2,
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_Core",
    NodeName: `${host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN`,
    PartitionName: `main Nodes=${host} Default=YES MaxTime=INFINITE State=UP`,
  };
  const conf = at("slurm.conf");
  writeFileSync(
    conf,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const env = { ...process.env, PATH: path, SLURM_CONF: conf };
  const start = (program: string, args: readonly string[]) => {
    const child: ChildProcess = spawn(program, args, { env, stdio: "ignore" });
    after(() => child.kill());
  };
  const munge = [
    "key-file=munge.key",
    "socket=munge.socket",
    "pid-file=munged.pid",
    "log-file=munged.log",
    "seed-file=munge.seed",
  ];
  start("munged", [
    "--foreground",
    "--force",
    "--num-threads=1",
    ...munge.map((one) => `--${one.replace("=", `=${folder}/`)}`),
  ]);
  await sleep(1000);
  start("slurmctld", ["-D", "-f", conf]);
  await sleep(2000);
  start("slurmd", ["-D", "-f", conf, "-N", host]);
  for (let i = 0; i < 60; i++) {
    await sleep(500);
    if (spawnSync("sinfo", ["-h", "-t", "idle"], { env, encoding: "utf8" }).stdout.includes(host)) return env;
  }
  throw new Error("SLURM has not started");
}

test("a SLURM array with a task that is requeued gives the tables of a comparison on one computer", {
  skip: ifLong || skip,
}, async () => {
  const env = await startSlurm();
  const data = tinyCifar(temporaryFolder(), { train: 40, test: 24 });
  const args = [
    "compare",
    data,
    "--modules",
    "none,se",
    "--seeds",
    "2",
    "--epochs",
    "4",
    "--images",
    "32",
    "--batch",
    "8",
    "--no-cost",
  ];
  const [there, here] = [temporaryFolder(), temporaryFolder()];
  const written = await fovea([...args, "--out", there, "--backend", "slurm", "--slurm-option=--time=30", "--json"]);
  assert.equal(written.code, 0, written.stderr);
  const { script } = JSON.parse(written.stdout);
  const run = (program: string, ...rest: string[]) => execFileSync(program, rest, { env, encoding: "utf8" }).trim();
  run("sbatch", script);
  let requeued: string | undefined;
  for (let i = 0; i < 600; i++) {
    await sleep(500);
    const [running] = run("squeue", "-h", "-t", "R", "-o", "%A").split("\n").filter(Boolean);
    if (!requeued && running) {
      await sleep(1500);
      // It may have ended meanwhile; the next is taken then.
      if (spawnSync("scontrol", ["requeue", running], { env }).status === 0) requeued = running;
    }
    // Not to wait the two minutes that SLURM lets pass.
    if (requeued) spawnSync("scontrol", ["update", `JobId=${requeued}`, "StartTime=now"], { env });
    if (run("squeue", "-h") === "") break;
  }
  assert.ok(requeued);
  const [gathered, alone] = [await fovea([...args, "--out", there]), await fovea([...args, "--out", here])];
  assert.equal(gathered.code, 0, gathered.stderr);
  assert.doesNotMatch(gathered.stderr, /units to do/);
  assert.equal(alone.code, 0, alone.stderr);
  for (const name of ["results.csv", "table.md", "table.json"])
    assert.equal(readFileSync(join(there, name), "utf8"), readFileSync(join(here, name), "utf8"));
});
