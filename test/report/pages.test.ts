import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { renderComparison } from "../../src/report/comparison.js";
import { renderReport } from "../../src/report/index.js";
import { withoutChromium } from "../support/chromium.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { lookAt, openBrowser, printed } from "../support/pages.js";
import { sampleFindings, sampleFollowed, sampleHistory, sampleRun } from "./support.js";

const names = ["circle", "a class of a rather long name", "ring"];
const run = {
  ...sampleRun(),
  history: sampleHistory(30).map((record) => (record.epoch === 4 ? { ...record, loss: 1e5 } : record)),
  ...sampleFollowed(names, 30),
  findings: sampleFindings(names),
};
const compared = ["se", "cbam"].map((name) => ({
  name,
  title: `resnet20 + ${name} on shapes`,
  history: run.history,
  parameters: 1e5,
  test: 0.9,
  speed: 500,
  seconds: 100,
  followed: run.followed,
  maps: run.maps.at(-1)!,
}));
const folder = temporaryFolder();
const pages = { report: renderReport(run), comparison: renderComparison(compared) };
const skip = withoutChromium;
const browser = skip ? undefined : openBrowser();
after(async () => (await browser)?.close());

for (const [name, html] of Object.entries(pages)) {
  const file = join(folder, `${name}.html`);
  writeFileSync(file, html);
  for (const width of [1280, 390])
    for (const dark of [false, true])
      test(`the ${name} at ${width} px, ${dark ? "dark" : "light"}, offline: no serious finding of axe-core, no error, nothing beyond the edge`, {
        skip: skip || (!(width < 1000 ? dark && name === "report" : !dark && name === "comparison") && ifLong),
      }, async () => {
        assert.deepEqual(await lookAt((await browser)!, file, { width, dark }), {
          serious: [],
          errors: [],
          overflow: 0,
        });
      });
  test(`the ${name} prints on A4`, { skip: skip || (name !== "report" && ifLong) }, async () => {
    const pdf = (await printed((await browser)!, file)).toString("latin1");
    const boxes = [...pdf.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)].map(([, w, h]) => [Number(w), Number(h)]);
    assert.ok(boxes.length >= 1 && boxes.length < 30, `${boxes.length} pages`);
    for (const [w, h] of boxes) assert.ok(Math.abs(w! - 595.3) < 1 && Math.abs(h! - 841.9) < 1, `${w} × ${h}`);
  });
}

test("what is looked for is found", { skip }, async () => {
  const file = join(folder, "bad.html");
  writeFileSync(
    file,
    `<html><body><img src="https://example.org/a.png"><p style="color:#ddd;width:2000px">pale</p><script>console.error("oh")</script></body></html>`,
  );
  const { serious, errors, overflow } = await lookAt((await browser)!, file, { width: 390 });
  assert.match(serious.join(" "), /image-alt.*|color-contrast/);
  assert.match(errors.join(" "), /example\.org.*oh|oh.*example\.org/s);
  assert.ok(overflow > 1000);
});
