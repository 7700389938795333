import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionModules, createAttentionByName } from "../../src/attention/index.js";
import { OptionError } from "../../src/core/errors.js";
import type { OptionSpec } from "../../src/core/options.js";

for (const spec of attentionModules.values())
  for (const [name, { when = {}, default: usual }] of Object.entries(
    spec.options as Record<string, OptionSpec<unknown>>,
  ))
    for (const [other, values] of Object.entries(when)) {
      const { choices = [true, false] } = (spec.options as Record<string, OptionSpec<unknown>>)[other]!;
      for (const choice of choices.filter((choice) => !values.includes(choice)))
        test(`${spec.name}: ${name} is refused with ${other} ${choice}`, () => {
          createAttentionByName(spec.name, 64, { [other]: choice });
          assert.throws(
            () => createAttentionByName(spec.name, 64, { [other]: choice, [name]: usual }),
            (error: Error) => error instanceof OptionError && error.message.includes(`${name} has no effect`),
          );
        });
    }
