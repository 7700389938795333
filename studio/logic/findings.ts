/** Whether what a run folder keeps of its maps is as it must be: a run may come from anywhere. */

/** Longest side of maps and images that a run folder keeps, and how many of each there may be. */
const [longestSide, most] = [64, 100];

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);
const isSide = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 1 && (x as number) <= longestSide;
const isText = (x: unknown): x is string => typeof x === "string";

function isMap(x: unknown): boolean {
  if (!isObject(x) || !isSide(x.height) || !isSide(x.width) || !Array.isArray(x.data)) return false;
  return x.data.length === x.height * x.width && x.data.every(Number.isFinite);
}

function isSeen(x: unknown): boolean {
  if (!isObject(x) || !Number.isInteger(x.index) || !isText(x.label) || !isObject(x.image)) return false;
  const { height, width, rgb } = x.image;
  if (!isSide(height) || !isSide(width) || !isText(rgb)) return false;
  // Three bytes a pixel, in base64.
  return rgb.length === 4 * height * width && /^[A-Za-z0-9+/]*$/.test(rgb);
}

/** Whether `report.json` names the images that its run followed. */
export const hasFollowed = (facts: unknown): boolean =>
  isObject(facts) && Array.isArray(facts.followed) && facts.followed.length <= most && facts.followed.every(isSeen);

/** Whether these are the maps of an epoch for so many images. */
export function areMaps(x: unknown, images: number): boolean {
  if (!isObject(x) || x.format !== "fovea.maps.1" || !Number.isInteger(x.epoch) || !isText(x.layer)) return false;
  if (x.gate !== null && !isText(x.gate)) return false;
  if (!Array.isArray(x.looks) || x.looks.length !== images) return false;
  return x.looks.every(
    (look: unknown) =>
      isObject(look) &&
      isText(look.predicted) &&
      Number.isFinite(look.probability) &&
      isMap(look.cam) &&
      (x.gate === null ? look.gate === null : isMap(look.gate)),
  );
}
