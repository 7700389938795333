import { isGenerated } from "../data/shapes.js";
import { type Named, type Plan, writtenPlan } from "./plan.js";
import { sourceName } from "./tables.js";

/**
 * The command of a comparison, as Markdown: with flags if they can express the whole plan, otherwise with the plan in a file. The location
 * of the data is left out.
 */
export function commandOf(plan: Plan): string {
  const source = sourceName(plan.data.source);
  const flags = flagsOf(plan);
  if (flags)
    return `\`\`\`\nfovea compare ${[isGenerated(source) ? source : `${source}/`, ...flags].join(" ")}\n\`\`\``;
  const { labelsFile } = plan.data;
  const data = { ...plan.data, source, ...(labelsFile !== undefined && { labelsFile: sourceName(labelsFile) }) };
  const written = writtenPlan({ ...plan, data });
  return `\`\`\`\nfovea compare plan.json\n\`\`\`\n\nwith this \`plan.json\`:\n\n\`\`\`\n${JSON.stringify(written, null, 1)}\n\`\`\``;
}

/** Flags that express a plan; null if none do. */
function flagsOf({ data, backbones, entrants, seeds, settings, epochs, budget, threads }: Plan): string[] | null {
  const names = entrants.map(nameOf);
  const { source: _, task, labelsFile, targets, images, testImages, imageSize, ...otherData } = data;
  const [{ lr, batch, ...others }] = settings as [Plan["settings"][number]];
  const plain =
    names.every((name) => name !== null) &&
    [labelsFile, ...(targets ?? [])].every((text) => text === undefined || /^[\w./\\-]+$/.test(sourceName(text))) &&
    backbones.every((one) => nameOf(one) !== null) &&
    seeds.every((seed, i) => seed === i) &&
    settings.length === 1 &&
    Object.keys(others).length === 0 &&
    Object.values(otherData).every((value) => value === undefined);
  if (!plain) return null;
  const given = {
    task,
    labels: labelsFile && sourceName(labelsFile),
    targets: targets?.join(","),
    modules: names.join(","),
    model: backbones.map(({ name }) => name).join(","),
    seeds: seeds.length,
    epochs,
    ...(budget === "epochs" ? {} : { budget }),
    images,
    "test-images": testImages,
    "image-size": imageSize,
    batch,
    lr,
    threads,
  };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
}

/** What `--modules` calls it; null where it has options, a training or a name of its own. */
function nameOf({ name, options, label, training }: Named): string | null {
  if (training) return null;
  if (name === "placebo" && options.gate === "random" && label === "placebo-random") return label;
  return Object.keys(options).length === 0 && label === name ? name : null;
}
