import process from "node:process";
import { messageOf } from "../../core/errors.js";
import { zeros } from "../../core/tensor.js";
import { ortEngine } from "../../engines/ort/node.js";
import { buildNetwork } from "../../inference/load-run.js";
import { trace } from "../../nn/index.js";
import type { ResolvedUnit } from "../resolve.js";
import { Journal, planIn } from "./journal.js";
import { trial } from "./trial.js";

/** What this process is asked: a trial of a unit, or how much memory a network takes that classifies single images. */
export type TrialRequest =
  | { readonly kind: "trial"; readonly path: string; readonly unit: number }
  | ({ readonly kind: "inference"; readonly threads: number } & Pick<ResolvedUnit, "model" | "preprocessing">);

async function answer(request: TrialRequest): Promise<unknown> {
  if (request.kind === "trial") {
    // Speeds do not depend on the budget, and one of seconds depends on them.
    const journal = await Journal.open(request.path, { ...(await planIn(request.path)), budget: "epochs" });
    const engine = ortEngine({ threads: journal.plan.threads });
    return trial(journal, journal.unit(request.unit), engine);
  }
  const { model, preprocessing, threads } = request;
  const { imageSize } = preprocessing;
  const input = zeros("float32", [1, 3, imageSize, imageSize]);
  const forward = await ortEngine({ threads }).compile(
    trace(buildNetwork(model, preprocessing), [1, 3, imageSize, imageSize]),
  );
  for (let i = 0; i < 10; i++) await forward.run({ input });
  return 1024 * process.resourceUsage().maxRSS;
}

process.once("message", (request: TrialRequest) => {
  answer(request).then(
    (value) => process.send!({ value }, () => process.exit()),
    (error) => process.send!({ error: messageOf(error) }, () => process.exit(1)),
  );
});
process.once("disconnect", () => process.exit(1));
