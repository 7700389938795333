import { stat } from "node:fs/promises";
import { OptionError, type PretrainedWeights, pretrainedWeights } from "../index.js";
import { pretrainedFor, pretrainedOf } from "../internal.js";
import { say } from "./terminal.js";

interface Asked {
  readonly pretrained?: boolean | undefined;
  readonly weights?: string | undefined;
}

/** The published weights that flags ask for: the network's usual ones, or those of a name. Says whose they are. */
export async function pretrainedBy(model: string, flags: Asked): Promise<PretrainedWeights | undefined> {
  const weights = await chosenBy(model, flags);
  if (weights) say(`${weights.name}: weights by ${weights.authors}, ${weights.license ?? "license not stated"}`);
  return weights;
}

async function chosenBy(model: string, { pretrained, weights }: Asked): Promise<PretrainedWeights | undefined> {
  if (pretrained && weights !== undefined)
    throw new OptionError(`--pretrained takes the usual weights of ${model}; leave out --pretrained or --weights`);
  if (pretrained) return pretrainedFor(model);
  if (weights === undefined || !pretrainedWeights.has(weights) || (await exists(weights))) return undefined;
  return pretrainedFor(model, weights);
}

/** Lines on the published weights of a network. */
export const pretrainedLines = (model: string): readonly string[] =>
  pretrainedOf(model).map(
    ({ name, authors, license, classes, top1 }) =>
      `${name}: ${top1} % of ${classes.length} classes, by ${authors}, ${license ?? "no license stated"}`,
  );

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
