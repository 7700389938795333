import { FoveaError, messageOf } from "../core/errors.js";
import type { ConfusedImages, Finding, Findings, FoundObjects, GateFigures, StoredMean } from "../core/findings.js";
import {
  type Explainer,
  gateStatistics,
  gates,
  type Interval,
  localization,
  openExplainer,
  seenImage,
} from "../explain.js";
import { alignClasses, type Dataset, type Engine, type Heatmap, loadState, type Module } from "../index.js";
import {
  datasetMask,
  fiveDigits,
  forEachLogits,
  isSpatial,
  ofSeen,
  planeOf,
  probabilities,
  type RunFolder,
  seenMask,
  storedMap,
  topIndices,
} from "../internal.js";
import { say } from "./terminal.js";
import { isGated, keptImage, type RgbImage, readable } from "./train-maps.js";

/** Images of each list, of each confused pair, and how many pairs. */
const [listed, perPair, pairs] = [6, 6, 20];
/** Images that gates and objects are measured on, evenly spaced. */
const measured = 200;

/** The network's prediction for an image. */
interface Answer {
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  readonly probability: number;
  readonly truth: number;
  /** The lead of the prediction over the next class. */
  readonly margin: number;
}

/** Findings about the best weights on the validation images; null without images. The network keeps the weights. */
export async function findingsOf(
  run: RunFolder,
  model: Module,
  validation: Dataset,
  epoch: number,
  engine: Engine,
): Promise<Findings | null> {
  const { data: about, preprocessing } = run.config;
  const data = alignClasses(validation, about.classes).dataset;
  if (data.length === 0) return null;
  loadState(model, await run.weights("best"));
  const network = { model, preprocessing };
  const small = { model, preprocessing: ofSeen(preprocessing) };
  const answers: Answer[] = [];
  await forEachLogits(model, data, { engine, preprocessing }, (logits, label, index) =>
    answers.push(answerOf(logits, label, index)),
  );
  const explainer = await openExplainer(small, { engine, method: "gradcam" }).catch(unlessUnable("maps of images"));
  try {
    const wrong = answers.filter(({ label, predicted }) => label !== predicted);
    const pictured = (some: readonly Answer[]) => findingsFor(some, data, run, explainer);
    return {
      epoch,
      wrong: await pictured(first(wrong, (a, b) => a.truth - b.truth)),
      unsure: await pictured(first(answers, (a, b) => a.margin - b.margin)),
      confused: await confusedImages(wrong, data, run),
      gates: isGated(model, preprocessing) ? await gateFigures(network, data, engine) : null,
      objects: explainer && data.mask && data.size ? await foundObjects(network, data, explainer, engine) : null,
    };
  } finally {
    await explainer?.release();
  }
}

/** Reports what cannot be done for this network; the other findings are made without it. */
const unlessUnable = (what: string) => (error: unknown) => {
  if (!(error instanceof FoveaError)) throw error;
  say(`no ${what} in the report: ${messageOf(error)}`);
  return undefined;
};

function answerOf(logits: Float64Array, label: number, index: number): Answer {
  const shares = probabilities(logits);
  const [predicted, next] = topIndices(logits, 2) as [number, number | undefined];
  const probability = shares[predicted]!;
  return {
    index,
    label,
    predicted,
    probability,
    truth: shares[label]!,
    margin: probability - (next === undefined ? 0 : shares[next]!),
  };
}

/** The first few in an order; among equals, those that come first in the data. */
const first = (answers: readonly Answer[], compare: (a: Answer, b: Answer) => number, most = listed) =>
  [...answers].sort((a, b) => compare(a, b) || a.index - b.index).slice(0, most);

async function findingsFor(
  answers: readonly Answer[],
  data: Dataset,
  run: RunFolder,
  explainer: Explainer | undefined,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { index, label, predicted, probability, truth } of answers) {
    const photo = await readable(data, index);
    if (!photo) continue;
    const image = seenImage(photo, run.config.preprocessing);
    const map = async (of: number) => storedMap((await explainer!.explain(image, { class: of }))[0]!.map);
    found.push({
      ...keptImage(data, index, image),
      predicted: data.classes[predicted]!,
      probability: fiveDigits(probability),
      truth: fiveDigits(truth),
      cam: explainer ? { predicted: await map(predicted), truth: await map(label) } : null,
    });
  }
  return found;
}

/** The most frequent confusions, with the images that were misclassified with the highest probability. */
async function confusedImages(wrong: readonly Answer[], data: Dataset, run: RunFolder): Promise<ConfusedImages[]> {
  const cells = new Map<string, Answer[]>();
  for (const answer of wrong) {
    const key = `${answer.label} ${answer.predicted}`;
    cells.set(key, [...(cells.get(key) ?? []), answer]);
  }
  const frequent = [...cells.values()].sort(
    (a, b) => b.length - a.length || a[0]!.label - b[0]!.label || a[0]!.predicted - b[0]!.predicted,
  );
  const all: ConfusedImages[] = [];
  for (const cell of frequent.slice(0, pairs)) {
    const images: ConfusedImages["images"][number][] = [];
    for (const { index, probability } of first(cell, (a, b) => b.probability - a.probability, perPair)) {
      const image = await readable(data, index);
      if (image)
        images.push({
          ...keptImage(data, index, seenImage(image, run.config.preprocessing)),
          probability: fiveDigits(probability),
        });
    }
    const { label, predicted } = cell[0]!;
    all.push({ label: data.classes[label]!, prediction: data.classes[predicted]!, count: cell.length, images });
  }
  return all;
}

type Network = Parameters<typeof gateStatistics>[0];

async function gateFigures(network: Network, data: Dataset, engine: Engine): Promise<Findings["gates"]> {
  const found = await gateStatistics(network, data, { engine, images: Math.min(measured, data.length) }).catch(
    unlessUnable("gates"),
  );
  if (!found) return null;
  return {
    images: found.images,
    chance: fiveDigits(found.chance),
    gates: found.gates.map(
      ({ name, kind, mean, deviation, dead, saturated, byClass }): GateFigures => ({
        name,
        kind,
        mean: fiveDigits(mean),
        deviation: fiveDigits(deviation),
        dead: fiveDigits(dead),
        saturated: fiveDigits(saturated),
        byClass: byClass === null ? null : fiveDigits(byClass),
      }),
    ),
  };
}

/** How well Grad-CAM and the last spatial gate find the objects, next to controls. */
async function foundObjects(
  { model, preprocessing }: Network,
  data: Dataset,
  explainer: Explainer,
  engine: Engine,
): Promise<FoundObjects | null> {
  const count = Math.min(measured, data.length);
  const maps = new Map<string, Heatmap[]>([["Grad-CAM", []]]);
  const images: RgbImage[] = [];
  const masks: ReturnType<typeof seenMask>[] = [];
  for (let i = 0; i < count; i++) {
    const index = Math.floor((i * data.length) / count);
    const photo = await readable(data, index);
    if (!photo) continue;
    const image = seenImage(photo, preprocessing);
    images.push(image);
    masks.push(seenMask(datasetMask(data, index), preprocessing));
    const [found] = await explainer.explain(image, { class: data.labels[index]! });
    maps.get("Grad-CAM")!.push(found!.map);
  }
  const small = { model, preprocessing: ofSeen(preprocessing) };
  const spatial = isGated(model, preprocessing) ? (await gates(small, images, { engine })).filter(isSpatial) : [];
  const last = spatial.at(-1)?.name;
  if (last !== undefined)
    maps.set(
      last,
      spatial.filter(({ name }) => name === last).map((gate) => planeOf(gate)),
    );
  const table = await Promise.resolve()
    .then(() => localization(maps, masks))
    .catch(unlessUnable("scores of maps"));
  if (!table) return null;
  const { chance, rows } = table;
  return {
    images: table.images,
    chance: fiveDigits(chance),
    rows: rows.map(({ name, control, means: { pointing, energyOverShare } }) => ({
      name,
      control,
      pointing: storedMean(pointing),
      energyOverShare: storedMean(energyOverShare),
    })),
  };
}

function storedMean({ mean, low, high }: Interval): StoredMean {
  const known = (value: number) => (Number.isFinite(value) ? fiveDigits(value) : null);
  return { mean: known(mean), low: known(low), high: known(high) };
}
