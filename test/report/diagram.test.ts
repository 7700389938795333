import assert from "node:assert/strict";
import { test } from "node:test";
import { tensor } from "../../src/core/tensor.js";
import { Graph, type Value } from "../../src/graph/graph.js";
import { Conv2d, Lambda, Module, Sequential, trace } from "../../src/nn/index.js";
import { add, concat, mul, reduceMean, relu, sigmoid, transpose } from "../../src/ops/index.js";
import { drawDiagram } from "../../src/report/index.js";
import { examples, traceExample } from "../attention/catalogue.js";
import { assertWellFormed, hostile } from "./support.js";

/** Texts of a drawing, in order. */
const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
const shape = ["N", 8, 6, 5] as const;

for (const training of [false, true])
  test(`figures of all modules stand apart${training ? ", also of training graphs" : ""}`, () => {
    for (const example of examples) {
      const svg = drawDiagram(traceExample(example, undefined, training).graph);
      assertWellFormed(svg);
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/, example.label);
      const boxes = [...svg.matchAll(/<rect [^>]*x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"/g)].map((m) =>
        m.slice(1).map(Number),
      );
      assert.ok(boxes.length > 2, example.label);
      boxes.forEach(([x, y, w, h], i) => {
        for (const [p, q, v, u] of boxes.slice(i + 1))
          assert.ok(
            x! + w! <= p! || p! + v! <= x! || y! + h! <= q! || q! + u! <= y!,
            `${example.label}: two boxes overlap at ${x},${y} and ${p},${q}`,
          );
      });
    }
  });

test("operators on single elements go with the step before, branches are joined by signs", () => {
  const conv = new Conv2d(8, 4, { kernelSize: 3, padding: 1 });
  const part = new Sequential({ conv, act: new Lambda(relu), scale: new Lambda((x) => mul(sigmoid(x), 0.5)) });
  const module = new Sequential({ part, join: new Lambda((x) => add(x, reduceMean(x, [2, 3]))) });
  assert.deepEqual(texts(drawDiagram(trace(module, shape))), [
    ...["input", "8×6×5"],
    ...["Conv 3×3 8→4 · ReLU", "sigmoid · × 0.5", "part.conv: 4×8×3×3", "→ 4×6×5"],
    ...["mean over H, W", "→ 4×1×1"],
    ...["+", "4×6×5"],
    ...["output", "4×6×5"],
  ]);
});

test("a published map is told where it is made, and nothing is written behind it", () => {
  const gate = new Lambda((x) => {
    const g = sigmoid(reduceMean(x, [1]));
    x.graph.tap("here", g);
    x.graph.tap("turned", transpose(g, [0, 1, 3, 2]));
    return mul(x, add(g, 1));
  });
  const words = texts(drawDiagram(trace(gate, shape)));
  assert.deepEqual(words.slice(2, 8), [
    "mean over C · sigmoid",
    "→ 1×6×5",
    "map: here",
    "map: turned",
    "+ 1",
    "→ 1×6×5",
  ]);
});

test("modules that are asked for are one box, with the number of their parameters", () => {
  class Inner extends Module {
    static override readonly kind: string = "Inner";
    readonly a = new Conv2d(8, 8, { kernelSize: 1 });
    readonly b = new Conv2d(8, 8, { kernelSize: 1 });
    override forward(x: Value): Value {
      return add(this.a.call(x), this.b.call(x));
    }
  }
  const graph = trace(new Sequential({ inner: new Inner() }), shape);
  assert.ok(texts(drawDiagram(graph)).includes("+"));
  assert.deepEqual(texts(drawDiagram(graph, { collapse: ["Inner"] })).slice(2, 5), [
    "Inner",
    "inner: 144 parameters",
    "→ 8×6×5",
  ]);
});

test("the same graph is drawn the same, names of a user's are escaped, wrong options refused", () => {
  const build = () => {
    const graph = new Graph();
    const x = graph.input(hostile, { dtype: "float", shape: [2, 3] });
    const c = graph.constant(tensor("float64", [3], Float64Array.of(1, 2, 3)));
    graph.output("y", concat([mul(x, c), x], 1));
    graph.output("x again", x);
    return graph;
  };
  const svg = drawDiagram(build(), { title: hostile });
  assertWellFormed(svg);
  assert.equal(svg, drawDiagram(build(), { title: hostile }));
  assert.ok(texts(svg).includes("× constant 3"));
  assert.throws(() => drawDiagram(build(), { tilte: "" } as object), { message: /Did you mean "title"/ });
});
