import { OptionError } from "../../core/errors.js";
import type { Heatmap } from "../heatmap.js";
import { classScores, type Example, type LogitsOf, planesOf } from "./logits.js";
import { mapOver } from "./ranking.js";

export interface ConfidenceChange {
  /** Probability of the class for the image. */
  readonly before: number;
  /** The same for the image times the map. */
  readonly masked: number;
  /** max(0, before − masked) / before: the share lost. */
  readonly drop: number;
  /** Whether the probability grew. */
  readonly increased: boolean;
}

/**
 * Average drop and increase in confidence (Chattopadhyay et al., 2018, "Grad-CAM++"), for one image: the input is multiplied by a map of
 * shares, so that what the map leaves out becomes the mean color. Papers report the mean over images.
 *
 * @param map values from 0 to 1, as `unitMap` makes them
 *
 * @throws OptionError if a value of the map is not from 0 to 1.
 */
export async function confidenceChange(logitsOf: LogitsOf, example: Example, map: Heatmap): Promise<ConfidenceChange> {
  const { data, shape, plane } = planesOf("confidenceChange", example);
  const shares = mapOver("confidenceChange", map, shape[1], shape[2]).data;
  if (!shares.every((share) => share >= 0 && share <= 1))
    throw new OptionError("confidenceChange: the values of the map must be from 0 to 1, as unitMap() returns them");
  const masked = data.map((value, i) => value * shares[i % plane]!);
  const scores = await classScores(logitsOf, 2, (i) => (i ? masked : data), shape, example.target);
  const [before, after] = [scores.probabilities[0]!, scores.probabilities[1]!];
  return { before, masked: after, drop: Math.max(0, before - after) / before, increased: after > before };
}
