import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type DType, float32, type Tensor, tensor, toFloat64 } from "../../src/core/tensor.js";
import { readTorch, type TorchObject } from "../../src/formats/torch/index.js";

type Dict = Map<TorchObject, TorchObject>;

function read(path: string): Dict {
  const value = readTorch(readFileSync(path));
  assert.ok(value instanceof Map);
  return value;
}

function values(t: TorchObject | undefined): number[] {
  return [...toFloat64(t as Tensor).data];
}

for (const file of ["zip-protocol2", "zip-protocol4", "legacy-protocol2", "legacy-protocol4"])
  test(`${file}: everything that make.py saved`, () => {
    const saved = read(`test/fixtures/torch/${file}.pt`);
    const state = saved.get("state_dict") as Dict;

    const dtypes: DType[] = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8"];
    for (const dtype of dtypes) {
      assert.equal((state.get(dtype) as Tensor).dtype, dtype);
      assert.deepEqual(values(state.get(dtype)), [0, 1, 2, 100]);
    }
    assert.deepEqual(state.get("bool"), tensor("bool", [3], Uint8Array.of(1, 0, 1)));
    const transposed = Array.from(
      { length: 24 },
      (_, i) => Math.floor(i / 6) + 4 * (i % 3) + 12 * (Math.floor(i / 3) % 2),
    );
    assert.deepEqual(state.get("transposed"), float32([4, 2, 3], transposed));
    assert.deepEqual(state.get("slice"), float32([2, 2, 2], [4, 6, 8, 10, 16, 18, 20, 22]));
    assert.deepEqual(
      state.get("row"),
      float32(
        [3, 4],
        Array.from({ length: 12 }, (_, i) => i + 12),
      ),
    );
    assert.deepEqual(state.get("expanded"), float32([3, 2], [7, 7, 7, 7, 7, 7]));
    assert.deepEqual(values(state.get("front")), [0, 1, 2, 3]);
    assert.deepEqual(values(state.get("back")), [2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal((state.get("front") as Tensor).data.buffer, (state.get("back") as Tensor).data.buffer);
    assert.deepEqual(state.get("scalar"), float32([], [3.25]));
    assert.deepEqual(state.get("empty"), float32([0, 5], []));
    assert.deepEqual(state.get("parameter"), float32([2], [1, 1]));

    const others = [...saved].filter(([key]) => !["state_dict", "again", "long"].includes(String(key)));
    assert.deepEqual(others, [
      ["epoch", 3],
      ["big", 2n ** 70n],
      ["lowest", -(2n ** 63n)],
      ["rate", 0.1],
      ["infinite", Number.POSITIVE_INFINITY],
      ["text", "héé"],
      ["none", null],
      ["yes", true],
      ["no", false],
      ["bytes", Uint8Array.of(0, 255)],
      ["tuple", [1, 2, 3, 4]],
      ["empty", []],
      ["set", new Set([1, 2])],
      ["frozen", new Set([3])],
      [
        "namespace",
        new Map<TorchObject, TorchObject>([
          ["lr", 0.1],
          ["arch", "resnet20"],
        ]),
      ],
      ["default", new Map([["a", [1]]])],
      ["size", [2, 3]],
      ["device", "cuda:1"],
      ["dtype", "torch.float16"],
      ["float64", 1.25],
      ["float32", 0.5],
      ["int64", -7],
      ["true", true],
      ["__proto__", "x"],
      ["same", [1, [2]]],
    ]);
    assert.deepEqual(saved.get("long"), [...Array(300).keys()]);
    assert.equal(saved.get("same"), saved.get("again"));
  });
