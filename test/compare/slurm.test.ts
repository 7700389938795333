import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { slurmScript } from "../../src/compare/slurm.js";

const options = {
  units: [0, 1, 2, 5, 7, 8],
  threads: 2,
  folder: "/a/b",
  directory: "/",
  program: ["node", "main.js"],
  options: [],
};

test("an array has a task for each unit that is to be done", () => {
  const script = slurmScript({ ...options, options: ["--partition=long", "--exclusive"] });
  assert.match(script, /^#!\/bin\/sh\n#SBATCH /);
  assert.match(script, /\n#SBATCH --array=0-2,5,7-8\n/);
  assert.match(script, /\n#SBATCH --cpus-per-task=2\n/);
  assert.match(script, /\n#SBATCH --partition=long\n#SBATCH --exclusive\n/);
  assert.match(script, /\nexec 'node' 'main\.js' compare work '\/a\/b' --unit "\$SLURM_ARRAY_TASK_ID"\n$/);
});

test("paths are words, whatever is in them", () => {
  const folder = `/tmp/it's "a" $HOME \`id\` folder`;
  const script = slurmScript({ ...options, folder, directory: "/tmp", program: ["printf", "%s|"] });
  const { stdout } = spawnSync("sh", ["-c", script], {
    env: { ...process.env, SLURM_ARRAY_TASK_ID: "3" },
    encoding: "utf8",
  });
  assert.equal(stdout, `compare|work|${folder}|--unit|3|`);
  assert.throws(() => slurmScript({ ...options, folder: "/a\nrm -r x" }), /must be one line/);
});

test("options that would be other lines are refused", () => {
  for (const bad of ["--x=1\nrm -r .", "partition=long", "-p long", "--a b"])
    assert.throws(() => slurmScript({ ...options, options: [bad] }), /a SLURM option must look like --partition=long/);
});
