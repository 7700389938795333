import { FormatError } from "./errors.js";
import { type ClassificationMetrics, evaluationSchema } from "./evaluation.js";
import {
  also,
  check,
  fieldsOf,
  finite,
  list,
  maybe,
  misfit,
  orNull,
  parseJson,
  type Schema,
  text,
  that,
  whole,
} from "./schema.js";

/**
 * What a run folder keeps for its report besides `config.json` and `metrics.jsonl`: `maps/epoch-N.json` and `report.json`.
 * Values of maps have five significant digits.
 */

/** A map over what the network saw. */
export interface StoredMap {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** `height * width` values, row by row. */
  readonly data: readonly number[];
}

/** What the network saw, made small: planar RGB bytes as base64. */
export interface Thumbnail {
  readonly height: number;
  readonly width: number;
  readonly rgb: string;
}

/** An image of the validation data. */
export interface SeenImage {
  /** Its position there. */
  readonly index: number;
  /** The name of its class. */
  readonly label: string;
  /** The image as the network saw it, downscaled. */
  readonly image: Thumbnail;
}

/** What a network predicts for one of the followed images, and where it looks. */
export interface Look {
  /** The predicted class. */
  readonly predicted: string;
  /** Probability of the image's own class. */
  readonly probability: number;
  /** Grad-CAM for the image's own class: raw and signed. */
  readonly cam: StoredMap;
  /** The last spatial gate. */
  readonly gate: StoredMap | null;
}

/** `maps/epoch-N.json`: the same few images after an epoch. */
export interface EpochMaps {
  /** Version of the format. */
  readonly format: "fovea.maps.1";
  /** Counted from 1. */
  readonly epoch: number;
  /** The layer of Grad-CAM. */
  readonly layer: string;
  /** The name of the gate; null if no module has a spatial one. */
  readonly gate: string | null;
  /** One per followed image, in order. */
  readonly looks: readonly Look[];
}

/** An image with its prediction. */
export interface Finding extends SeenImage {
  readonly predicted: string;
  /** Probability of the prediction. */
  readonly probability: number;
  /** Probability of the image's own class. */
  readonly truth: number;
  /** Grad-CAM for the predicted and for the true class; null if the network has no layer with positions. */
  readonly cam: { readonly predicted: StoredMap; readonly truth: StoredMap } | null;
}

/** Images of one class that were predicted as another; the most confident first. */
export interface ConfusedImages {
  readonly label: string;
  readonly prediction: string;
  readonly count: number;
  readonly images: readonly (SeenImage & { readonly probability: number })[];
}

/** A mean over images with its 95 % interval; null if undefined. */
export interface StoredMean {
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** How well maps find the objects, next to controls that ignore the network. */
export interface FoundObjects {
  readonly images: number;
  readonly chance: number;
  readonly rows: readonly {
    readonly name: string;
    readonly control: boolean;
    readonly pointing: StoredMean;
    readonly energyOverShare: StoredMean;
  }[];
}

/** A gate over the validation images. */
export interface GateFigures {
  readonly name: string;
  readonly kind: string | null;
  readonly mean: number;
  readonly deviation: number;
  readonly dead: number;
  readonly saturated: number;
  readonly byClass: number | null;
}

/** What the best weights make of the validation images. */
export interface Findings {
  readonly epoch: number;
  readonly wrong: readonly Finding[];
  readonly unsure: readonly Finding[];
  readonly confused: readonly ConfusedImages[];
  readonly gates: { readonly images: number; readonly chance: number; readonly gates: readonly GateFigures[] } | null;
  readonly objects: FoundObjects | null;
}

/** `report.json`. */
export interface ReportFacts {
  /** Version of the format. */
  readonly format: "fovea.report.1";
  /** Trainable numbers of the network. */
  readonly parameters: number;
  /** How many images there were; null in reports of runs that did not keep it. */
  readonly images: { readonly training: number; readonly validation: number } | null;
  /** Files that were not used, and why. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  /** The best weights on images that chose nothing. */
  readonly test: ClassificationMetrics | null;
  /** The images that are followed through the epochs. */
  readonly followed: readonly SeenImage[];
  /** What the best weights make of the validation images; null before they were looked at. */
  readonly findings: Findings | null;
}

/** Longest sides that are stored. */
export const [mapSide, thumbnailSide] = [64, 64];
/** Images that are followed, and bounds of other lists in these files. */
export const followedImages = 6;
const most = 100;

export const mapSchema = that<StoredMap>(
  `a map { height, width, data } of numbers, at most ${mapSide} a side`,
  (x) =>
    misfit(mapParts, x) === undefined &&
    (x as StoredMap).data.length === (x as StoredMap).height * (x as StoredMap).width &&
    (x as StoredMap).data.every(Number.isFinite),
);
const mapParts = fieldsOf<StoredMap>({
  height: whole(1, mapSide),
  width: whole(1, mapSide),
  data: that("a list", Array.isArray),
});
/** An image of at most `side` pixels a side. */
export const thumbnailOf = (side: number): Schema<Thumbnail> => {
  const parts = fieldsOf<Thumbnail>({ height: whole(1, side), width: whole(1, side), rgb: text });
  return that<Thumbnail>(
    `an image { height, width, rgb }, at most ${side} a side, with three bytes a pixel as base64`,
    (x) => misfit(parts, x) === undefined && holdsPixels(x as Thumbnail),
  );
};
const thumbnailSchema = thumbnailOf(thumbnailSide);
const few = <T>(item: Schema<T>, what: string) =>
  that<readonly T[]>(
    `${what}, at most ${most}`,
    (x) => Array.isArray(x) && x.length <= most && x.every((one) => misfit(item, one) === undefined),
  );
const epochSchema = whole(1);
const seen = { index: whole(0), label: text, image: thumbnailSchema };

const epochMapsParts = fieldsOf<EpochMaps>({
  format: that('"fovea.maps.1"', (x) => x === "fovea.maps.1"),
  epoch: epochSchema,
  layer: text,
  gate: orNull(text),
  looks: few(
    fieldsOf<Look>({ predicted: text, probability: finite, cam: mapSchema, gate: orNull(mapSchema) }),
    "a list of looks { predicted, probability, cam, gate }",
  ),
});
/** The parts of an epoch's maps, with a gate in every look where one is named, and in none where it is not. */
export const epochMapsSchema = also(
  epochMapsParts,
  "maps with a gate in every look where gate is a name, and in none where it is null",
  ({ gate, looks }) => looks.every((look) => (look.gate === null) === (gate === null)),
);

const findingSchema = fieldsOf<Finding>({
  ...seen,
  predicted: text,
  probability: finite,
  truth: finite,
  cam: orNull(fieldsOf<NonNullable<Finding["cam"]>>({ predicted: mapSchema, truth: mapSchema })),
});
const confusedSchema = fieldsOf<ConfusedImages>({
  label: text,
  prediction: text,
  count: whole(1),
  images: few(fieldsOf<ConfusedImages["images"][number]>({ ...seen, probability: finite }), "a list of images"),
});
const meanSchema = fieldsOf<StoredMean>({ mean: orNull(finite), low: orNull(finite), high: orNull(finite) });
const gatesSchema = fieldsOf<NonNullable<Findings["gates"]>>({
  images: whole(1),
  chance: finite,
  gates: list(
    fieldsOf<GateFigures>({
      name: text,
      kind: orNull(text),
      mean: finite,
      deviation: finite,
      dead: finite,
      saturated: finite,
      byClass: orNull(finite),
    }),
    "a list of gates",
  ),
});
const objectsSchema = fieldsOf<FoundObjects>({
  images: whole(1),
  chance: finite,
  rows: few(
    fieldsOf<FoundObjects["rows"][number]>({
      name: text,
      control: that("true or false", (x) => typeof x === "boolean"),
      pointing: meanSchema,
      energyOverShare: meanSchema,
    }),
    "a list of rows",
  ),
});
export const findingsSchema = fieldsOf<Findings>({
  epoch: epochSchema,
  wrong: few(findingSchema, "a list of images"),
  unsure: few(findingSchema, "a list of images"),
  confused: few(confusedSchema, "a list of confused pairs"),
  gates: orNull(gatesSchema),
  objects: orNull(objectsSchema),
});

export const reportFactsSchema = fieldsOf<ReportFacts>({
  format: that('"fovea.report.1"', (x) => x === "fovea.report.1"),
  parameters: whole(0),
  images: orNull(fieldsOf({ training: whole(0), validation: whole(0) })),
  skipped: list(fieldsOf({ file: text, reason: text }), "a list of { file, reason }"),
  test: orNull(evaluationSchema),
  followed: few(fieldsOf<SeenImage>(seen), "a list of images"),
  findings: orNull(findingsSchema),
});

/**
 * Reads `maps/epoch-N.json` of a run folder.
 *
 * @param file its path, for messages
 * @throws FormatError that names the field, what it must be and what it is.
 *
 * @example
 * parseEpochMaps(await file.text(), "maps/epoch-1.json").looks[0]!.cam;
 */
export function parseEpochMaps(json: string, file: string): EpochMaps {
  check("parseEpochMaps", "json", text, json);
  check("parseEpochMaps", "file", text, file);
  const maps = parseJson(json, file);
  check(file, "", epochMapsSchema, maps, FormatError);
  return maps as EpochMaps;
}

/**
 * Reads `report.json` of a classifier's run folder.
 *
 * @param file its path, for messages
 * @throws FormatError that names the field, what it must be and what it is.
 *
 * @example
 * parseReportFacts(await file.text(), "report.json").followed;
 */
export function parseReportFacts(json: string, file: string): ReportFacts {
  check("parseReportFacts", "json", text, json);
  check("parseReportFacts", "file", text, file);
  const facts = parseJson(json, file);
  check(file, "", reportFactsSchema, facts, FormatError);
  return facts as ReportFacts;
}

/** What a report may be given of them. */
export const reportParts = {
  followed: maybe(few(fieldsOf<SeenImage>(seen), "a list of images")),
  maps: maybe(list(epochMapsSchema, "a list of epochs' maps")),
  findings: maybe(orNull(findingsSchema)),
};

function holdsPixels({ height, width, rgb }: Thumbnail): boolean {
  return /^[A-Za-z0-9+/]*$/.test(rgb) && rgb.length === 4 * height * width;
}
