import type { ReportFacts } from "../../src/engine.js";
import type { EpochMaps, SeenImage } from "../../src/explain.js";

/** What a run folder keeps of an image and of its map, as small as can be. */
const map = { height: 1, width: 2, data: [0.5, -1] };
const seen: SeenImage = { index: 3, label: "a", image: { height: 1, width: 2, rgb: "AAAAAAAA" } };

/** `report.json` of a run that follows one image. */
export const reportFacts = (): ReportFacts => ({
  format: "fovea.report.1",
  parameters: 10,
  images: { training: 4, validation: 2 },
  skipped: [],
  test: null,
  followed: [seen],
  findings: null,
});

/** `maps/epoch-1.json` of the same run. */
export const mapsOfEpoch = (): EpochMaps => ({
  format: "fovea.maps.1",
  epoch: 1,
  layer: "layer3",
  gate: null,
  looks: [{ predicted: "a", probability: 0.5, cam: map, gate: null }],
});
