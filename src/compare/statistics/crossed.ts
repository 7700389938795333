import { OptionError } from "../../core/errors.js";
import { tQuantile } from "./distributions.js";
import { type Interval, mean } from "./sample.js";

/**
 * A t interval of a mean over seeds × images, both drawn at random: where the mean over other seeds and other images lies. With n seeds, m
 * images and the mean squares of the two-way layout (MSs of seeds, MSi of images, MSe of the rest), the variance of the mean is
 * V = (MSs + MSi − MSe) / (n·m), but at least that of seeds or images alone, and its degrees of freedom are Satterthwaite's,
 * (n·m·V)² / (MSs² / (n − 1) + MSi² / (m − 1) + MSe² / ((n − 1)(m − 1))).
 *
 * @param rows `rows[s][i]` is the value of seed s for image i
 *
 * Source: Satterthwaite 1946; Clark 1973 ("min F′").
 */
export function crossedTInterval(rows: readonly ArrayLike<number>[], confidence = 0.95): Interval {
  const [n, m] = [rows.length, rows[0]?.length ?? 0];
  if (n < 2 || m < 2 || rows.some((row) => row.length !== m))
    throw new OptionError("crossedTInterval: needs at least two rows of equal length, of at least two images");
  const seeds = rows.map(mean);
  const images = Float64Array.from({ length: m }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / n);
  const center = mean(seeds);
  const squares = (values: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += (values[i]! - center) ** 2;
    return sum;
  };
  let rest = 0;
  rows.forEach((row, s) => {
    for (let i = 0; i < m; i++) rest += (row[i]! - seeds[s]! - images[i]! + center) ** 2;
  });
  const [ofSeeds, ofImages] = [(m * squares(seeds)) / (n - 1), (n * squares(images)) / (m - 1)];
  const ofRest = rest / ((n - 1) * (m - 1));
  const total = Math.max(ofSeeds + ofImages - ofRest, ofSeeds, ofImages);
  if (total === 0) return [center, center];
  const df = total ** 2 / (ofSeeds ** 2 / (n - 1) + ofImages ** 2 / (m - 1) + ofRest ** 2 / ((n - 1) * (m - 1)));
  const half = tQuantile((1 + confidence) / 2, df) * Math.sqrt(total / (n * m));
  return [center - half, center + half];
}
