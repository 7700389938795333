import assert from "node:assert/strict";
import { test } from "node:test";
import { closest } from "../../src/core/errors.js";
import { attentionModules, models } from "../../src/internal.js";

const options = ["reduction", "kernelSize", "classes", "attention", "placement"];
const commands = [
  "list",
  "summary",
  "train",
  "eval",
  "predict",
  "explain",
  "export",
  "inspect",
  "convert",
  "verify",
  "bench",
];

test("typing mistakes lead to the name that was meant", () => {
  const cases: [string, Iterable<string>, readonly [typed: string, meant: string][]][] = [
    [
      "module",
      [...attentionModules.keys()],
      [
        ["cbm", "cbam"],
        ["cbma", "cbam"],
        ["cabm", "cbam"],
        ["CBAM", "cbam"],
        ["cbamm", "cbam"],
        ["simm", "simam"],
        ["siamm", "simam"],
        ["triplt", "triplet"],
        ["tripelt", "triplet"],
        ["cord", "coord"],
        ["scs", "scse"],
      ],
    ],
    [
      "model",
      [...models.keys()],
      [
        ["resnt18", "resnet18"],
        ["rsnet50", "resnet50"],
        ["resnte34", "resnet34"],
        ["resnet 50", "resnet50"],
      ],
    ],
    [
      "option",
      options,
      [
        ["reducton", "reduction"],
        ["kernelsize", "kernelSize"],
        ["clases", "classes"],
        ["atention", "attention"],
      ],
    ],
    [
      "command",
      commands,
      [
        ["tain", "train"],
        ["trian", "train"],
        ["exprot", "export"],
        ["predct", "predict"],
        ["evl", "eval"],
      ],
    ],
  ];
  for (const [what, names, pairs] of cases)
    for (const [typed, meant] of pairs) assert.equal(closest(typed, names), meant, `${what} ${typed}`);
});

test("what is like nothing gets no suggestion", () => {
  for (const name of ["transformer", "xyzzy"]) assert.equal(closest(name, commands), undefined, name);
});
