import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as engineEntry from "../src/engine.js";
import { OpenFile } from "../src/files/read.js";
import * as foveaEntry from "../src/index.js";
import * as nn from "../src/nn.js";
import { Tally } from "../src/train/metrics.js";
import { RunFolder } from "../src/train/run-folder.js";
import { tinyDataset } from "./data/support.js";
import { ort } from "./support/engines.js";
import {
  type Callable,
  type Case,
  left,
  type Mistake,
  mistakes,
  options,
  refuses,
  refusesMistakes,
} from "./support/mistakes.js";
import { runConfig } from "./train/support.js";

/** All entry points together, and classes that only the command line uses. */
const fovea = { ...engineEntry, ...nn, ...foveaEntry, OpenFile, Tally, RunFolder };

const folder = mkdtempSync(join(tmpdir(), "fovea-methods-"));
after(() => rmSync(folder, { recursive: true }));

class Net extends fovea.Module {
  static override readonly kind: string = "Net";
  readonly fc = new fovea.Linear(48, 3);
  override forward(x: nn.Value): nn.Value {
    return this.fc.call(fovea.flatten(x));
  }
}

const data = tinyDataset(6);
const preprocessing = { imageSize: 4, resize: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const type = { dtype: "float", shape: [2, 3] } as const;
const any = Object.keys(mistakes) as Mistake[];

/** A cell that every graph of this file knows. */
const cell = new fovea.Param([2, 3], fovea.constant(0));
const newGraph = () => new fovea.Graph(false, () => "weight");
const value = (graph: nn.Graph) => graph.input("x", type);
const graphs: Readonly<Record<string, (graph: nn.Graph) => Case>> = {
  input: () => ({ args: () => ["x", type], allowed: { 0: ["text"] } }),
  state: () => ({ args: () => [cell] }),
  bind: (graph) => {
    const x = value(graph);
    return { args: () => [cell, "weight", x], allowed: { 1: ["text"] } };
  },
  current: () => ({ args: () => [cell] }),
  constant: () => ({ args: () => [fovea.float32([1], [1])] }),
  scalar: () => ({ args: () => [1], allowed: { 0: ["7.5"] } }),
  random: () => ({ args: () => [[2]], allowed: { 0: ["[]"] } }),
  apply: (graph) => {
    const x = value(graph);
    return {
      args: () => [fovea.ops.operators.get("Relu"), [x], {}],
      allowed: { 2: ["{}", "{ nonsense }"] },
      says: /apply|Relu/,
    };
  },
  output: (graph) => {
    const x = value(graph);
    return { args: () => ["y", x], allowed: { 0: ["text"] } };
  },
  update: (graph) => {
    const x = value(graph);
    return { args: () => [cell, x] };
  },
  tap: (graph) => {
    const x = value(graph);
    return { args: () => ["map", x], allowed: { 0: ["text"] } };
  },
  within: () => ({ args: () => [{ path: "layer1" }, () => 1] }),
};

/** Methods of a class, but what it keeps to itself. */
const methodsOf = (owner: object, ...internal: string[]) =>
  Object.getOwnPropertyNames(owner).filter((name) => {
    const { value } = Object.getOwnPropertyDescriptor(owner, name)!;
    return typeof value === "function" && name !== "constructor" && !internal.includes(name);
  });

test("every method of Graph is in the table; Node and Value have none", () => {
  assert.deepEqual(methodsOf(fovea.Graph.prototype, "newValue", "where").sort(), Object.keys(graphs).sort());
  assert.deepEqual([...methodsOf(fovea.Node.prototype), ...methodsOf(fovea.Value.prototype)], []);
});

for (const [name, make] of Object.entries(graphs))
  test(`Graph.${name} refuses wrong arguments in one line`, async () => {
    for (const scope of [{ path: "" }, { path: "layer1", kind: "Net" }]) {
      const graph = newGraph();
      const call = ((...args: unknown[]) =>
        graph.within(scope, () => Reflect.apply(graph[name as "input"], graph, args))) as Callable;
      const given = make(graph);
      await refusesMistakes(name, call, { says: /Graph|^layer1/, ...given });
      // The graph is as it was: a call that is right goes on with it.
      Reflect.apply(call, undefined, name === "input" ? ["other", type] : given.args());
    }
  });

test("a graph takes no values of another", async () => {
  const [own, foreign] = [newGraph(), value(newGraph())];
  const x = value(own);
  for (const act of [
    () => own.output("y", foreign),
    () => own.tap("y", foreign),
    () => own.update(cell, foreign),
    () => own.bind(cell, "weight", foreign),
    () => fovea.ops.add(x, foreign),
    () => fovea.gradients(x, [foreign]),
  ])
    await refuses(String(act), act);
  await refuses("a name twice", () => own.input("x", type), /twice/);
  await refuses("a shape that does not fit", () => own.update(cell, own.scalar(1)), /cannot hold/);
});

/** Objects, and for each method a right call. Methods that are asked nothing are called with too much. */
const objects: Readonly<
  Record<
    string,
    () => Promise<{ readonly it: object; readonly calls: Readonly<Record<string, Case>>; readonly internal?: string[] }>
  >
> = {
  Loader: async () => ({
    it: new fovea.Loader(data, { batch: 2, preprocessing }),
    calls: {
      order: { args: () => [0] },
      slots: { args: () => [[0, 1, 2, 3, 4, 5], 0], allowed: { 0: ["[]"] } },
    },
    internal: ["epoch"],
  }),
  Rng: async () => ({
    it: new fovea.Rng(0),
    calls: { permutation: { args: () => [4] } },
    internal: ["uint32", "uniform", "int", "normal"],
  }),
  Tally: async () => ({
    it: new fovea.Tally(["a", "b"]),
    calls: { add: { args: () => [[0, 1], 0] }, metrics: { args: () => [] } },
  }),
  Module: async () => ({
    it: new Net(),
    calls: { call: { args: () => [value(newGraph())], says: /Net/ }, appendHook: { args: () => [new Net()] } },
    internal: ["forward", "addPart", "addParts"],
  }),
  OpenSafetensors: async () => ({
    it: await fovea.openSafetensors(
      fovea.blobSource(new Blob([fovea.writeSafetensors([["a", fovea.float32([1], [1])]]) as never])),
    ),
    calls: { read: { args: () => ["a"], says: /safetensors|read/ } },
  }),
  "a source of a blob": async () => ({
    it: fovea.blobSource(new Blob(["text"])),
    calls: { read: { args: () => [0, 4], says: /blobSource/ } },
  }),
  OpenFile: async () => {
    writeFileSync(join(folder, "four"), "four");
    return {
      it: await fovea.OpenFile.open(join(folder, "four")),
      calls: { read: { args: () => [0, 4], says: /four/ }, close: { args: () => [] } },
    };
  },
  Predictor: async () => ({
    it: await fovea.openPredictor(
      { model: fovea.initialize(new Net()), classes: null, preprocessing },
      { engine: fovea.referenceEngine() },
    ),
    calls: { predict: { args: () => [data.image(0)] }, release: { args: () => [] } },
  }),
  RunFolder: async () => {
    const run = await fovea.RunFolder.create(mkdtempSync(join(folder, "run-")), runConfig);
    after(() => run.release());
    return {
      it: run,
      calls: {
        write: { args: () => ["report", "text"], allowed: { 1: ["text", "[]"] }, says: /RunFolder|contents/ },
        weights: { args: () => ["best"], allowed: left(0), says: /RunFolder/ },
        validation: { args: () => [1], says: /RunFolder/ },
        truncateMetrics: { args: () => [1], says: /RunFolder/ },
        epochs: { args: () => [] },
        maps: { args: () => [[1]], allowed: { 0: ["[]"] }, says: /RunFolder/ },
        writeMaps: {
          args: () => [{ format: "fovea.maps.1", epoch: 1, layer: "layer3", gate: null, looks: [] }],
          says: /RunFolder/,
        },
        facts: { args: () => [] },
        pixelFacts: { args: () => [] },
        targetFacts: { args: () => [] },
        record: {
          args: () => [{ epoch: 1, trainLoss: 1 }, [], { isBest: true, weights: new Map(), checkpoint: "" }],
          allowed: { 1: ["[]"] },
          says: /RunFolder|historyCsv/,
        },
        claim: { args: () => [] },
        checkpoint: { args: () => [] },
        description: { args: () => [] },
        release: { args: () => [] },
      },
    };
  },
};

for (const [name, make] of Object.entries(objects))
  test(`the methods of ${name} refuse wrong arguments in one line`, async () => {
    const { it, calls, internal = [] } = await make();
    const prototype = Object.getPrototypeOf(it) === Object.prototype ? it : Object.getPrototypeOf(it);
    const owner = name === "Module" ? fovea.Module.prototype : prototype;
    assert.deepEqual(methodsOf(owner, ...internal).sort(), Object.keys(calls).sort());
    for (const [method, given] of Object.entries(calls)) {
      const call = ((...args: unknown[]) =>
        Reflect.apply((it as Record<string, Callable>)[method]!, it, args as never)) as Callable;
      await refusesMistakes(method, call, { says: new RegExp(`${name}|${method}`, "i"), ...given });
    }
  });

test("folders of runs are not created or opened by mistake", async () => {
  const { create, open } = fovea.RunFolder;
  await refusesMistakes("create", create.bind(fovea.RunFolder) as Callable, {
    args: () => [join(folder, "none"), { ...runConfig, format: "another" }],
    allowed: { 0: ["text"] },
    says: /RunFolder/,
  });
  await refusesMistakes("open", open.bind(fovea.RunFolder) as Callable, {
    args: () => [folder],
    says: /RunFolder|nonsense/,
  });
  await refusesMistakes("OpenFile.open", fovea.OpenFile.open as Callable, {
    args: () => [folder],
    says: /OpenFile|nonsense/,
  });
});

test("batches of no epoch, and what is behind the end of a source, are refused", async () => {
  const loader = new fovea.Loader(data, { batch: 2, preprocessing });
  for (const [mistake, wrong] of Object.entries(mistakes)) {
    if (mistake !== "undefined") await refuses(`epoch ${mistake}`, () => loader.epoch(wrong as never).next(), /Loader/);
    if (!options(1)[1]!.includes(mistake as Mistake))
      await refuses(`options ${mistake}`, () => loader.epoch(0, wrong as never).next(), /Loader/);
  }
  const source = fovea.blobSource(new Blob(["four"]));
  for (const [offset, length] of [
    [0, 5],
    [4, 1],
    [-1, 1],
    [2 ** 53, 1],
    [0, Number.POSITIVE_INFINITY],
  ] as const)
    await refuses(`${offset}, ${length}`, () => source.read(offset, length), /blobSource/);
  await refuses("a tensor that is not there", async () => {
    const file = await fovea.openSafetensors(fovea.blobSource(new Blob([fovea.writeSafetensors([]) as never])));
    await file.read("__proto__");
  });
});

test("executables refuse wrong inputs, and everything after their release", async () => {
  for (const engine of [fovea.referenceEngine(), ort]) {
    const executable = await engine.compile(fovea.trace(fovea.initialize(new Net()), [2, 3, 4, 4]));
    const right = fovea.zeros("float32", [2, 3, 4, 4]);
    await refusesMistakes("run", executable.run.bind(executable) as Callable, { args: () => [{ input: right }] });
    for (const wrong of [
      ...any.map((mistake) => mistakes[mistake]),
      { ...right, shape: [2, 3, 4] },
      { ...right, shape: [2, 3, 4, Number.NaN] },
      { ...right, shape: [-2, 3, 4, -4] },
      { ...right, data: [...right.data] },
      { ...right, data: new Float32Array(5) },
      { ...right, dtype: "float7" },
      { ...right, data: new BigInt64Array(96) },
      { ...right, dtype: "int64" },
    ])
      await refuses(
        `${engine.name}: ${JSON.stringify(Object.keys(wrong ?? {}))}`,
        () => executable.run({ input: wrong as never }),
        /run/,
      );
    await refuses("an unknown input", () => executable.run({ input: right, other: right }), /other/);
    await executable.run({ input: right });
    await executable.release();
    await executable.release();
    await refuses(`${engine.name}: run after release`, () => executable.run({ input: right }), /released/);
    await refuses(`${engine.name}: read after release`, async () => {
      const state = await executable.readState();
      assert.notEqual(state.size, 0);
    }).catch(() => {});
  }
});

test("parameters take values of their size alone", async () => {
  for (const wrong of [...Object.values(mistakes), fovea.float32([5], [1, 2, 3, 4, 5])])
    await refuses(typeof wrong, () => {
      cell.value = wrong as never;
    });
});
