import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules, createAttentionByName } from "../../src/attention/index.js";
import { costOf } from "../../src/graph/cost.js";
import type { Value } from "../../src/graph/graph.js";
import { printGraph } from "../../src/graph/print.js";
import { createModelByName, listModels } from "../../src/models/index.js";
import { type AnyModule, Conv2d, kindOf, Module, Sequential, trace, walk } from "../../src/nn/index.js";
import { relu } from "../../src/ops/index.js";
import { drawDiagram } from "../../src/report/index.js";

test("every class of a module in the catalogues declares its kind, by its name", () => {
  const classes = new Map<unknown, AnyModule>();
  const visit = (root: AnyModule) => walk(root, { module: (_, part) => classes.set(part.constructor, part) });
  for (const name of listModels())
    if (!/101|152|110|164/.test(name)) {
      visit(createModelByName(name));
      if (/^resnet(18|20)$/.test(name)) visit(createModelByName(name, { attention: "cbam" }));
    }
  for (const { name, options } of attentionModules.values())
    visit(createAttentionByName(name, 64, "size" in options ? { size: [8, 8] } : {}));
  assert.ok(classes.size > 50, `${classes.size} classes`);
  for (const [type, module] of classes) {
    assert.ok(Object.hasOwn(type as object, "kind"), `${module.constructor.name} declares no kind`);
    assert.equal(kindOf(module), module.constructor.name);
  }
});

/** As a convolution, and more. */
class Convolved extends Conv2d {
  override forward(x: Value): Value {
    return relu(super.forward(x));
  }
}

test("a class that declares no kind is a Module, not what it extends, whatever its name", () => {
  const build = (type: new (...args: ConstructorParameters<typeof Conv2d>) => Conv2d) =>
    trace(new Sequential({ own: new type(4, 4, { kernelSize: 1 }) }), [1, 4, 3, 3]);
  const told = (graph: ReturnType<typeof build>) => [printGraph(graph), drawDiagram(graph), costOf(graph)];
  const graph = build(Convolved);
  assert.deepEqual(graph.nodes.at(-1)!.scope, { path: "own", kind: "Module" });
  assert.match(printGraph(graph), /Relu\(%\d\): |# own \(Module\)/);
  assert.match(drawDiagram(graph), /ReLU/);
  const renamed = { a: class extends Convolved {} }.a;
  assert.deepEqual(told(build(renamed)), told(graph));
  assert.equal(Module.kind, "Module");
});
