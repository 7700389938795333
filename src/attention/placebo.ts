import type { OptionsOf } from "../core/options.js";
import { check, oneOf } from "../core/schema.js";
import type { Value } from "../graph/graph.js";
import { Module, normal, Param } from "../nn/index.js";
import { mul, reshape, sigmoid } from "../ops/index.js";
import { defineAttention } from "./spec.js";

const options = {
  gate: {
    default: "constant" as "constant" | "random",
    choices: ["constant", "random"] as const,
    doc: "constant: ½ for every channel; random: a fixed draw for each",
  },
};

/**
 * A gate that looks at nothing, for which a comparison should find no difference. `constant`, y = x / 2, what a sigmoid is before it has
 * learned; `random`, y = x · σ(noise), with normal noise for each channel, drawn with the weights and never changed. Buffer `noise` [C].
 *
 * @example
 * const gate = createAttentionByName("placebo", 64, { gate: "random" });
 */
export class Placebo extends Module {
  static override readonly kind: string = "Placebo";

  declare readonly noise: Param | undefined;

  constructor(channels: number, { gate }: OptionsOf<typeof options>) {
    super();
    check("placebo", "gate", oneOf("constant", "random"), gate);
    if (gate === "random") Object.assign(this, { noise: new Param([channels], normal(1), "buffer") });
  }

  override forward(x: Value): Value {
    if (!this.noise) return mul(x, 0.5);
    return mul(x, sigmoid(reshape(x.graph.state(this.noise), [1, this.noise.shape[0]!, 1, 1])));
  }
}

/** Networks take it by name, but it is not in the catalogue, because it stands for no paper. */
export const placebo = defineAttention({
  name: "placebo",
  title: "Placebo",
  paper: { title: "a control, of no paper", venue: "", url: "" },
  formula: ["y = x · ½, or x · σ(noise)"],
  notes: [],
  kind: "gate",
  attends: "none",
  placement: "residual",
  field: "placebo",
  options,
  create: (channels, resolved) => new Placebo(channels, resolved),
});
