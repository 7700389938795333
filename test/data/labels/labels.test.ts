import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import { DataError } from "../../../src/core/errors.js";
import { alignClasses, concatDatasets, type Dataset } from "../../../src/data/index.js";
import { csvRows } from "../../../src/data/labels/csv.js";
import { type OpenOptions, openDataset } from "../../../src/data/open.js";

const folder = mkdtempSync(join(tmpdir(), "fovea-labels-"));
after(() => rmSync(folder, { recursive: true }));

let made = 0;
/** A folder of ten images, `images/0.png` … `images/9.png`, and a file of labels. */
async function data(csv: string | Uint8Array, file = "labels.csv"): Promise<string> {
  const home = join(folder, String(made++));
  mkdirSync(join(home, "images"), { recursive: true });
  for (let i = 0; i < 10; i++)
    await sharp(Buffer.alloc(8 * 8 * 3, 20 * i), { raw: { width: 8, height: 8, channels: 3 } }).toFile(
      join(home, "images", `${i}.png`),
    );
  writeFileSync(join(home, file), csv);
  return home;
}
const rows = (header: string, row: (i: number) => string, count = 10) =>
  `${[header, ...Array.from({ length: count }, (_, i) => row(i))].join("\n")}\n`;
/** The targets by file, of both parts. */
function targetsOf(...parts: readonly Dataset[]): Record<string, number[]> {
  return Object.fromEntries(
    parts.flatMap((part) =>
      Array.from(
        { length: part.length },
        (_, i) => [part.file!(i).slice(-5, -4), Array.from(part.targets!(i))] as const,
      ),
    ),
  );
}
const labels = (i: number) => [["cat"], ["dog", "cat"], [], ["bird"]][i % 4]!;
const wanted = (i: number) => ["bird", "cat", "dog"].map((name) => (labels(i).includes(name) ? 1 : 0));

const columns = rows("image,bird,cat,dog", (i) => `images/${i}.png,${wanted(i)}`);
/** The same labels as people write them. */
const forms: Readonly<Record<string, string>> = {
  "a column of 0 and 1 for each": columns,
  "with True and False": columns.replace(/,1/g, ",True").replace(/,0/g, ",False"),
  "as decimals, with CRLF and a byte order mark": `\uFEFF${columns.replace(/,([01])/g, ",$1.0").replaceAll("\n", "\r\n")}`,
  "names separated by spaces": rows("image,labels", (i) => `images/${i}.png,${labels(i).join(" ")}`),
  "names separated by semicolons": rows("filename,tags", (i) => `${i}.png,${labels(i).join(";")}`),
  "names separated by bars, and quoted": rows("path,labels", (i) => `"./images/${i}.png","${labels(i).join("|")}"`),
  "names separated by commas, with an index before": rows(
    ",id,labels",
    (i) => `${i},${i}.png,"${labels(i).join(", ")}"`,
  ),
  "an id besides the image": rows("id,image,tags", (i) => `${90 + i},${i},${labels(i).join(";")}`),
  "tabs, and names without endings": rows("image\tlabels", (i) => `${i}\t${labels(i).join(" ")}`),
  "semicolons between cells": rows("image;bird;cat;dog", (i) => `images\\${i}.png;${wanted(i).join(";")}`),
};
for (const [form, csv] of Object.entries(forms))
  test(`labels are read: ${form}`, async () => {
    const { kind, train, validation, division } = await openDataset(await data(csv), { task: "multi-label" });
    assert.deepEqual([kind, train.classes, train.length, validation.length], ["labels", ["bird", "cat", "dog"], 8, 2]);
    assert.equal(division, "20 % held out");
    const found = targetsOf(train, validation);
    for (let i = 0; i < 10; i++) assert.deepEqual(found[i], wanted(i), `image ${i}`);
    assert.deepEqual(train.skipped, []);
  });

test("a column splits the data: split, or fastai's is_valid", async () => {
  const split = (i: number) => (i < 6 ? "train" : i < 8 ? "valid" : "test");
  const three = await openDataset(await data(rows("image,x,split", (i) => `${i},${i / 2},${split(i)}`)), {
    task: "regression",
  });
  assert.deepEqual([three.train.length, three.validation.length, three.test!.length], [6, 2, 2]);
  assert.equal(three.division, "by the column split");
  assert.deepEqual(targetsOf(three.test!), { 8: [4], 9: [4.5] });
  const fastai = rows("fname,labels,is_valid", (i) => `${i}.png,${labels(i).join(" ")},${i < 7 ? "False" : "True"}`);
  const two = await openDataset(await data(fastai), { task: "multi-label" });
  assert.deepEqual([two.train.length, two.validation.length, two.test], [7, 3, undefined]);
});

test("numbers: chosen columns in their order, with exponents and signs, without crops or mirroring", async () => {
  const home = await data(rows("image,note,b,a", (i) => `${i},words ${i},${-i}e1,+${i}.5`));
  const { train, validation } = await openDataset(home, {
    task: "regression",
    targets: ["a", "b"],
    validationSplit: 0.5,
  });
  assert.deepEqual([train.classes, train.length], [["a", "b"], 5]);
  assert.deepEqual(targetsOf(train, validation)[7], [7.5, -70]);
  assert.deepEqual([train.defaults?.flip, train.defaults?.crop], [false, false]);
  const joined = concatDatasets([train, validation]);
  assert.deepEqual(targetsOf(joined)[7], [7.5, -70]);
});

test("data for a network has its names, in its order; what it does not know is left out", async () => {
  const home = await data(rows("image,labels", (i) => `${i},${labels(i).join(" ")}`));
  const measure = ["dog", "fish", "cat"];
  const { train, validation } = await openDataset(home, { task: "multi-label", measure });
  assert.deepEqual(train.classes, ["dog", "fish", "cat", "bird"]);
  const { dataset, unknown } = alignClasses(concatDatasets([train, validation]), measure);
  assert.deepEqual([dataset.classes, unknown, dataset.length], [measure, ["bird"], 10]);
  const found = targetsOf(dataset);
  assert.deepEqual(
    [found[0], found[1], found[2], found[3]],
    [
      [0, 0, 1],
      [1, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
    ],
  );
  assert.throws(() => alignClasses(train, [...measure, "cow"]), /lacks cow, which the model predicts/);
  const numbers = await data(rows("image,x", (i) => `${i},${i}`));
  await assert.rejects(openDataset(numbers, { task: "regression", measure: ["y"] }), /has no column "y"; it has x/);
});

test("known labels that no image has are said; data with none of them is refused", async () => {
  const home = await data(rows("image,labels", (i) => `${i},${labels(i).join(" ")}`));
  const notes: string[] = [];
  const open = (measure: string[]) =>
    openDataset(home, { task: "multi-label", measure, onNote: (note) => notes.push(note) });
  const { train } = await open(["dog", "fish", "cow"]);
  assert.deepEqual(train.classes, ["dog", "fish", "cow", "bird", "cat"]);
  assert.match(notes.join(), /the model knows labels that no image has: fish, cow/);
  await assert.rejects(
    open(["fish", "Dog"]),
    /labels\.csv: the model knows none of the labels: the data has bird, cat, dog \(did you mean "Dog"\?.*; the model has fish, Dog/,
  );
  const none = await data(rows("image,labels", (i) => `${i},`));
  await assert.rejects(
    openDataset(none, { task: "multi-label", measure: ["dog"] }),
    /labels\.csv: no image has a label/,
  );
});

/** Cells, the names that a network knows, and the names that are read. */
const cells: readonly (readonly [cells: readonly string[], known: readonly string[], names: readonly string[]])[] = [
  [
    ["sci fi", "drama"],
    ["drama", "sci fi"],
    ["drama", "sci fi"],
  ],
  [["sci fi", "new york"], ["sci fi"], ["sci fi", "new york"]],
  [
    ["sci fi;drama", "sci fi"],
    ["drama", "sci fi"],
    ["drama", "sci fi"],
  ],
  [
    ["drama war", "war"],
    ["drama", "war"],
    ["drama", "war"],
  ],
  [
    ["red, white", "blue"],
    ["blue", "red, white"],
    ["blue", "red, white"],
  ],
  [
    ["red, white|blue", "red, white"],
    ["blue", "red, white"],
    ["blue", "red, white"],
  ],
  [
    ["blue; green", "red, white"],
    ["blue", "red, white"],
    ["blue", "red, white", "green"],
  ],
];
for (const [given, known, names] of cells)
  test(`labels of a network that knows ${known.join(" / ")}: ${given.join(" / ")}`, async () => {
    const home = await data(rows("image,labels", (i) => `${i},"${given[i % given.length]}"`));
    const { train, validation } = await openDataset(home, { task: "multi-label", measure: known });
    assert.deepEqual(train.classes, names);
    const found = targetsOf(train, validation);
    given.forEach((cell, i) => {
      assert.deepEqual(
        found[i],
        names.map((name) => (cell.includes(name) ? 1 : 0)),
      );
    });
  });

test("labels that were learned from columns are measured by those columns, although there is a list too", async () => {
  const csv = rows("image,tags,a,b", (i) => `${i},t${i % 3},${i === 9 ? "" : i % 2},${i % 3 ? 0 : 1}`);
  const home = await data(csv);
  const learned = await openDataset(home, { task: "multi-label", targets: ["a", "b"] });
  const measured = await openDataset(home, { task: "multi-label", measure: ["a", "b"] });
  for (const part of ["train", "validation"] as const) {
    assert.deepEqual(measured[part].classes, ["a", "b"]);
    assert.deepEqual(targetsOf(measured[part]), targetsOf(learned[part]));
  }
  assert.equal(learned.train.length + learned.validation.length, 9);
  const listed = await openDataset(home, { task: "multi-label", measure: ["t0", "t1"] });
  assert.deepEqual(listed.train.classes, ["t0", "t1", "t2"]);
});

test("a column that is to be learned does not split the data, nor does one named set", async () => {
  const home = await data(rows("image,is_valid,split", (i) => `${i},${i % 2},${i < 7 ? "train" : "val"}`));
  for (const names of [{ targets: ["is_valid"] }, { measure: ["is_valid"] }]) {
    const { train, validation, division } = await openDataset(home, { task: "multi-label", ...names });
    assert.deepEqual([train.classes, division, train.length], [["is_valid"], "by the column split", 7]);
    assert.deepEqual(targetsOf(train, validation)[9], [1]);
  }
  const numbered = await data(rows("image,is_valid,set", (i) => `${i},${i % 2},${i}`));
  const { train, division } = await openDataset(numbered, { task: "regression", targets: ["is_valid", "set"] });
  assert.deepEqual([train.classes, division], [["is_valid", "set"], "20 % held out"]);
  const unsplit = await data(rows("image,set", (i) => `${i},${i % 2}`));
  assert.deepEqual((await openDataset(unsplit, { task: "multi-label" })).train.classes, ["set"]);
});

test("rows that cannot be used are skipped and listed; images without a row are counted", async () => {
  const bad = [
    "../labels.csv,1",
    "/etc/passwd,1",
    "C:\\a.png,1",
    "missing.png,1",
    ",1",
    "1.png,",
    "2.png,NA",
    "3.png,1,2",
    "broken.png,1",
  ];
  const home = await data(`image,x\n4.png,4\n5.png,5\n\n6.png,6\n${bad.join("\n")}\n`);
  writeFileSync(join(home, "images", "broken.png"), "no image");
  symlinkSync(folder, join(home, "loop"));
  const notes: string[] = [];
  const { train, validation } = await openDataset(home, { task: "regression", onNote: (note) => notes.push(note) });
  assert.equal(train.length + validation.length, 3);
  const reasons = train.skipped.map(({ reason }) => reason);
  for (const says of [
    /\.\.\/labels\.csv is outside the folder/,
    /\/etc\/passwd is outside/,
    /C:\\a\.png is outside/,
    /missing\.png is no image below/,
    /names no image/,
    /has no value for x/,
    /has 3 cells, and the header has 2/,
  ])
    assert.ok(
      reasons.some((reason) => says.test(reason)),
      `${says}: ${reasons.join("\n")}`,
    );
  assert.equal(reasons.length, bad.length);
  assert.ok(
    train.skipped.some(({ file }) => /labels\.csv, line 10$/.test(file)),
    JSON.stringify(train.skipped),
  );
  assert.match(notes.join(), /^4 of the images have no row/);
});

test("the order of the rows changes nothing", async () => {
  const lines = Array.from({ length: 10 }, (_, i) => `images/${i}.png,${i}`);
  const orders = [lines, [...lines].reverse(), [...lines.slice(4), ...lines.slice(0, 4)]];
  const found = await Promise.all(
    orders.map(async (order) => {
      const home = await data(`image,x\n${order.join("\n")}\n`);
      const { train, validation, test: tested } = await openDataset(home, { task: "regression", testSplit: 0.2 });
      return [train, validation, tested!].map((part) =>
        Array.from({ length: part.length }, (_, i) => part.targets!(i)),
      );
    }),
  );
  assert.deepEqual(
    found[0]!.map(({ length }) => length),
    [6, 2, 2],
  );
  for (const other of found.slice(1)) assert.deepEqual(other, found[0]);
});

test("a name that several images have needs its path", async () => {
  const home = await data(rows("image,x", (i) => (i === 3 ? "3,3" : `images/${i}.png,${i}`)));
  mkdirSync(join(home, "more"));
  await sharp(Buffer.alloc(8 * 8 * 3, 9), { raw: { width: 8, height: 8, channels: 3 } }).toFile(
    join(home, "more", "3.png"),
  );
  const { train, validation } = await openDataset(home, { task: "regression" });
  assert.equal(train.length + validation.length, 9);
  assert.match(train.skipped[0]!.reason, /3 could be images\/3\.png, more\/3\.png: write its path/);
});

/** Files that are refused, in one line. */
const refused: readonly (readonly [csv: string | Uint8Array, says: RegExp, options?: OpenOptions])[] = [
  ["", /labels\.csv: is empty; the first line must name the columns/],
  ["a,b\n1,2\n", /has no column named image, file or path; it has a, b/],
  ["image,x,x\n0,1,2\n", /two columns are named "x"/],
  ["image\n0\n", /has no column besides that of the images/],
  ["image,x\n", /has no usable rows/],
  ["image,x\n0,\n", /has no usable rows \(line 2: has no value for x\)/],
  ["image,x\n0,heavy\n", /line 2: x must be a number, got "heavy".*targets/],
  ["image,x\n0,0x10\n", /x must be a number/],
  ["image,x\n0,1e999\n", /x must be a number/],
  ["image,x\n0,1\n0,2\n", /0 is on lines 2 and 3; an image has one row/],
  ["image,x\n0,1\n0.png,2\n", /lines 2 and 3 are of the same image/],
  ["image,x\n0,2\n", /x must be 0 or 1, got "2"/, { task: "multi-label" }],
  ["image,x\n0,-1\n", /x must be 0 or 1, got "-1"/, { task: "multi-label" }],
  ["image,labels\n0,\n1,\n", /labels\.csv: no image has a label/, { task: "multi-label" }],
  ["image,x\n0,1\n", /has no column "y"; it has x/, { targets: ["y"] }],
  ["image,x\n0,1\n", /a column is asked for twice/, { targets: ["x", "x"] }],
  ['image,x\n"0,1\n', /line 2: a quote is not closed/],
  ['image,x\n"0"1,1\n', /line 2: text after a closed quote/],
  ["image,x,split\n0,1,later\n", /has no usable rows \(line 2: split is "later", not train, validation or test/],
  ["image,x,split\n0,1,test\n", /split puts no usable image into training/],
  ["image,x\n0,1\n", /too few images to hold some out/],
  ["image,x\nnone,1\n", /no row has an image below/],
  [Uint8Array.of(0x69, 0xff, 0xfe, 0x00), /is not text in UTF-8/],
];
for (const [csv, says, options] of refused)
  test(`refused in one line: ${JSON.stringify(String(csv)).slice(0, 60)}`, async () => {
    await assert.rejects(openDataset(await data(csv), { task: "regression", ...options }), (error: Error) => {
      assert.ok(error instanceof DataError, error.stack);
      assert.match(error.message, says);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  });

test("the file of labels is the only one, labels.csv, or the one that is named", async () => {
  const home = await data(
    rows("image,x", (i) => `${i},${i}`),
    "first.csv",
  );
  assert.equal((await openDataset(home, { task: "regression" })).train.length, 8);
  writeFileSync(
    join(home, "second.csv"),
    rows("image,y", (i) => `${i},${2 * i}`),
  );
  await assert.rejects(
    openDataset(home, { task: "regression" }),
    /has several CSV files, first\.csv, second\.csv; name the one/,
  );
  const { train } = await openDataset(home, { task: "regression", labelsFile: join(home, "second.csv") });
  assert.deepEqual(train.classes, ["y"]);
  rmSync(join(home, "first.csv"));
  rmSync(join(home, "second.csv"));
  await assert.rejects(openDataset(home, { task: "multi-label" }), /has no CSV file of labels; name one/);
  await assert.rejects(
    openDataset(home, { task: "multi-label", labelsFile: join(home, "none.csv") }),
    /none\.csv: cannot be read/,
  );
  await assert.rejects(
    openDataset(home, { targets: ["x"] }),
    /labelsFile and targets are for the tasks multi-label and regression/,
  );
});

test("a file of labels has at most 256 MiB", async () => {
  const home = await data("image,x\n");
  truncateSync(join(home, "labels.csv"), 2 ** 28 + 1);
  await assert.rejects(openDataset(home, { task: "regression" }), /labels\.csv: cannot be read .*at most 268435456/);
});

test("a row has at most 10,000 cells, and lists at most 10,000 labels, two to the 30 answers in all", async () => {
  const full = `image${",".repeat(9_999)}`;
  assert.equal([...csvRows(full, "t.csv")][0]!.cells.length, 10_000);
  assert.throws(
    () => [...csvRows(`a,b\n\n${full},`, "t.csv")],
    /^DataError: t\.csv: line 3: has more than 10,000 cells$/,
  );
  const open = async (csv: string) => openDataset(await data(csv), { task: "multi-label" });
  const numbered = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i).join(" ");
  const most = await open(rows("image,labels", (i) => `${i},${numbered(1_000 * i, 1_000)}`));
  assert.deepEqual([most.train.classes.length, most.train.targets!(0).length], [10_000, 10_000]);
  await assert.rejects(
    open(rows("image,labels", (i) => `${i},${numbered(1_250 * i, 1_250)}`)),
    /labels\.csv: line 10: there are more than 10,000 labels up to here/,
  );
  const images = Math.floor(2 ** 30 / 10_000) + 1;
  await assert.rejects(
    open(rows("image,labels", (i) => `${i},${i === 0 ? numbered(0, 10_000) : ""}`, images)),
    /labels\.csv: has 10,000 labels for 107,375 images, more than 1,073,741,824 answers/,
  );
});

test("CSV rows know their lines, across quoted line breaks", () => {
  const text = 'a,b\r\n"x\ny","say ""hi"""\n\n1,\n';
  assert.deepEqual(
    [...csvRows(text, "t.csv")],
    [
      { line: 1, cells: ["a", "b"] },
      { line: 2, cells: ["x\ny", 'say "hi"'] },
      { line: 5, cells: ["1", ""] },
    ],
  );
});
