import { Loader } from "../../data/index.js";
import { buildNetwork } from "../../inference/load-run.js";
import { stateOf } from "../../nn/index.js";
import { plainNetwork } from "../entrants.js";
import { canonical } from "../plan.js";
import { sha256 } from "./hash.js";
import type { Journal, JournaledUnit } from "./journal.js";

/** What units of a seed must have in common for their differences to be the modules'. */
export interface Pairing {
  readonly unit: JournaledUnit;
  /** SHA-256 of the initial weights that the plain backbone has, too. */
  readonly weights: string;
  /** Weights of the backbone that have another shape here, as in a network that is widened. */
  readonly reshaped: number;
  /** SHA-256 of the first ten batches: images, labels, masks, what is mixed in, and which rows of the data they are, whose targets are the same. */
  readonly batches: string;
}

const checkedBatches = 10;

/** Hashes what the units of the first setting begin with. */
export async function pairings(journal: Journal, units: readonly JournaledUnit[]): Promise<Pairing[]> {
  const found: Pairing[] = [];
  const { frame } = journal.resolver;
  for (const unit of units) {
    const { resolved } = unit;
    if (!resolved || unit.unit.setting !== 0) continue;
    const { model, training, preprocessing } = resolved;
    const plain = buildNetwork(plainNetwork(unit.unit.backbone, frame), frame.preprocessing, training.seed);
    const own = stateOf(buildNetwork(model, preprocessing, training.seed));
    const parts: (string | Uint8Array)[] = [];
    let reshaped = 0;
    for (const [key, param] of stateOf(plain)) {
      const same = own.get(key);
      if (!same || String(same.shape) !== String(param.shape)) {
        reshaped++;
        continue;
      }
      const { data } = same.value;
      parts.push(key, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    const { batch, augment, seed, balancedSampling: balanced, augRepeats: repeats } = training;
    const loader = new Loader(journal.data.train, {
      batch,
      preprocessing,
      augment,
      shuffle: true,
      balanced,
      repeats,
      dropLast: true,
      seed,
      maps: journal.data.train.labelMap !== undefined,
    });
    const seen: string[] = [];
    for (let epoch = 0; seen.length < checkedBatches; epoch++)
      for await (const { images, labels, indices, maps, mixed } of loader.epoch(epoch)) {
        const arrays = [images, labels, indices, ...(maps ? [maps] : [])];
        const mixedIn = mixed ? [mixed.share, ...mixed.labels] : [];
        seen.push(sha256(...arrays.map(({ buffer }) => new Uint8Array(buffer)), String(mixedIn)));
        if (seen.length === checkedBatches) break;
      }
    found.push({ unit, weights: sha256(...parts), reshaped, batches: sha256(...seen) });
  }
  return found;
}

/** Whether units of the same backbone and seed begin alike, what differs by design apart: shapes, and batches of trainings of an entrant's own. */
export function arePaired(found: readonly Pairing[]): boolean {
  const firsts = new Map<string, Pairing>();
  return found.every((pairing) => {
    const { backbone, entrant, seed } = pairing.unit.unit;
    const firstOf = (key: string) => {
      const first = firsts.get(key) ?? pairing;
      firsts.set(key, first);
      return first;
    };
    const first = firstOf(`${backbone.label}/${seed}`);
    const trainedAlike = firstOf(`${backbone.label}/${seed}/${canonical(entrant.training ?? {})}`);
    const alike = pairing.reshaped > 0 || first.reshaped > 0 || pairing.weights === first.weights;
    return alike && pairing.batches === trainedAlike.batches;
  });
}
