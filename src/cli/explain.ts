import { Command, Option } from "commander";
import {
  coincide,
  decodeImage,
  type Explanation,
  encodeNpy,
  explanationMethods,
  type MethodChoice,
  type MethodName,
  messageOf,
  normalizations,
  OptionError,
  openExplainer,
  photoResize,
  tensor,
  unknownName,
  writeFileAtomic,
} from "../index.js";
import {
  addBuildFlags,
  addInputFlags,
  type InputFlags,
  type ModelFlags,
  optional,
  positive,
  withEngine,
} from "./arguments.js";
import { requireMemory } from "./memory.js";
import { loadModel, preprocessingOf } from "./run.js";
import { ProgressLine, percent, print, say, table, visible } from "./terminal.js";

interface ExplainFlags extends Omit<ModelFlags, "model" | "classes">, InputFlags {
  readonly weights?: string;
  readonly method: readonly MethodChoice[];
  readonly layer?: readonly string[];
  readonly class?: string;
  readonly score?: "logit" | "probability";
  readonly error?: number;
  readonly raw?: string;
  readonly json?: boolean;
}

/** `gradcam++:authors,ig` as methods with their variants. */
function methodList(text: string): MethodChoice[] {
  return text.split(",").map((part) => {
    const [name = "", variant] = part.trim().split(":");
    const entry = explanationMethods.get(name);
    if (!entry) throw unknownName("method", name, explanationMethods.keys());
    return variant === undefined ? (name as MethodName) : [name as MethodName, { variant }];
  });
}

/** The error that integrated gradients are to keep to. */
const withError = (method: MethodChoice, error: number | undefined): MethodChoice => {
  const [name, options] = typeof method === "string" ? [method, {}] : method;
  return name === "ig" && error !== undefined ? [name, { ...options, error }] : method;
};

const names = (text: string): string[] => text.split(",").map((name) => name.trim());

export const explainCommand = addInputFlags(addBuildFlags(new Command("explain")))
  .description("Where a network looks for a class: maps by class activation and attribution methods, as numbers")
  .argument("<run-or-model>", "run folder, or the name of a network together with --weights")
  .argument("<image...>", "JPEG, PNG, WebP, AVIF or TIFF files")
  .option("--weights <file>", "weights: a file, https://…, hf:OWNER/NAME[@REV][/FILE], or best or last of the run")
  .addOption(
    new Option(
      "--method <names>",
      `comma-separated, with variants as in gradcam++:authors: ${[...explanationMethods.keys()].join(", ")}`,
    )
      .argParser(methodList)
      .default(["gradcam"], "gradcam"),
  )
  .option("--layer <paths>", "layers, comma-separated (default: the last map before pooling)", names)
  .option("--class <name>", "the class, by name or position (default: the predicted one)")
  .addOption(new Option("--score <what>", "what is explained (default: logit)").choices(["logit", "probability"]))
  .option("--error <share>", "largest error of the sum of integrated gradients (default: 0.01)", positive)
  .option("--raw <file>", "write the maps as they are, signed, to a .npy file: [maps, height, width]")
  .option("--json", "print one JSON object")
  .addHelpText(
    "after",
    `
Examples:
  fovea explain runs/photos-resnet18-se cat.jpg --method gradcam,layercam
  fovea explain runs/photos-resnet18-se cat.jpg --method ig --error 0.001 --raw cat.npy`,
  )
  .action(async (runOrModel: string, images: string[], flags: ExplainFlags) => {
    const { weights, layer, score, raw, json = false, error } = flags;
    const { class: _, ...buildFlags } = flags;
    const loaded = await loadModel(runOrModel, weights, buildFlags);
    const side = flags.imageSize ?? loaded.imageSize;
    const usual = { imageSize: side, resize: photoResize(side), ...normalizations.imagenet };
    const preprocessing = preprocessingOf(loaded, usual, flags);
    requireMemory(loaded.model, [1, 3, preprocessing.imageSize, preprocessing.imageSize], false);
    const classes = loaded.classes ?? loaded.usualNames ?? null;
    const network = { model: loaded.model, preprocessing, classes };
    const method = flags.method.map((each) => withError(each, error));
    const aim = optional("class", classOf(flags.class, classes));
    const found: (Explanation & { readonly file: string })[] = [];
    const progress = new ProgressLine();
    await withEngine(async (engine) => {
      const explainer = await openExplainer(network, {
        engine,
        method,
        ...optional("layer", layer),
        ...optional("score", score),
      });
      for (const [done, file] of images.entries()) {
        try {
          const image = await decodeImage(file, { shorterSide: preprocessing.resize });
          found.push(...(await explainer.explain(image, aim)).map((each) => ({ ...each, file, image: done })));
        } catch (failure) {
          if (failure instanceof OptionError) throw failure;
          progress.clear();
          say(`fovea: ${file}: ${messageOf(failure).replace(`${file}: `, "")}`);
          process.exitCode = 1;
        }
        if (images.length > 1) progress.draw((done + 1) / images.length, `${done + 1} of ${images.length} images`);
      }
      await explainer.release();
    });
    progress.clear();
    if (raw !== undefined && found.length > 0) await writeFileAtomic(raw, encodeNpy(stacked(found)));
    const same = sameMaps(network, found, layer);
    print(json, { explanations: found.map(summaryOf), coincide: same }, () => [
      ...table(found.map(lineOf), ["image", "method", "layer", "class", "least", "greatest", "beside"]),
      ...same.flatMap(({ layer: at, methods, why }) => [`${methods.join(" = ")} at ${at}: ${why}`]),
    ]);
  });

/** A class by position where the text is a number that is no name. */
function classOf(given: string | undefined, classes: readonly string[] | null): number | string | undefined {
  if (given === undefined || classes?.includes(given) || !/^\d+$/.test(given)) return given;
  return Number(given);
}

/** @throws OptionError if the maps are not of one size. */
function stacked(found: readonly Explanation[]) {
  const [{ height, width }] = found.map(({ map }) => map) as [Explanation["map"]];
  const other = found.find(({ map }) => map.height !== height || map.width !== width);
  if (other)
    throw new OptionError(
      `--raw needs maps of one size: ${found[0]!.method} gives ${height}×${width}, ${other.method} ${other.map.height}×${other.map.width}; name one method or layer`,
    );
  const data = new Float64Array(found.length * height * width);
  found.forEach(({ map }, i) => {
    data.set(map.data, i * height * width);
  });
  return tensor("float64", [found.length, height, width], data);
}

/** Methods among those that were asked for that give one and the same map. */
function sameMaps(
  network: Parameters<typeof coincide>[0],
  found: readonly Explanation[],
  layers: readonly string[] | undefined,
) {
  const asked = new Set(found.map(({ method }) => method));
  const inLayer = (layer: string | undefined) =>
    coincide(network, optional("layer", layer)).flatMap(({ methods, why }) => {
      const both = methods.filter((method) => asked.has(method));
      return both.length > 1 ? [{ layer: layer ?? "the last map", methods: both, why }] : [];
    });
  return found.some(({ layer }) => layer !== null) ? (layers ?? [undefined]).flatMap(inLayer) : [];
}

function summaryOf({ map, weights: _, attribution: __, samples: ___, ...rest }: Explanation) {
  return { ...rest, height: map.height, width: map.width };
}

const titled = ({ method, variant }: Explanation): string => (variant === null ? method : `${method}:${variant}`);

function lineOf(found: Explanation & { readonly file: string }): string[] {
  const { file, layer, className, class: index, range, completeness, notes, failsSanityChecks } = found;
  const beside = [
    ...(completeness ? [`off by ${percent(completeness.error)}`] : []),
    ...notes,
    ...(failsSanityChecks ? ["shows edges whatever the network has learned"] : []),
  ];
  const [least, most] = range.map((v) => v.toPrecision(4)) as [string, string];
  return [
    visible(file),
    titled(found),
    layer ?? "",
    visible(className ?? `class ${index}`),
    least,
    most,
    beside.join("; "),
  ];
}
