import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseSource } from "../../src/hub/source.js";
import { pretrainedWeights } from "../../src/inference/pretrained-weights.js";

const page = readFileSync("docs/checkpoints.md", "utf8");
const rows = [...page.matchAll(/^\| `(\w+\.\w+)` \| ([\d.]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$/gm)];

test("the page lists exactly the published weights that there are", () => {
  assert.deepEqual(rows.map(([, name]) => name).toSorted(), [...pretrainedWeights.keys()].toSorted());
});

for (const [, name = "", top1, license, file = ""] of rows)
  test(`the page says of ${name} what the table has`, () => {
    const weights = pretrainedWeights.get(name)!;
    assert.equal(Number(top1), weights.top1);
    assert.equal(license, weights.license ?? "none stated");
    const source = parseSource(weights.source);
    const [where, commit] = /^(.*) at `([\da-f]{12})`$/.exec(file)?.slice(1) ?? [file];
    const address = source.kind === "hf" ? `${source.owner}/${source.name}/${source.revision}` : weights.source;
    if (commit) assert.ok(address.includes(`/${commit}`), address);
    else assert.ok(address.includes(/`(.+)`/.exec(file)![1]!), address);
    const [repository] = /[\w-]+\/[\w.-]+(?=\]|$|,)/.exec(where!) ?? ["download.pytorch.org"];
    assert.ok(address.includes(repository), `${address}: ${repository}`);
  });

test("of each network, the usual weights stand first", () => {
  const firsts = (names: readonly string[]) =>
    Object.fromEntries(names.toReversed().map((name) => [name.slice(0, name.indexOf(".")), name]));
  assert.deepEqual(firsts(rows.map(([, name]) => name!)), firsts([...pretrainedWeights.keys()]));
});
