import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { evaluate, generateShapes, sgd, train } from "../src/index.js";
import { resnet } from "../src/nn.js";
import { consoleLine, printed, withoutChromium } from "./support/chromium.js";
import { ort } from "./support/engines.js";

test("the page of examples/browser trains in Chromium as Node does", { skip: withoutChromium }, async () => {
  const server = spawn(process.execPath, [fileURLToPath(new URL("../examples/browser/serve.js", import.meta.url))]);
  after(() => server.kill());
  const [address] = await printed(server, /http:\S+/);
  const [line, loss] = await consoleLine(address, /trained: loss ([\d.]+)|Uncaught.*/);
  assert.ok(loss, line);

  const data = generateShapes({ count: 64, size: 16 });
  const model = resnet(20, { numClasses: data.classes.length, attention: "se" });
  await train(model, data, { engine: ort, epochs: 2, batch: 16, optimizer: sgd({ lr: 0.05 }) });
  const here = await evaluate(model, data, { engine: ort });
  assert.ok(Math.abs(Number(loss) - here.loss) <= 1e-3, `${loss} in the browser, ${here.loss} here`);
});
