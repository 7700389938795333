import assert from "node:assert/strict";
import { test } from "node:test";
import * as ortNode from "onnxruntime-node";
import { toFloat32 } from "../../src/core/tensor.js";
import { compile } from "../../src/engines/ort/compile.js";
import { encode } from "../../src/engines/ort/passes/encode.js";
import { cpuBackend, cpuTarget } from "../../src/engines/ort/targets/cpu.js";
import type { Target } from "../../src/engines/ort/targets/target.js";
import { wasmTarget } from "../../src/engines/ort/targets/wasm.js";
import { formatType } from "../../src/formats/onnx/ir.js";
import type { Graph } from "../../src/graph/graph.js";
import { random } from "../support/random.js";
import { elementwise, inference, training } from "./small-graphs.js";

const facts = await cpuBackend().probe(ortNode);
const targets: Readonly<Record<string, Target>> = {
  "on the CPU": cpuTarget({ ...facts, writesInPlace: false }),
  "on the CPU, plain": cpuTarget({ blockSize: undefined, writesInPlace: false }),
  "as WebAssembly": wasmTarget(),
};
const graphs: Readonly<Record<string, () => Graph>> = { training, inference, elementwise };

for (const [where, target] of Object.entries(targets))
  for (const [name, build] of Object.entries(graphs))
    test(`every result has the type that was inferred: ${name}, ${where}`, async () => {
      const module = compile(build(), target);
      const { lowered } = module;
      const results = lowered.nodes.flatMap(({ outputs }) => outputs);
      const known = results.filter(({ shape }) => shape?.every((d) => typeof d === "number"));
      // What a barrier passes through for a moment has no shape.
      const unknown = results.filter((value) => !known.includes(value) && value.producer!.type !== "Unsqueeze");
      assert.deepEqual(unknown, []);
      const states = encode(module, target).states;
      lowered.outputs = known.map((value) => ({ name: value.name, value, type: value.type }));
      const { model } = encode({ ...module, lowered }, target);
      const session = await ortNode.InferenceSession.create(model, {
        logSeverityLevel: 4,
        intraOpNumThreads: 1,
        // With all results as outputs nothing is to be fused.
        graphOptimizationLevel: "disabled",
      });
      const feeds = Object.fromEntries(
        lowered.inputs.map(({ name, type }) => {
          const given = states.find(({ before }) => before === name)?.initial ?? random(type.shape as number[]);
          const { data, shape } = given.dtype === "int64" ? given : toFloat32(given);
          return [name, new ortNode.Tensor(type.dtype as "float32", data as Float32Array, shape as number[])];
        }),
      );
      const actual = await session.run(feeds);
      await session.release();
      for (const { name, type } of known) {
        const { type: dtype, dims } = actual[name]!;
        assert.equal(`${dtype}[${dims}]`, formatType(type), name);
      }
    });
