import { OptionError } from "../core/errors.js";
import { check, classList, either, options as fields, maybe, settings, text } from "../core/schema.js";
import type { Checkpoint } from "../formats/checkpoint.js";
import { type DownloadOptions, downloadOptions } from "../hub/download.js";
import { resolveWeights } from "../hub/resolve.js";
import { createModelByName, type ModelName, type ModelOptions } from "../models/index.js";
import { initialize } from "../nn/index.js";
import { openCheckpoint } from "../train/load-weights.js";
import type { Classifier } from "./classifier.js";
import { loadPretrained, type PretrainedReport } from "./pretrained.js";
import { type PretrainedWeights, pretrainedFor, pretrainedWeightsSchema } from "./pretrained-weights.js";

/** Options of {@link createPretrained} besides those of the network. */
export interface CreatePretrainedOptions {
  /** Name of published weights, or weights of your own described as those are. Default: the network's first in `pretrainedWeights`. */
  readonly weights?: string | PretrainedWeights;
  /** Class names of the task, in the order of the logits. Rows of the classifier are taken over by name. Default: those of the weights. */
  readonly classes?: readonly string[];
  /** How to download: cache, progress, abortion. */
  readonly download?: DownloadOptions;
}

export const createPretrainedOptions = fields<CreatePretrainedOptions>({
  weights: maybe(
    either<string | PretrainedWeights>(
      "the name of weights, or weights as pretrainedWeights has them",
      text,
      pretrainedWeightsSchema,
    ),
  ),
  classes: maybe(classList),
  download: maybe(downloadOptions),
});

/** A network with published weights. */
export interface PretrainedNetwork extends Classifier {
  /** Which weights. */
  readonly weights: PretrainedWeights;
  /** What was taken from them. */
  readonly report: PretrainedReport;
}

/**
 * A network of the catalogue with published weights (Node only), downloaded unless they are cached, and refused if their digest differs.
 * With the classes of the weights it is ready for {@link predict}. With other classes the classifier starts fresh, and so do modules
 * that options add; {@link freeze} what `report.backbone` lists to train these alone.
 *
 * @throws OptionError if none are listed for the network, or an option is wrong. @throws DownloadError if the download fails or the digest
 * differs. @throws WeightsError if options make a network that the weights do not fit.
 *
 * @example
 * const network = await createPretrained("resnet18");
 * const [answers] = await predict(network, [await decodeImage("cat.jpg")], { engine: ortEngine() });
 *
 * @example
 * const { model, report } = await createPretrained("resnet50", { classes: ["ant", "bee"], attention: "se" });
 */
export async function createPretrained<N extends ModelName>(
  name: N,
  options: ModelOptions<N> & CreatePretrainedOptions = {} as ModelOptions<N>,
): Promise<PretrainedNetwork> {
  check("createPretrained", "name", text, name);
  check("createPretrained", "options", settings, options);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { weights, classes, download, ...own } = given as CreatePretrainedOptions & Own;
  check("createPretrained", "options", createPretrainedOptions, { weights, classes, download });
  const chosen = typeof weights === "object" ? weights : pretrainedFor(name, weights);
  if (chosen.model !== name)
    throw new OptionError(`createPretrained: ${chosen.name} are weights of ${chosen.model}, not of ${name}`);
  if (classes && own.numClasses !== undefined)
    throw new OptionError("createPretrained: classes says how many there are; leave numClasses out");
  const { numClasses = classes?.length ?? chosen.classes.length, seed = 0, ...built } = own;
  // Wrong options are found before anything is downloaded.
  const model = createModelByName(name, { ...chosen.options, ...built, numClasses, seed });
  const checkpoint = await openPretrained(chosen, download);
  const report = loadPretrained(initialize(model, { seed }), checkpoint, classes ? { classes } : {});
  const theirs = numClasses === chosen.classes.length ? chosen.classes : null;
  return { model, classes: classes ?? theirs, preprocessing: chosen.preprocessing, weights: chosen, report };
}

type Own = Readonly<Record<string, unknown>> & { readonly numClasses?: number; readonly seed?: number };

/** The checkpoint of published weights, with the names of their classes. */
export async function openPretrained(weights: PretrainedWeights, download: DownloadOptions = {}): Promise<Checkpoint> {
  return withClasses(await openCheckpoint(await resolveWeights(weights.source, download)), weights);
}

/** A checkpoint that says what its classes are. */
export const withClasses = <C extends Pick<Checkpoint, "metadata">>(
  checkpoint: C,
  { classes }: PretrainedWeights,
): C => ({
  ...checkpoint,
  metadata: { ...checkpoint.metadata, classes: JSON.stringify(classes) },
});
