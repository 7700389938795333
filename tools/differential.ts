/**
 * Random networks, their gradients and their updates: every lowering against the reference engine (test/differential/).
 *
 *     node dist/tools/differential.js [--count 2000] [--seed 1] [--time-limit SECONDS] [--lowerings native,gpu] [--threads 1]
 *     node dist/tools/differential.js --plan '{"seed":…}'
 */
import { exit, stderr } from "node:process";
import { parseArgs } from "node:util";
import { Differential, describe, type Finding, searchSeeds } from "../test/differential/differential.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    "time-limit": { type: "string", default: "Infinity" },
    lowerings: { type: "string" },
    threads: { type: "string", default: "1" },
    plan: { type: "string" },
  },
});
const differential = new Differential({
  threads: Number(values.threads),
  ...(values.lowerings ? { lowerings: values.lowerings.split(",") } : {}),
});

if (values.plan) {
  const finding = await differential.examine(JSON.parse(values.plan));
  console.log(finding.verdict === "equal" ? "equal" : describe(finding));
  await differential.release();
  exit(finding.verdict === "different" ? 1 : 0);
}

const end = Date.now() + Number(values["time-limit"]) * 1000;
function* seeds(): Generator<number> {
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.count) && Date.now() < end; seed++) yield seed;
}

const counts = { networks: 0, arrays: 0, blind: 0, once: 0, different: 0 };
let worst = 0;
const report = (finding: Finding) => {
  counts.networks++;
  counts.arrays += finding.arrays;
  counts.blind += finding.blind;
  if (finding.verdict !== "equal") {
    counts[finding.verdict]++;
    console.log(`${finding.verdict === "once" ? "ONCE, WITH THESE NUMBERS ONLY" : "DIFFERENT"}\n${describe(finding)}`);
  } else worst = Math.max(worst, finding.worst);
  if (stderr.isTTY || counts.networks % 100 === 0)
    stderr.write(`${stderr.isTTY ? "\r" : ""}${counts.networks} networks${stderr.isTTY ? "" : "\n"}`);
};
await searchSeeds(seeds(), differential, report);
await differential.release();
console.log(
  `${counts.networks} networks, ${counts.arrays} arrays (${counts.blind} that rounding moves by more than 1 %): ` +
    `${counts.different} networks differ, ${counts.once} with one draw of numbers only. ` +
    `Largest error: ${worst.toFixed(1)} times the response to noise.`,
);
if (counts.different) exit(1);
