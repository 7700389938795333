import { zip } from "fflate";
import { type EpochMaps, renderReport } from "fovea/explain";
import { type ClassificationMetrics, exportOnnx, exportTransformersJs, type Module, trace } from "fovea/web";
import wasmAddress from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { bestOf } from "../../logic/best.js";
import type { Looker } from "./look.js";
import { type Config, descriptionOf } from "./recipe.js";
import { run } from "./run.js";

/** What a network can be taken away as. */
export type Taken = "onnx" | "onnx-float16" | "onnx-int8" | "safetensors" | "run" | "transformers.js" | "page";

/** A file to save. */
export interface File {
  readonly name: string;
  readonly blob: Blob;
}

const text = (value: string) => new TextEncoder().encode(value);

/** An archive of files by path; already compressed or small, so stored as they are. */
const archive = (files: ReadonlyMap<string, Uint8Array>): Promise<Blob> =>
  new Promise((resolve, reject) =>
    zip(Object.fromEntries(files), { level: 0, mtime: "2000-01-01" }, (error, bytes) =>
      error ? reject(error) : resolve(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "application/zip" })),
    ),
  );

const metadataOf = (config: Config): Record<string, string> => ({
  ...descriptionOf(config),
  preprocessing: JSON.stringify(config.preprocessing),
});

const graphOf = (network: Module, { preprocessing: { imageSize } }: Config) =>
  trace(network, ["N", 3, imageSize, imageSize]);

function onnx({ network, config }: Looker, precision: "float32" | "float16" | "int8"): Uint8Array {
  return exportOnnx(graphOf(network, config), { precision, metadata: metadataOf(config) });
}

/** The best weights of the last training, as a file. */
export async function take(looker: Looker, what: Taken): Promise<File> {
  const { config, network } = looker;
  const { name } = config.model;
  const bytes = (file: Uint8Array) => new Blob([file as Uint8Array<ArrayBuffer>]);
  switch (what) {
    case "onnx":
      return { name: `${name}.onnx`, blob: bytes(onnx(looker, "float32")) };
    case "onnx-float16":
      return { name: `${name}-float16.onnx`, blob: bytes(onnx(looker, "float16")) };
    case "onnx-int8":
      return { name: `${name}-int8.onnx`, blob: bytes(onnx(looker, "int8")) };
    case "safetensors":
      return { name: `${name}.safetensors`, blob: bytes((await run.weights("best"))!) };
    case "transformers.js": {
      const { classes } = config.data;
      const { preprocessing } = config;
      const files = exportTransformersJs(graphOf(network, config), {
        classes,
        preprocessing,
        metadata: metadataOf(config),
      });
      return { name: `${name}-transformers.js.zip`, blob: await archive(files) };
    }
    case "run":
      return { name: `${name}-run.zip`, blob: await archive(await runFiles(looker)) };
    case "page":
      return { name: `${name}.html`, blob: await page(looker) };
  }
}

/** The run folder, as `fovea train` writes it. */
async function runFiles({ config }: Looker): Promise<Map<string, Uint8Array>> {
  const state = (await run.open())!;
  const history = state.lines.map(({ seconds: _, imagesPerSecond: __, validation: ___, ...record }) => record);
  const best = bestOf(state.lines);
  const columns = ["epoch", "step", "lr", "trainLoss", "trainTop1", "loss", "top1", "top5"] as const;
  const rows = history.map((record) => columns.map((column) => record[column] ?? "").join(","));
  const { versions: _, flags: __, format: ___, ...shown } = config;
  const facts = await run.facts();
  const { images = null, test = null, findings = null, skipped = [] } = facts ?? {};
  const found = await Promise.all(state.lines.map(({ epoch }) => run.mapsOf(epoch)));
  const maps = found.filter((one) => one?.looks.length === state.followed.length) as EpochMaps[];
  const validation: ClassificationMetrics | null = best?.validation ?? null;
  const title = [config.model.name, state.plan.settings.attention].filter(Boolean).join(" + ");
  const report = renderReport({
    title: `${title}, trained in the studio`,
    history,
    validation,
    followed: state.followed,
    maps,
    test,
    findings,
    skipped,
    summary: images
      ? [
          { label: "images to train on", value: images.training },
          { label: "images to validate on", value: images.validation },
        ]
      : [],
    config: shown,
  });
  const files = new Map<string, Uint8Array>([
    ["config.json", text(`${JSON.stringify(config, null, 2)}\n`)],
    ["metrics.jsonl", text(state.lines.map((line) => `${JSON.stringify(line)}\n`).join(""))],
    ["results.csv", text(`${[columns.join(","), ...rows].join("\n")}\n`)],
    ["report.html", text(report)],
    ...(facts ? [["report.json", text(`${JSON.stringify(facts)}\n`)] as const] : []),
  ]);
  for (const which of ["best", "last"] as const) {
    const weights = await run.weights(which);
    if (weights) files.set(`${which}.safetensors`, weights);
  }
  for (const one of maps) files.set(`maps/epoch-${one.epoch}.json`, text(`${JSON.stringify(one)}\n`));
  return files;
}

/** Bytes as base64, in pieces: a call takes only so many arguments. */
function base64(bytes: Uint8Array): string {
  let all = "";
  const piece = 3 * 8192;
  for (let at = 0; at < bytes.length; at += piece) all += btoa(String.fromCharCode(...bytes.subarray(at, at + piece)));
  return all;
}

async function compressed(file: Blob): Promise<Uint8Array> {
  const stream = file.stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function fetched(address: URL): Promise<Blob> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address.pathname} cannot be read: ${response.status}`);
  return response.blob();
}

/** One HTML file that holds the network, the engine, and a page to use them: it needs no network, nor a server. */
async function page(looker: Looker): Promise<Blob> {
  const { config } = looker;
  // Beside the folder that this program is in.
  const [program, style, engine] = await Promise.all([
    fetched(new URL("../standalone/standalone.js", self.location.href)),
    fetched(new URL("../standalone/standalone.css", self.location.href)),
    fetched(new URL(wasmAddress, self.location.href)),
  ]);
  const about = { classes: config.data.classes, preprocessing: config.preprocessing, network: config.model.name };
  const data = (id: string, content: string) => `<script type="text/plain" id="${id}">${content}</script>`;
  const policy =
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; img-src blob: data:; media-src blob:";
  return new Blob(
    [
      '<!doctype html><html lang="en"><head><meta charset="utf-8">',
      '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">',
      `<meta http-equiv="Content-Security-Policy" content="${policy}"><title>Which is it?</title>`,
      `<style>${await style.text()}</style></head><body><main></main>`,
      // A class may be named anything.
      data("about", JSON.stringify(about).replaceAll("<", "\\u003c")),
      data("model", base64(onnx(looker, "float32"))),
      data("engine", base64(await compressed(engine))),
      `<script type="module">${(await program.text()).replaceAll("</script", "<\\/script")}</script></body></html>`,
    ],
    { type: "text/html" },
  );
}
