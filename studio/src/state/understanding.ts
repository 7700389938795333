import { batch, computed, signal } from "@preact/signals";
import { transfer } from "comlink";
import { listener, looker } from "../workers/index.js";
import type { Judged, MethodItem, Opinion, Sight, Source } from "../workers/look.js";
import { computing, version } from "./training.js";

/** Names of the network's classes; null while none is open. */
export const classes = signal<readonly string[] | null>(null);
export const methods = signal<readonly MethodItem[]>([]);
export const judged = signal<readonly Judged[]>([]);
export const judging = signal(false);
export const trouble = signal<string | null>(null);

/** A cell of the confusion matrix; null: all mistakes. */
export const cell = signal<{ readonly label: number; readonly predicted: number } | null>(null);

/** What is looked at. */
export const subject = signal<{ readonly source: Source; readonly name: string; readonly label: number | null } | null>(
  null,
);
export const sight = signal<Sight | null>(null);
export const looking = signal(false);
/** The opinion with a part covered; null: nothing is covered. */
export const covered = signal<Opinion | null>(null);
export const method = signal("gradcam");
/** The class that is explained; null: the predicted one. */
export const explained = signal<number | null>(null);

/** The training whose weights are open, and what computes. */
let opened = "";

/** Opens the best weights, if they are not, and asks about every held-out image. */
export async function openNetwork(): Promise<void> {
  const how = computing();
  const wanted = `${version.value} ${how.device}`;
  if (opened === wanted || judging.value) return;
  opened = wanted;
  batch(() => {
    trouble.value = null;
    classes.value = null;
    judging.value = true;
    judged.value = [];
    sight.value = null;
    subject.value = null;
    cell.value = null;
  });
  try {
    const network = await looker().openNetwork(how);
    batch(() => {
      classes.value = network.classes;
      methods.value = network.methods;
    });
    await looker().judge(
      listener((some: readonly Judged[]) => {
        judged.value = [...judged.value, ...some];
      }) as never,
    );
  } catch (error) {
    trouble.value = (error as Error).message;
    opened = "";
  } finally {
    judging.value = false;
  }
  // Something else may have been chosen meanwhile.
  if (computing().device !== how.device) await openNetwork();
}

/** `confusion[label][predicted]` */
export const confusion = computed(() => {
  const n = classes.value?.length ?? 0;
  const counts = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (const { label, predicted } of judged.value) counts[label]![predicted]!++;
  return counts;
});

/** The images of the cell, or all mistakes; the surest first. */
export const listed = computed(() => {
  const wanted = cell.value;
  return judged.value
    .filter(({ label, predicted }) =>
      wanted ? label === wanted.label && predicted === wanted.predicted : label !== predicted,
    )
    .sort((a, b) => b.probability - a.probability);
});

/** Looks at an image: one after another, the last that was asked for wins. */
export function lookAt(source: Source, name: string, label: number | null): Promise<void> {
  subject.value = { source, name, label };
  explained.value = null;
  return lookAgain();
}

let waiting = false;

/** Looks at the same image with the method and class that are chosen now. */
export async function lookAgain(): Promise<void> {
  if (looking.value) {
    waiting = true;
    return;
  }
  const now = subject.value;
  if (!now || "frame" in now.source) return;
  looking.value = true;
  try {
    const found = await looker().see(now.source, { method: method.value, class: explained.value });
    if (subject.value === now)
      batch(() => {
        sight.value = found as Sight;
        covered.value = null;
        trouble.value = null;
      });
  } catch (error) {
    trouble.value = (error as Error).message;
  } finally {
    looking.value = false;
  }
  if (waiting) {
    waiting = false;
    await lookAgain();
  }
}

/** Looks at a frame of the camera. */
export async function lookAtFrame(frame: ImageBitmap): Promise<void> {
  const question = { method: method.value, class: explained.value };
  const found = await looker().see(transfer({ frame }, [frame]), question);
  batch(() => {
    sight.value = found as Sight;
    covered.value = null;
  });
}

let covering = false;
let nextCover: readonly [number, number] | null = null;
/** Side of the square that covers, as a share of the image's. */
export const coverSize = 0.25;

/** Covers a part of the image; while one answer is awaited, only the last place counts. */
export async function cover(x: number, y: number): Promise<void> {
  nextCover = [x, y];
  if (covering) return;
  covering = true;
  try {
    while (nextCover) {
      const [at, down]: readonly [number, number] = nextCover;
      nextCover = null;
      covered.value = (await looker().cover(at, down, coverSize)) as Opinion;
    }
  } finally {
    covering = false;
  }
}

export const uncover = () => {
  nextCover = null;
  covered.value = null;
};
