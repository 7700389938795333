import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { heat, overlay } from "../../studio/logic/colors.js";
import {
  asFolder,
  className,
  emptyProject,
  fileName,
  type Part,
  type Project,
  parseProject,
  type StoredImage,
} from "../../studio/logic/project.js";
import { linesOf, runFilesAmong } from "../../studio/logic/run-files.js";
import { repeatedImages, splitProject, validationShare, whyNotTrainable } from "../../studio/logic/split.js";

let count = 0;
const image = (classId: string, burst: string, more: Partial<StoredImage> = {}): StoredImage => {
  const id = `image-${count++}`;
  return { id, name: `${id}.png`, classId, burst, width: 8, height: 8, sha: id, look: id, ...more };
};

const project = (images: readonly StoredImage[]): Project => {
  const classes = [...new Set(images.map(({ classId }) => classId))].map((id) => ({ id, name: id }));
  return { format: "fovea.studio.1", classes, images };
};

/** Bursts of one class, by size. */
const bursts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 12 });

test("a burst is trained on or held out as a whole; both parts have some; about a fifth is held out", () => {
  fc.assert(
    fc.property(bursts, fc.string(), (sizes, salt) => {
      const images = sizes.flatMap((size, b) => Array.from({ length: size }, () => image("a", `${salt} ${b}`)));
      const { parts, single } = splitProject(project(images));
      assert.deepEqual(single, []);
      const sides = new Map<string, Set<Part>>();
      for (const { id, burst } of images) {
        const set = sides.get(burst) ?? new Set();
        sides.set(burst, set.add(parts.get(id)!));
      }
      for (const side of sides.values()) assert.equal(side.size, 1);
      const kept = images.filter(({ id }) => parts.get(id) === "validation").length;
      assert.ok(kept > 0 && kept < images.length, `${kept} of ${images.length}`);
    }),
  );
});

test("single images are split by share, and most stay where they are when others come", () => {
  const images = Array.from({ length: 200 }, (_, i) => image("a", `burst ${i}`));
  const before = splitProject(project(images)).parts;
  const kept = images.filter(({ id }) => before.get(id) === "validation").length;
  assert.equal(kept, validationShare * 200);
  const more = [...images, ...Array.from({ length: 50 }, (_, i) => image("a", `more ${i}`))];
  const after = splitProject(project(more)).parts;
  const moved = images.filter(({ id }) => before.get(id) !== after.get(id)).length;
  assert.ok(moved <= 12, `${moved} moved`);
});

test("one burst alone: its last images are held out, and it is said", () => {
  const images = Array.from({ length: 30 }, () => image("a", "only"));
  const { parts, single } = splitProject(project(images));
  assert.deepEqual(single, [{ classId: "a", images: 30 }]);
  assert.deepEqual(
    images.map(({ id }) => parts.get(id)),
    images.map((_, i) => (i < 24 ? "train" : "validation")),
  );
});

test("images that look the same stay together; folders decide where they say so", () => {
  const twins = [image("a", "1", { look: "same" }), image("a", "2", { look: "same" })];
  const others = Array.from({ length: 20 }, (_, i) => image("a", `other ${i}`));
  const { parts } = splitProject(project([...twins, ...others]));
  assert.equal(parts.get(twins[0]!.id), parts.get(twins[1]!.id));
  const placed = [image("b", "x", { part: "train" }), image("b", "y", { part: "validation" }), image("b", "z")];
  const given = splitProject(project(placed)).parts;
  assert.deepEqual(
    placed.map(({ id }) => given.get(id)),
    ["train", "validation", "train"],
  );
});

test("a project as a folder: no two paths are equal, in the order of names", () => {
  const images = ["b.png", "a.png", "A.png", "a.png", "a-2.png"].map((name, i) => image("c", `${i}`, { name }));
  const { train } = asFolder(project(images), new Map(images.map(({ id }) => [id, "train" as const])));
  const paths = train.map(({ path }) => path);
  assert.equal(new Set(paths.map((path) => path.toLowerCase())).size, images.length);
  assert.deepEqual(paths, [...paths].sort());
  assert.ok(paths.every((path) => path.startsWith("train/c/")));
});

test("class names are folder names everywhere", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (wanted) => {
      const name = className(wanted, ["taken"]);
      assert.ok(name.length > 0 && name.length <= 70);
      assert.doesNotMatch(name, /[<>:"/\\|?*]|^[.\s]|[.\s]$/);
    }),
  );
  assert.equal(className("../..", []), "class");
  // Half a character cannot be part of an address.
  assert.equal(encodeURIComponent(className(`${"x".repeat(59)}🐜`, [])), "x".repeat(59));
  assert.equal(className("Ants", ["ants"]), "Ants 2");
});

test("file names are such everywhere, also those of projects stored before", () => {
  const everywhere = (name: string) => {
    assert.ok(name.length > 0 && name.length <= 150, name);
    assert.doesNotMatch(name, /[<>:"/\\|?*]|^[.\s]|[.\s]$/);
  };
  const raw = ["..\\..\\start.bat.png", "C:\\a.png", "..", "a\n.png", " .png", `${"x".repeat(300)}.png`, "ok 1.png"];
  for (const name of raw) everywhere(fileName(name));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (name) => everywhere(fileName(name))));
  assert.equal(fileName("..\\..\\start.bat.png"), "start.bat.png");
  assert.equal(fileName("Ant (1).jpeg"), "Ant (1).jpeg");
  assert.doesNotThrow(() => encodeURIComponent(fileName(`🐜${"x".repeat(145)}.png`)));
  assert.match(fileName(`${"x".repeat(300)}.png`), /x\.png$/);
  const images = raw.map((name, i) => image("c", `${i}`, { name }));
  const { train } = asFolder(project(images), new Map(images.map(({ id }) => [id, "train" as const])));
  for (const { path } of train) assert.match(path, /^train\/c\/[^/\\:]+$/);
});

test("the same file in two classes is a conflict", () => {
  const [a, b, c] = [image("a", "1", { sha: "s" }), image("b", "2", { sha: "s" }), image("a", "3")];
  assert.deepEqual(repeatedImages(project([a, b, c])), [{ images: [a, b], conflict: true }]);
});

test("what cannot be trained says why", () => {
  const why = (images: readonly StoredImage[]) => whyNotTrainable(project(images), splitProject(project(images)).parts);
  assert.match(why([])!, /two classes/);
  assert.match(why([image("a", "1"), image("b", "2"), image("b", "3")])!, /“a” has one image/);
  const enough = ["a", "b"].flatMap((name) => Array.from({ length: 6 }, (_, i) => image(name, `${name} ${i}`)));
  assert.equal(why(enough), undefined);
});

test("a stored project is read, and nothing else is taken for one", () => {
  const stored = project([image("a", "1")]);
  assert.deepEqual(parseProject(JSON.stringify(stored)), stored);
  for (const bad of [
    "",
    "{",
    "null",
    "[]",
    '{"format":"fovea.studio.1"}',
    '{"format":"fovea.studio.2","classes":[],"images":[]}',
  ])
    assert.equal(parseProject(bad), undefined, bad);
  assert.deepEqual(parseProject(JSON.stringify(emptyProject)), emptyProject);
});

test("a map without evidence is transparent; the scale does not depend on the map", () => {
  assert.ok(overlay({ width: 2, height: 1, data: [-1, 0] }, 0, 0).every((byte) => byte === 0));
  const [weak, strong] = [0.1, 1].map((value) => overlay({ width: 1, height: 1, data: [value] }, 0, 1)[3]!);
  assert.ok(weak! < strong! / 2);
  assert.deepEqual([heat(-1), heat(2)], [heat(0), heat(1)]);
});

test("the studio stands on the entry points of the package, and on few packages beside them", () => {
  const packages =
    /^(fovea\/(web|nn|explain|engine)|preact(\/hooks)?|@preact\/signals|comlink|uplot(\/.*\.css)?|fflate|onnxruntime-web\/.*)$/;
  const files = ["src", "logic", "standalone"].flatMap((folder) =>
    readdirSync(join("studio", folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tsx?$/.test(file) && file !== "vite.config.ts")
      .map((file) => join("studio", folder, file)),
  );
  assert.ok(files.length > 40);
  for (const file of files)
    for (const [, from, loaded] of readFileSync(file, "utf8").matchAll(/\bfrom "([^"]+)"|^import "([^"]+)"/gm)) {
      const target = (from ?? loaded)!;
      if (!target.startsWith(".")) assert.match(target, packages, file);
      else assert.match(join(file, "..", target), /^studio\//, `${file}: ${target}`);
    }
});

test("the files of a run are found wherever its folder is; several runs are not guessed among", () => {
  const names = ["config.json", "best.safetensors", "maps/epoch-12.json", "metrics.jsonl", "report.json"];
  for (const home of ["", "run/", "a/b c/"]) {
    const found = runFilesAmong(
      [...names, "report.html", "tensorboard/x", "maps/epoch-x.json"].map((name) => home + name),
    );
    assert.deepEqual(new Map(found), new Map(names.map((name) => [name, home + name])));
  }
  assert.equal(runFilesAmong(["a.png", "xconfig.json"]).size, 0);
  assert.equal(runFilesAmong(["config.json", "deeper/config.json"]).get("config.json"), "config.json");
  assert.throws(() => runFilesAmong(["a/config.json", "b/config.json"]), /several runs, such as a\/ and b\//);
});

test("of metrics.jsonl, lines that are none are passed over", () => {
  const line = {
    epoch: 1,
    trainLoss: 1,
    trainTop1: 0.5,
    seconds: 1,
    imagesPerSecond: 9,
    loss: null,
    top1: null,
    validation: null,
  };
  const validated = {
    ...line,
    epoch: 2,
    top1: 0.5,
    validation: { count: 1, classes: [{ name: "a", count: 1, correct: 1 }] },
  };
  const text = [line, validated, { ...line, epoch: "3" }, { ...validated, validation: { classes: [{}] } }, null, 7]
    .map((one) => JSON.stringify(one))
    .join("\n");
  assert.deepEqual(linesOf(`${text}\n{"epoch":9`), [line, validated]);
});
