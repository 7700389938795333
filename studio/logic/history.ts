import { emptyProject, type Project } from "./project.js";

/** A state of the project, and what led to it, in words. */
export interface Moment {
  readonly what: string;
  readonly project: Project;
  /** What goes on adding to it, if something does. */
  readonly source?: object;
}

/** The states that undo and redo lead to, the oldest first, and which of them is the present. */
export interface History {
  readonly moments: readonly Moment[];
  readonly at: number;
  /** How many older ones were forgotten. */
  readonly forgotten: number;
}

/** Steps that can be undone. */
const most = 50;

export const historyOf = (project: Project): History => ({ moments: [{ what: "", project }], at: 0, forgotten: 0 });
export const emptyHistory = historyOf(emptyProject);

export const presentOf = ({ moments, at }: History): Project => moments[at]!.project;
/** What undoing would take back; null: nothing. */
export const undoableOf = ({ moments, at }: History): string | null => (at > 0 ? moments[at]!.what : null);
export const redoableOf = ({ moments, at }: History): string | null => moments[at + 1]?.what ?? null;

/** One step back or forth. */
export const moved = (history: History, by: -1 | 1): History => ({ ...history, at: history.at + by });

/** A new state follows the present; what was undone is gone. */
export function changed({ moments, at, forgotten }: History, next: Moment): History {
  const all = [...moments.slice(0, at + 1), next];
  const kept = all.slice(-most - 1);
  return { moments: kept, at: kept.length - 1, forgotten: forgotten + all.length - kept.length };
}
