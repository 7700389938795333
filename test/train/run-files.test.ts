import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEpochMaps, parseReportFacts } from "../../src/engine.js";
import { FormatError } from "../../src/index.js";
import { mapsOfEpoch, reportFacts } from "../support/run-files.js";

const [facts, maps] = [reportFacts(), mapsOfEpoch()];
const [seen] = facts.followed;
const [look] = maps.looks;

test("report.json and maps of a run from anywhere are read only if they are sound", () => {
  assert.deepEqual(parseReportFacts(JSON.stringify(facts), "report.json"), facts);
  assert.deepEqual(parseEpochMaps(JSON.stringify(maps), "maps/epoch-1.json"), maps);
  const refused = (parse: (json: string, file: string) => unknown, bad: unknown) =>
    assert.throws(
      () => parse(typeof bad === "string" ? bad : JSON.stringify(bad), "a file"),
      (error: Error) => error instanceof FormatError && /^a file\b/.test(error.message) && !/\n/.test(error.message),
      JSON.stringify(bad)?.slice(0, 100),
    );
  for (const bad of [
    "",
    "{",
    null,
    [],
    { followed: [seen] },
    { ...facts, followed: {} },
    { ...facts, followed: [{ ...seen, index: "3" }] },
    { ...facts, followed: [{ ...seen, label: { toString: 1 } }] },
    { ...facts, followed: [{ ...seen, image: { ...seen!.image, rgb: "AAAA" } }] },
    { ...facts, followed: [{ ...seen, image: { ...seen!.image, rgb: "!!!!!!!!" } }] },
    { ...facts, followed: [{ ...seen, image: { height: 1e6, width: 1e6, rgb: "" } }] },
    { ...facts, followed: new Array(1000).fill(seen) },
  ])
    refused(parseReportFacts, bad);
  for (const bad of [
    "",
    null,
    { ...maps, format: "fovea.maps.2" },
    { ...maps, epoch: "1" },
    { ...maps, gate: 7 },
    { ...maps, looks: {} },
    { ...maps, looks: [{ ...look, cam: { ...look!.cam, data: [1] } }] },
    { ...maps, looks: [{ ...look, cam: { ...look!.cam, data: [1, null] } }] },
    { ...maps, looks: [{ ...look, cam: { ...look!.cam, height: 1e6 } }] },
    { ...maps, looks: [{ ...look, probability: "much" }] },
    { ...maps, looks: new Array(1000).fill(look) },
  ])
    refused(parseEpochMaps, bad);
});
