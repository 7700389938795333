import { batch, signal } from "@preact/signals";
import type { Row } from "../../logic/comparison.js";
import type { Comparison } from "../workers/comparing.js";
import { listener, trainer } from "../workers/index.js";
import { announce, sayProgress } from "./announce.js";
import { computing, planNow, settings } from "./training.js";

export const chosenModules = signal<readonly (string | null)[]>([null, "se", "cbam"]);
export const seeds = signal(3);
export const epochs = signal(6);
export const comparison = signal<Comparison | null>(null);
export const rows = signal<readonly Row[]>([]);
export const unitsDone = signal(0);
export const unit = signal<{ readonly unit: string; readonly share: number } | null>(null);
export const comparing = signal(false);
export const trouble = signal<string | null>(null);

/** What was compared before this page was opened. */
export async function openComparison(): Promise<void> {
  if (comparison.value || comparing.value) return;
  const stored = (await trainer().storedComparison()) as
    | { readonly comparison: Comparison; readonly rows: readonly Row[]; readonly units: number }
    | undefined;
  if (!stored) return;
  batch(() => {
    const { plan } = stored.comparison;
    comparison.value = stored.comparison;
    rows.value = stored.rows;
    unitsDone.value = stored.units;
    chosenModules.value = plan.modules;
    seeds.value = plan.seeds;
    epochs.value = plan.settings.epochs;
  });
}

export function startComparing(): Promise<void> {
  const plan = {
    ...planNow(),
    settings: { ...settings.value, epochs: epochs.value, pretrained: null },
    modules: chosenModules.value,
    seeds: seeds.value,
  };
  comparison.value = { plan, units: [], misfits: {} };
  rows.value = [];
  return work();
}

export const goOnComparing = () => work();

export const stopComparing = () => trainer().stop();

async function work(): Promise<void> {
  batch(() => {
    comparing.value = true;
    trouble.value = null;
    unit.value = null;
  });
  type Told =
    | { readonly rows: readonly Row[]; readonly units: number }
    | { readonly unit: string; readonly share: number };
  try {
    const stopped = await trainer().compare(
      comparison.value as never,
      computing(),
      listener((now: Told) => {
        if ("rows" in now)
          batch(() => {
            rows.value = now.rows;
            unitsDone.value = now.units;
            const { modules, seeds } = comparison.value!.plan;
            sayProgress(`${now.units} of ${modules.length * seeds} trainings done`);
          });
        else unit.value = now;
      }) as never,
    );
    announce(stopped ? "The comparison was stopped; what is done is stored." : "The comparison is done.");
    const stored = (await trainer().storedComparison()) as { comparison: Comparison } | undefined;
    if (stored) comparison.value = stored.comparison;
  } catch (error) {
    trouble.value = (error as Error).message;
  } finally {
    batch(() => {
      comparing.value = false;
      unit.value = null;
    });
  }
}
