import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arrival, type Taken } from "../../studio/logic/arrival.js";
import {
  changed,
  type History,
  historyOf,
  moved,
  presentOf,
  redoableOf,
  undoableOf,
} from "../../studio/logic/history.js";
import { emptyProject, type Project, type StoredImage } from "../../studio/logic/project.js";

const image = (id: string, classId: string): StoredImage => {
  return { id, name: `${id}.png`, classId, burst: id, width: 8, height: 8, sha: id, look: id };
};
const taken = (id: string, className?: string, sha = id): Taken => {
  const { classId: _, ...rest } = image(id, "");
  return { ...rest, sha, ...(className === undefined ? {} : { className }) };
};

const start: Project = {
  format: "fovea.studio.1",
  classes: ["a", "b", "c"].map((id) => ({ id, name: id })),
  images: ["a", "b", "c"].flatMap((id) => [0, 1, 2].map((i) => image(`${id}${i}`, id))),
};

/** What a person may do meanwhile. */
const deeds: Readonly<Record<string, (project: Project) => Project>> = {
  rename: (project) => ({
    ...project,
    classes: project.classes.map((one) => (one.id === "a" ? { ...one, name: `${one.name}'` } : one)),
  }),
  "new class": (project) => ({
    ...project,
    classes: [...project.classes, { id: `new ${project.classes.length}`, name: "mine" }],
  }),
  "remove class": (project) => ({
    ...project,
    classes: project.classes.filter(({ id }) => id !== "b"),
    images: project.images.filter(({ classId }) => classId !== "b"),
  }),
  move: (project) => ({
    ...project,
    images: project.images.map((one) => (one.id === "c0" ? { ...one, classId: "a" } : one)),
  }),
  "remove image": (project) => ({ ...project, images: project.images.filter(({ id }) => id !== "c1") }),
};

const deed = (history: History, what: string): History => {
  if (what === "undo") return undoableOf(history) === null ? history : moved(history, -1);
  if (what === "redo") return redoableOf(history) === null ? history : moved(history, 1);
  return changed(history, { what, project: deeds[what]!(presentOf(history)) });
};

/** A history without what differs from run to run: ids of classes. */
const seen = ({ moments, at }: History) => ({
  at,
  moments: moments.map(({ what, project }) => {
    const names = new Map(project.classes.map(({ id, name }) => [id, name]));
    return {
      what,
      classes: project.classes.map(({ name }) => name).sort(),
      images: project.images.map(({ id, classId }) => `${names.get(classId)} ${id}`),
    };
  }),
});

const names = fc.constantFrom("a", "b", "dog", "Dog", undefined);
const parts = fc.array(fc.array(fc.record({ name: names, again: fc.boolean() }), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 4,
});
const between = fc.array(fc.array(fc.constantFrom(...Object.keys(deeds), "undo", "redo"), { maxLength: 4 }), {
  minLength: 5,
  maxLength: 5,
});

test("images that come part by part are as if all had come at once, whatever is done meanwhile", () => {
  fc.assert(
    fc.property(parts, between, fc.constantFrom(undefined, "b"), (parts, between, classId) => {
      let count = 0;
      // All classes come with the first part. The file of one image comes twice.
      const all = parts.map((part, i) => [
        ...(i === 0 ? [taken("first", "a"), taken("dog", "dog"), taken("loose")] : []),
        ...part.map(({ name, again }) => taken(`${count++}`, name, again ? "first" : undefined)),
      ]);
      const run = (deliver: readonly (readonly Taken[])[]) => {
        const arrival = new Arrival(classId);
        let history = historyOf(start);
        between.forEach((some, i) => {
          if (i > 0) history = arrival.take(history, deliver[i - 1] ?? []);
          for (const what of some) history = deed(history, what);
        });
        return { history, arrival };
      };
      const [slow, once] = [run(all), run([all.flat()])];
      assert.deepEqual(seen(slow.history), seen(once.history));
    }),
    { numRuns: 500 },
  );
});

test("undo takes back one deed, and the arrival as a whole", () => {
  const arrival = new Arrival("a");
  let history = arrival.take(historyOf(start), [taken("1"), taken("2")]);
  history = deed(history, "rename");
  history = arrival.take(history, [taken("3")]);
  assert.equal(undoableOf(history), "rename");
  history = moved(history, -1);
  assert.equal(presentOf(history).classes[0]!.name, "a");
  assert.equal(presentOf(history).images.length, start.images.length + 3);
  // Undone before the last of them has come.
  assert.equal(undoableOf(history), "add 3 images");
  history = moved(history, -1);
  history = arrival.take(history, [taken("4")]);
  assert.deepEqual(presentOf(history), start);
  history = moved(history, 1);
  assert.equal(presentOf(history).images.length, start.images.length + 4);
  assert.equal(redoableOf(history), "rename");
  // Undone for good.
  history = changed(moved(history, -1), { what: "mine", project: start });
  assert.equal(arrival.take(history, [taken("5")]), history);
});

test("where the class, or everything, was removed, what still comes is left out; undo brings all of it", () => {
  const arrival = new Arrival("a");
  const before = arrival.take(historyOf(start), [taken("1")]);
  let history = changed(before, { what: "remove everything", project: emptyProject });
  history = arrival.take(history, [taken("2"), taken("3")]);
  assert.deepEqual(presentOf(history), emptyProject);
  assert.equal(presentOf(moved(history, -1)).images.length, start.images.length + 3);
});

test("fifty steps are kept; images also come to a state whose beginning was forgotten", () => {
  const arrival = new Arrival("c");
  let history = arrival.take(historyOf(start), [taken("1")]);
  for (let i = 0; i < 60; i++) history = deed(history, "rename");
  history = arrival.take(history, [taken("2")]);
  for (let i = 0; i < 50; i++) {
    assert.ok(presentOf(history).images.some(({ id }) => id === "2"));
    assert.equal(undoableOf(history), "rename");
    history = moved(history, -1);
  }
  assert.equal(undoableOf(history), null);
});

test("what their class has already is no step", () => {
  const arrival = new Arrival("a");
  const history = historyOf(start);
  assert.equal(arrival.take(history, [taken("again", undefined, "a0")]), history);
  assert.deepEqual([arrival.added, arrival.repeated], [0, 1]);
  assert.equal(presentOf(arrival.take(history, [taken("new")])).images.length, start.images.length + 1);
});
