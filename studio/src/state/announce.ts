import { signal } from "@preact/signals";

/** What was done last, for everyone: shown for a moment, and read aloud. */
export const announcement = signal<{ readonly text: string; readonly at: number } | null>(null);

export function announce(text: string): void {
  announcement.value = { text, at: Date.now() };
}
