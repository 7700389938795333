import type { Named, Plan, Setting } from "./plan.js";

/** One training of a comparison. */
export interface Unit {
  /** Counted from 0; it depends only on the plan. */
  readonly index: number;
  readonly backbone: Named;
  readonly entrant: Named;
  readonly seed: number;
  /** Position in the plan's settings. */
  readonly setting: number;
}

/** The fewest seeds that give an interval. */
export const fewestSeeds = 3;

/** All units of a plan: backbone by backbone, seed by seed, so that all entrants have run once before a second seed starts. */
export function unitsOf(plan: Plan): Unit[] {
  const units: Unit[] = [];
  for (const backbone of plan.backbones)
    for (const seed of plan.seeds)
      for (const setting of plan.settings.keys())
        for (const entrant of plan.entrants) units.push({ index: units.length, backbone, entrant, seed, setting });
  return units;
}

/** `resnet20 cbam seed 1`, with the setting where there are several. */
export function unitTitle(plan: Plan, { backbone, entrant, seed, setting }: Unit): string {
  const which = plan.settings.length > 1 ? ` ${settingTitle(plan.settings[setting]!)}` : "";
  return `${backbone.label} ${entrant.label} seed ${seed}${which}`;
}

/** `lr=0.1 batch=64` */
export const settingTitle = (setting: Setting): string =>
  Object.entries(setting)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ") || "default";
