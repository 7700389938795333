import { FormatError } from "../core/errors.js";
import { mapSchema, type StoredMap } from "../core/findings.js";
import { check, fieldsOf, finite, list, oneOf, orNull, parseJson, type Schema, text } from "../core/schema.js";
import type { RgbImage } from "../data/index.js";
import { crossedTInterval, type Interval, mean } from "./statistics/index.js";
import { fewestSeeds } from "./units.js";

/** How well Grad-CAM finds the objects: one value per image whose object is known. */
export interface FoundObjects {
  /** Share of the positive values in the object, divided by the object's share of the image; chance is 1. 0 without positive values. */
  readonly energyOverShare: readonly number[];
  /** 1 where the largest value lies in the object, 0 elsewhere. */
  readonly pointing: readonly number[];
}

/** `looks.json` of a unit: where its network looks after the last epoch, by Grad-CAM for the class of each image. */
export interface UnitLooks {
  readonly format: "fovea.looks.1";
  /** A hash of everything they depend on: the unit, the images, the masks and the program. */
  readonly key: string;
  readonly layer: string;
  /** Of the images that are shown. */
  readonly maps: readonly StoredMap[];
  /** Null without masks. */
  readonly found: FoundObjects | null;
}

const looksSchema: Schema<UnitLooks> = fieldsOf<UnitLooks>({
  format: oneOf("fovea.looks.1"),
  key: text,
  layer: text,
  maps: list(mapSchema, "a list of maps"),
  found: orNull(
    fieldsOf<FoundObjects>({
      energyOverShare: list(finite, "a list of numbers", 1),
      pointing: list(finite, "a list of numbers", 1),
    }),
  ),
});

/** Reads a `looks.json`. @throws FormatError that names the field, what it must be and what it is. */
export function parseLooks(json: string, file: string): UnitLooks {
  const value = parseJson(json, file);
  check(file, "", looksSchema, value, FormatError);
  return value as UnitLooks;
}

/** The test images on which all units are measured. */
export interface LookImages {
  /** Images that are shown, with their classes. */
  readonly shown: readonly { readonly index: number; readonly label: string; readonly image: RgbImage }[];
  /** Of those whose object is known; null where none is. */
  readonly objects: {
    readonly images: number;
    /** How often a random position lies in the object. */
    readonly chance: number;
    /** The scores of a control: a blob at the center of every image. */
    readonly center: { readonly energyOverShare: number; readonly pointing: number };
  } | null;
}

/** A mean over seeds × images with its 95 % interval, which needs three seeds. */
export interface LookMean {
  readonly mean: number;
  readonly interval: Interval | null;
}

/** Where an entrant looks. */
export interface Look {
  /** Seeds that were measured; units that diverged have nothing to measure. */
  readonly seeds: number;
  readonly energyOverShare: LookMean;
  readonly pointing: LookMean;
  /** Minus the baseline's, paired by seed; null for the baseline. */
  readonly difference: { readonly energyOverShare: LookMean; readonly pointing: LookMean } | null;
}

/** Where an entrant looks, of what was found for its seeds and for those of the first entrant. */
export function lookOf(
  own: ReadonlyMap<number, FoundObjects>,
  base: ReadonlyMap<number, FoundObjects> | null,
): Look | null {
  if (own.size === 0) return null;
  const over = (rows: readonly (readonly number[])[]): LookMean => ({
    mean: mean(rows.map(mean)),
    interval: rows.length >= fewestSeeds && rows[0]!.length > 1 ? crossedTInterval(rows) : null,
  });
  const all = [...own.values()];
  const pairs = [...own].flatMap(([seed, one]) => {
    const other = base?.get(seed);
    return other ? [[one, other] as const] : [];
  });
  const less = (of: (found: FoundObjects) => readonly number[]) =>
    over(pairs.map(([one, other]) => of(one).map((value, i) => value - of(other)[i]!)));
  const [energy, pointing] = [
    (found: FoundObjects) => found.energyOverShare,
    (found: FoundObjects) => found.pointing,
  ] as const;
  return {
    seeds: own.size,
    energyOverShare: over(all.map(energy)),
    pointing: over(all.map(pointing)),
    difference: pairs.length > 0 ? { energyOverShare: less(energy), pointing: less(pointing) } : null,
  };
}
