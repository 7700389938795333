import assert from "node:assert/strict";
import { test } from "node:test";
import { float32 } from "../../../src/core/tensor.js";
import { LoweredModule, LoweredNode, LoweredValue, toModel, verifyModule } from "../../../src/formats/onnx/ir.js";
import { printModule } from "../../../src/formats/onnx/print.js";
import { standardTypes } from "../../../src/formats/onnx/types.js";
import { OnnxWriter } from "../../../src/formats/onnx/writer.js";

/** y = relu(x + c), as [x, c, sum, y]. */
function small() {
  const module = new LoweredModule(17, standardTypes);
  const write = new OnnxWriter(module, false, new Set(["x", "y"]));
  const x = new LoweredValue("x", { dtype: "float32", shape: ["N", 3] }, { kind: "input" });
  const c = write.constant(float32([3], [1, 2, 3]));
  const sum = write.emit("Add", [x, c]);
  const y = write.emit("Relu", [sum]);
  module.inputs = [x];
  module.outputs = [{ name: "y", value: y, type: { dtype: "float32", shape: ["N", 3] } }];
  y.name = "y";
  return { module, write, x, c, sum, y };
}

test("values know who computes and who reads them", () => {
  const { module, x, c, sum, y } = small();
  assert.deepEqual(sum.producer!.inputs, [x, c]);
  assert.deepEqual([...sum.readers], [y.producer]);
  assert.deepEqual(sum.shape, ["N", 3]);
  verifyModule(module);
  assert.equal(printModule(module), "%0 = Add(x, [1,2,3])\ny = Relu(%0)\n");
  assert.equal(
    printModule(module, { types: true }),
    "%0: float32[N,3] = Add(x, [1,2,3])\ny: float32[N,3] = Relu(%0)\n",
  );
});

test("uses are replaced everywhere, in branches and outputs too, and dead code is removed", () => {
  const { module, write, x, sum, y } = small();
  const flag = write.emit("Greater", [write.emit("ReduceSum", [x], { keepdims: 0 }), write.number(0)]);
  const either = write.branch(
    flag,
    () => write.emit("Neg", [y]),
    () => y,
  );
  module.outputs = [...module.outputs, { name: "z", value: either, type: either.type }];
  either.name = "z";
  verifyModule(module);
  module.replaceAllUses(y, sum);
  assert.deepEqual([y.readers.size, module.outputs[0]!.value], [0, sum]);
  module.removeDeadCode();
  verifyModule(module);
  assert.deepEqual(
    module.nodes.map(({ type }) => type),
    ["Add", "ReduceSum", "Greater", "If"],
  );
  assert.deepEqual([...sum.readers].map(({ type, outermost }) => [type, outermost.type]).sort(), [
    ["Identity", "If"],
    ["Neg", "If"],
  ]);
  assert.deepEqual([...toModel(module).initializers.keys()], ["const_0", "float_0"]);
});

test("what is made once is made once per branch, and read from outside if it is there", () => {
  const { module, write, x, y } = small();
  const flag = write.emit("IsNaN", [write.emit("ReduceSum", [x], { keepdims: 0 })]);
  const once = (type: string) => write.memo(type, () => write.emit(type, [y]));
  const outside = once("Exp");
  const inside = write.branch(
    flag,
    () => write.emit("Add", [once("Neg"), once("Neg")]),
    () => write.emit("Mul", [once("Neg"), once("Exp")]),
  );
  const all = write.emit("Sum", [outside, inside, once("Neg")]);
  all.name = "all";
  module.outputs = [{ name: "all", value: all, type: all.type }];
  verifyModule(module);
  const types = (nodes: readonly LoweredNode[]) => nodes.map(({ type }) => type);
  const { branches } = inside.producer!;
  assert.deepEqual(
    [types(module.nodes), ...branches.map(({ nodes }) => types(nodes))],
    [
      ["Add", "Relu", "ReduceSum", "IsNaN", "Exp", "If", "Neg", "Sum"],
      ["Neg", "Add", "Identity"],
      ["Neg", "Mul", "Identity"],
    ],
  );
});

test("dead code gives up what it reads", () => {
  const { module, write, x, y } = small();
  write.emit("Exp", [x]);
  assert.equal(x.readers.size, 2);
  module.removeDeadCode();
  assert.deepEqual([x.readers.size, module.nodes.length, module.outputs[0]!.value], [1, 2, y]);
});

test("the verifier names the node that is wrong", () => {
  const faults: Readonly<Record<string, readonly [(parts: ReturnType<typeof small>) => void, RegExp]>> = {
    "a node before what it reads": [({ module }) => module.nodes.reverse(), /Relu_1: Add_0 is read before/],
    "two arrays of one name": [({ c }) => (c.name = "Add_0"), /Add_0: two arrays are named Add_0/],
    "a reader that is not registered": [({ sum }) => sum.readers.clear(), /Relu_1: is no reader of Add_0/],
    "a type that the operator does not give": [
      ({ module, y }) => {
        const node = new LoweredNode("cast", { type: "Cast", attributes: { to: 9 } }, [y], [y.type]);
        module.nodes.push(node);
      },
      /cast: is float32\[N,3\], not bool\[N,3\]/,
    ],
    "an output of another type": [
      ({ module, y }) => (module.outputs = [{ name: "y", value: y, type: { dtype: "float32", shape: ["N", 4] } }]),
      /output y: is float32\[N,3\], not float32\[N,4\]/,
    ],
    "an output that nothing computes": [({ module }) => module.nodes.pop(), /output y is not computed/],
    "a value of a branch outside": [
      ({ write, y }) => {
        const flag = write.emit("IsNaN", [write.emit("ReduceSum", [y], { keepdims: 0 })]);
        let inner = y;
        write.branch(
          flag,
          () => (inner = write.emit("Neg", [y])),
          () => y,
        );
        write.emit("Exp", [inner]);
      },
      /Exp_\d+: Neg_\d+ is read before/,
    ],
  };
  for (const [name, [spoil, message]] of Object.entries(faults)) {
    const parts = small();
    spoil(parts);
    assert.throws(() => verifyModule(parts.module), message, name);
  }
});

test("what does not fit is refused where it is emitted", () => {
  const { write, x, y } = small();
  const wrong = write.constant(float32([4], [1, 2, 3, 4]));
  assert.throws(() => write.emit("Mul", [y, wrong]), /Mul_\d+: dimensions 3 and 4 do not broadcast/);
  assert.throws(() => write.emit("MatMul", [x, write.constant(float32([2, 2], [1, 2, 3, 4]))]), /3 and 2/);
  assert.throws(() => write.reshape(wrong, [3]), /\[4\] cannot be reshaped to \[3\]/);
});
