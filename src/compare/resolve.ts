import { OptionError } from "../core/errors.js";
import { recordedIn } from "../core/settings.js";
import { augmentedBy, defaultAugmentation, defaultPreprocessing } from "../data/index.js";
import { buildNetwork } from "../inference/load-run.js";
import { modelInfo, type WrittenModel } from "../models/index.js";
import { defaultBatch, type Optimizer, optimizers, scheduleBy } from "../train/index.js";
import type { RunConfig } from "../train/run-folder.js";
import { taskOf } from "../train/run-task.js";
import { trainingSettings } from "../train/settings.js";
import type { Division } from "./data.js";
import { type Frame, type NetworkCost, networkCost, networkOf } from "./entrants.js";
import { type Named, type Plan, type Setting, settledFor, taskOfPlan } from "./plan.js";
import { comparedTasks } from "./tasks.js";
import type { Unit } from "./units.js";

/** Seconds per training step of each network, by {@link rateKey}, for `--budget seconds`. */
export type Rates = ReadonlyMap<string, number>;
export const rateKey = (backbone: Named, entrant: Named, setting: number): string =>
  [backbone.label, entrant.label, setting].join("/");

/** A unit with everything derived from the plan and the data. */
export interface ResolvedUnit extends Unit {
  readonly model: WrittenModel;
  readonly cost: NetworkCost;
  /** How long it is trained. */
  readonly steps: number;
  readonly epochs: number;
  readonly training: RunConfig["training"];
  readonly preprocessing: Frame["preprocessing"];
  readonly task: Frame["task"];
}

/** Prepares units. What several of them need is computed once. */
export class Resolver {
  readonly #networks = new Map<string, { readonly model: WrittenModel; readonly costs: Map<number, NetworkCost> }>();
  readonly frame: Frame;

  constructor(
    readonly plan: Plan,
    readonly data: Division,
    /** Needed for a budget of seconds. */
    readonly rates?: Rates,
  ) {
    const preprocessing = defaultPreprocessing(data.train, plan.data.imageSize);
    const record = comparedTasks[taskOfPlan(plan)].record(data.train);
    const recorded = record && { task: record };
    this.frame = {
      classes: data.train.classes,
      preprocessing,
      task: taskOf(recorded ?? {}),
      ...(recorded && { record }),
    };
  }

  /** @throws OptionError or ShapeError where the module does not fit the backbone. */
  resolve(unit: Unit): ResolvedUnit {
    const { backbone, entrant, setting } = unit;
    const { model, cost } = this.#network(backbone, entrant, setting);
    const batches = this.#batches(entrant, setting);
    const steps = this.#steps(unit, cost);
    return {
      ...unit,
      model,
      cost,
      steps,
      epochs: steps / batches,
      training: this.#training(unit, Math.ceil(steps / batches)),
      preprocessing: this.frame.preprocessing,
      task: this.frame.task,
    };
  }

  /** How an entrant is trained in a setting of the plan: what it has of its own comes first. */
  setting({ training }: Named, setting: number): Omit<Setting, "recipe"> {
    return settledFor(this.plan.settings[setting]!, training);
  }

  optimizer(backbone: Named, entrant: Named, setting: number): Optimizer {
    const { optimizer, optimizerOptions, lr, weightDecay, decayNorms = true } = this.setting(entrant, setting);
    const name = optimizer ?? modelInfo(backbone.name).optimizer ?? "sgd";
    return optimizers[name]({
      ...optimizerOptions,
      ...(lr === undefined ? {} : { lr }),
      ...(weightDecay === undefined ? {} : { weightDecay }),
      ...(decayNorms ? {} : { decayNormsAndBiases: false }),
    });
  }

  batch(entrant: Named, setting: number): number {
    const { length } = this.data.train;
    return Math.min(this.setting(entrant, setting).batch ?? defaultBatch(length), length);
  }

  #batches(entrant: Named, setting: number): number {
    return Math.floor(this.data.train.length / this.batch(entrant, setting));
  }

  #network(
    backbone: Named,
    entrant: Named,
    setting: number,
  ): { readonly model: WrittenModel; readonly cost: NetworkCost } {
    const key = rateKey(backbone, entrant, 0);
    let found = this.#networks.get(key);
    if (!found) {
      const model = networkOf(backbone, entrant, this.plan.entrants, this.frame);
      this.#networks.set(key, (found = { model, costs: new Map() }));
    }
    let cost = found.costs.get(setting);
    if (!cost) {
      const network = buildNetwork(found.model, this.frame.preprocessing);
      cost = networkCost(network, this.frame, this.batch(entrant, setting), this.optimizer(backbone, entrant, setting));
      found.costs.set(setting, cost);
    }
    return { model: found.model, cost };
  }

  /** Steps of a unit: as much of the budget as the baseline gets with the first setting. */
  #steps({ backbone, entrant, setting }: Unit, cost: NetworkCost): number {
    const { budget, epochs, entrants } = this.plan;
    if (budget === "epochs") return epochs * this.#batches(entrant, setting);
    const steps = epochs * this.#batches(entrants[0]!, 0);
    if (budget === "steps") return steps;
    const base = entrants[0]!;
    if (budget === "macs") {
      const { stepMacs } = this.#network(backbone, base, 0).cost;
      return Math.max(1, Math.round((steps * stepMacs) / cost.stepMacs));
    }
    const [own, first] = [[entrant, setting] as const, [base, 0] as const].map(([who, which]) =>
      this.rates?.get(rateKey(backbone, who, which)),
    );
    if (own === undefined || first === undefined)
      throw new OptionError(
        `a budget of seconds needs the speed of ${backbone.label} ${entrant.label}, which has not been measured yet`,
      );
    return Math.max(1, Math.round((steps * first) / own));
  }

  #training({ backbone, entrant, seed, setting }: Unit, epochs: number): RunConfig["training"] {
    const { augment = true, ...own } = this.setting(entrant, setting);
    const { name, settings } = this.optimizer(backbone, entrant, setting);
    const usual = defaultAugmentation(this.data.train, this.frame.preprocessing);
    return {
      ...recordedIn(trainingSettings, { ...own, epochs, seed, batch: this.batch(entrant, setting) }),
      optimizer: { name, settings },
      schedule: scheduleBy(own, epochs),
      augment: augmentedBy(augment ? usual : null, own),
    };
  }
}
