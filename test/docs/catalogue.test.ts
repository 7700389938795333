import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { attentionModules } from "../../src/attention/index.js";
import { catalogue } from "../../tools/catalogue.js";
import { assertWellFormed } from "../report/support.js";

const docs = new URL("../../../docs/", import.meta.url);
const files = catalogue();

for (const [path, text] of files)
  test(`docs/${path} is what the registry says`, () => {
    const file = new URL(path, docs);
    assert.ok(existsSync(file), `${file.pathname} is missing: npm run docs:catalogue`);
    // No difference is shown: of a page or a drawing it would be long, and the command tells more.
    assert.ok(readFileSync(file, "utf8") === text, `${path} is out of date: npm run docs:catalogue`);
  });

test("every module has a section, a row, a drawing, a formula and notes", () => {
  const page = files.get("catalogue.md")!;
  for (const { name, formula, notes } of attentionModules.values()) {
    assert.ok(page.includes(`\n## ${name}\n`), `no section for ${name}`);
    assert.ok(page.includes(`| [${name}](#${name}) |`), `no row for ${name}`);
    assert.ok(files.has(`diagrams/${name}.svg`), `no drawing of ${name}`);
    assert.ok(formula.length > 0 && notes.length > 0, `no formula or notes of ${name}`);
  }
});

/** Forms whose keys differ from the default's: a layer of each, as the page has it at 64 channels. */
const forms: readonly (readonly [name: string, form: string, line: string])[] = [
  ["bam", 'variant "paper"', "spatial_att.gate_s.gate_s_bn_final: weight [1], bias [1]"],
  ["bot", 'variant "timm"', "pos_embed: height_rel [111,16], width_rel [111,16]"],
  ["cbam", 'variant "plain"', "channel_attention.shared_MLP.0: weight [4,64,1,1]"],
  ["cbam", 'variant "dense"', "mlp_1: weight [32,64], bias [32]"],
  ["cbam", 'variant "timm"', "spatial.conv.conv: weight [1,2,7,7]"],
  ["cbam", 'descriptor "conv"', "SpatialGate.compress: weight [2,64,1,1]"],
  ["cbam", "spatial false", "ChannelGate.mlp.1: weight [4,64], bias [4]"],
  ["coord", 'variant "mbv2"', "conv3: weight [64,8,1,1], bias [64]"],
  ["eca", 'variant "ns"', "conv: weight [64,1,3]"],
  ["eca", 'variant "timm-mlp"', "conv2: weight [1,8,3], bias [1]"],
  ["gam", 'padding "replicate"', "linear1: weight [16,64], bias [16]"],
  ["gam", "groups true", "spatial_attention.0: weight [16,16,7,7], bias [16]"],
  ["gc", 'fusion ["mul"]', "channel_mul_conv.0: weight [4,64,1,1], bias [4]"],
  ["gc", 'variant "timm"', "mlp_scale.norm: weight [8], bias [8]"],
  ["gc", 'pooling "avg"', "channel_add_conv.0: weight [4,64,1,1], bias [4]"],
  ["parnet", 'variant "plain"', "conv1x1.0: weight [64,64,1,1], bias [64]"],
  ["ge", 'form "theta"', "gather.conv3: weight [64,1,3,3]"],
  ["non-local", 'variant "port"', "phi.0: weight [32,64,1,1], bias [32]"],
  ["non-local", 'variant "timm"', "t: weight [8,64,1,1], bias [8]"],
  ["non-local", "norm false", "W: weight [64,32,1,1], bias [64]"],
  ["sk", 'variant "insight"', "conv2g: weight [64,2,3,3]"],
  ["residual-attention", 'stage "cifar1"', "down_residual_blocks1: as residual-block"],
  ["rga", "spatial false", "gx_channel.0: weight [392,3136,1,1]"],
  ["scse", 'variant "authors"', "sSE.conv: weight [1,64,1,1], bias [1]"],
  ["se", "bias true", "fc.0: weight [4,64], bias [4]"],
  ["se", 'variant "timm"', "fc1: weight [8,64,1,1], bias [8]"],
  ["se", 'variant "timm-effective"', "fc: weight [64,64,1,1], bias [64]"],
  ["triplet", 'variant "models"', "ChannelGateH.spatial.conv: weight [1,2,7,7]"],
];
for (const [name, form, line] of forms)
  test(`the page has the keys of ${name} with ${form}`, () => {
    const page = files.get("catalogue.md")!;
    const section = page.slice(page.indexOf(`\n## ${name}\n`)).split("\n## ")[1]!;
    const titled = section.split("<details>").find((block) => block.split("</summary>")[0]!.includes(form));
    assert.ok(titled?.includes(line), section);
  });

test("no drawing is left of a module that is gone", () => {
  const drawn = readdirSync(new URL("diagrams/", docs)).map((name) => `diagrams/${name}`);
  assert.deepEqual(
    drawn.filter((path) => !files.has(path)),
    [],
  );
});

test("drawings are well-formed, and tell the names of maps", () => {
  for (const [path, text] of files) if (path.endsWith(".svg")) assertWellFormed(text);
  for (const name of ["channel", "spatial"]) assert.ok(files.get("diagrams/cbam.svg")!.includes(`map: ${name}<`));
});

test("parameters in the table are those of the authors' modules", () => {
  // Counted in PyTorch from the authors' code at 64 channels.
  const counted = {
    se: "512",
    cbam: "680",
    bam: "1,173",
    scse: "645",
    triplet: "300",
    coord: "1,688",
    gam: "102,720",
    eca: "3",
    fca: "512",
    ge: "2,692",
    lct: "128",
    "non-local": "8,480",
    sge: "16",
    sk: "80,192",
    srm: "256",
  };
  const rows = files.get("catalogue.md")!.split("\n");
  for (const [name, count] of Object.entries(counted))
    assert.equal(rows.find((row) => row.startsWith(`| [${name}](`))!.split(" | ")[4], count, name);
});
