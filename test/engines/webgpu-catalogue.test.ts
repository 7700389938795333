import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { withoutChromium } from "../support/chromium.js";
import { ifLong } from "../support/long.js";
import { openGpuPage } from "../support/webgpu.js";
import { type Errors, modules, networks } from "./webgpu-catalogue.js";
import type * as jobs from "./webgpu-catalogue-page.js";

const skip = withoutChromium || ifLong;
const opened = skip ? undefined : openGpuPage();

/** Runs a job of webgpu-catalogue-page.ts in the page. */
const inPage = async <J extends keyof typeof jobs>(job: J, ...args: Parameters<(typeof jobs)[J]>) =>
  (await (
    await opened!
  ).page.evaluate(
    `import("/dist/test/engines/webgpu-catalogue-page.js").then((jobs) => jobs.${job}(...${JSON.stringify(args)}))`,
  )) as Awaited<ReturnType<(typeof jobs)[J]>>;

// First, in a fresh page: ONNX Runtime keeps buffers for later, and would take what other graphs have left.
test("in Chromium, a training of 500 steps leaves no buffers on the device", { skip }, async (t) => {
  const { training, released } = await inPage("memory");
  t.diagnostic(JSON.stringify({ training, released }));
  const [first] = training;
  assert.equal(training.length, 5);
  assert.ok(first!.bytes > 0);
  for (const now of training) assert.deepEqual(now, first);
  assert.ok(released.bytes <= first!.bytes);
});

/** Where rounding alone turns gradients on, or off, at ReLU6: weights differ by percents between all engines, the CPU's included. */
const unsteady = new Set(["mobilenetv2_100"]);

const measured = new Map<string, Errors>();

for (const [job, names] of [
  ["moduleErrors", modules],
  ["networkErrors", networks],
] as const)
  for (const name of names)
    test(`in Chromium, WebGPU predicts and trains as float64 does: ${name}`, { skip }, async (t) => {
      const errors = await inPage(job, name);
      t.diagnostic(JSON.stringify(errors));
      measured.set(name, errors);
      for (const [what, error] of Object.entries(errors))
        if (what !== "change" || !unsteady.has(name)) assert.ok(error < 1e-4, `${what}: ${error}`);
    });

/** With FOVEA_GPU_TABLE, a page with the marks, the results replace what is between them. */
after(async () => {
  await (await opened)?.close();
  const page = process.env.FOVEA_GPU_TABLE;
  if (!page || measured.size < modules.length + networks.length) return;
  const [begin, end] = ["<!-- errors, written by webgpu-catalogue.test.ts -->", "<!-- end of errors -->"];
  const text = await readFile(page, "utf8");
  assert.ok(text.includes(begin) && text.includes(end), `${page} needs the marks ${begin} and ${end}`);
  const rows = [...measured].map(([name, { prediction, loss, change }]) => {
    const cells = [prediction, loss, change].map((error) => error.toExponential(1));
    if (unsteady.has(name)) cells[2] = "–";
    return `| ${[`\`${name}\``, ...cells].join(" | ")} |`;
  });
  const table = [
    "| network, or module in one | prediction | loss | weights and statistics |",
    "|---|---|---|---|",
    ...rows,
  ];
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  await writeFile(page, `${text.slice(0, from)}\n\n${table.join("\n")}\n\n${text.slice(to)}`);
});
