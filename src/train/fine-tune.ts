import { OptionError } from "../core/errors.js";
import { check, positive, text } from "../core/schema.js";
import { moduleSchema } from "../nn/checks.js";
import { freeze, Linear, type Module, parametersOf, walk } from "../nn/index.js";
import type { ParameterGroup } from "./settings.js";

/**
 * The path of a network's classifier: its last fully connected layer, ignoring inserted modules.
 *
 * @throws OptionError if there is none, as in segmentation networks.
 *
 * @example
 * headOf(createModel("resnet20")); // "fc"
 */
export function headOf(model: Module): string {
  check("headOf", "model", moduleSchema, model);
  let head: string | undefined;
  walk(model, {
    module: (path, part) => {
      // insertAttention keeps inserted modules there.
      if (part instanceof Linear && !path.startsWith("attention.")) head = path;
    },
  });
  if (head === undefined) throw new OptionError("headOf: the network has no fully connected classifier");
  return head;
}

/**
 * The classifier as a parameter group whose learning rate is `lrFactor` times that of the rest.
 *
 * @example
 * await train(model, data, { engine, optimizer: sgd({ lr: 0.01 }), groups: [headGroup(model, 10)] });
 */
export function headGroup(model: Module, lrFactor: number): ParameterGroup {
  check("headGroup", "model", moduleSchema, model);
  check("headGroup", "lrFactor", positive, lrFactor);
  const head = headOf(model);
  return { name: "head", lrFactor, has: (path) => path.startsWith(`${head}.`) };
}

/**
 * Freezes everything before a part of a network, so that training starts there. Returns the paths of the frozen parameters.
 *
 * @throws OptionError if no parameter's path begins so, or nothing comes before.
 *
 * @example
 * freezeUntil(model, "layer3"); // [ "conv1.weight", …, "layer2.2.bn2.bias" ]
 */
export function freezeUntil(model: Module, path: string): readonly string[] {
  check("freezeUntil", "model", moduleSchema, model);
  check("freezeUntil", "path", text, path);
  const paths = [...parametersOf(model).keys()];
  const end = paths.findIndex((key) => key === path || key.startsWith(`${path}.`));
  if (end <= 0)
    throw new OptionError(
      `freezeUntil: no parameter's path begins with ${path}; paths begin with ${[...new Set(paths.map((p) => p.split(".")[0]))].join(", ")}`,
    );
  const frozen = new Set(paths.slice(0, end));
  freeze(model, (key) => frozen.has(key));
  return [...frozen];
}
