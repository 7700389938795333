import { signal } from "@preact/signals";

interface Message {
  readonly text: string;
  readonly at: number;
}

/** What was done last, for everyone: shown for a moment, and read aloud. */
export const announcement = signal<Message | null>(null);

export function announce(text: string): void {
  announcement.value = { text, at: Date.now() };
}

/** How far something is, for those who do not see it: read aloud, not shown. */
export const progress = signal<Message | null>(null);

/** Milliseconds between two such messages: what is read aloud takes its time. */
const progressEvery = 10_000;

/** Reads aloud how far something is, unless that was said just now. */
export function sayProgress(text: string): void {
  const now = Date.now();
  if (now - (progress.peek()?.at ?? 0) >= progressEvery) progress.value = { text, at: now };
}
