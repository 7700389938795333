import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { weightsOf, writeSafetensors } from "../../src/index.js";
import { resnet } from "../../src/models/index.js";
import { initialize } from "../../src/nn.js";
import { serve as serveFiles } from "../hub/server.js";
import { setEnv } from "../support/env.js";
import { temporaryFolder } from "../support/fovea.js";
import { ifLong } from "../support/long.js";
import { goTo, openBrowser, serve, skip, visit } from "./support.js";

test("weights of the hub start a training; the page itself asks nobody, and the machine only when told to", {
  skip: skip || ifLong,
}, async () => {
  const weights = Buffer.from(writeSafetensors([...weightsOf(initialize(resnet(20, { numClasses: 10 })))]));
  const hub = await serveFiles((_, response) => void response.end(weights));
  after(setEnv({ HF_ENDPOINT: hub.origin, FOVEA_CACHE: join(temporaryFolder(), "cache") }));
  const served = await serve();
  const browser = await openBrowser();
  after(async () => {
    await browser.close();
    served.close();
  });
  const { page, faults } = await visit(browser, served.url);
  await goTo(page, "Train");
  await page.getByText("Weights from the hub").click();
  await page.getByLabel("Repository on Hugging Face").fill("someone/resnet20");
  assert.deepEqual(hub.seen, []);
  await page.getByRole("button", { name: "Fetch" }).click();
  await page.getByText("resnet20, from hf:someone/resnet20").waitFor({ timeout: 120_000 });
  assert.equal(hub.seen.length, 1);
  assert.deepEqual(faults, []);

  // What is refused, or not answered at all, is said.
  const wrong = async (repository: string, message: RegExp) => {
    await page.getByLabel("Repository on Hugging Face").fill(repository);
    await page.getByRole("button", { name: "Fetch" }).click();
    await page.getByRole("alert").filter({ hasText: message }).waitFor();
  };
  for (const name of ["resnet20", "a/b/c", "https://huggingface.co/someone/resnet20"])
    await wrong(name, /^a repository on the hub is OWNER\/NAME/);
  assert.equal(hub.seen.length, 1);
  await served.close();
  await wrong("someone/resnet20", /^“fovea studio” does not answer/);
});
