/**
 * The image at the top of the README: where the spatial gates of a trained network look.
 *
 *     node dist/tools/attention-image.js RUN_FOLDER docs/attention.png
 *
 * RUN_FOLDER is a run of `fovea train shapes --attention cbam`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { argv } from "node:process";
import sharp from "sharp";
import { modelWeights, toFloat64, toInput } from "../src/engine.js";
import {
  createModelByName,
  drawHeatmap,
  generateShapes,
  loadState,
  ortEngine,
  type RunConfig,
  readSafetensors,
  trace,
} from "../src/index.js";
import { initialize } from "../src/nn.js";

const [, , run, out] = argv as [string, string, string, string];
const config = JSON.parse(await readFile(join(run, "config.json"), "utf8")) as RunConfig;
const network = initialize(createModelByName(config.model.name, config.model.options));
loadState(network, modelWeights(readSafetensors(await readFile(join(run, "best.safetensors"))).tensors));

const { imageSize } = config.preprocessing;
const graph = trace(network, [1, 3, imageSize, imageSize]);
const gates = ["layer1.2", "layer2.2", "layer3.2"];
graph.taps.forEach(({ scope, name, value }) => {
  const gate = gates.find((path) => scope.path === `${path}.cbam`);
  if (gate && name === "spatial") graph.output(gate, value);
});
const engine = ortEngine();
const executable = await engine.compile(graph);

const images = generateShapes({ count: 400, size: imageSize, seed: 7, split: "validation" });
const [tile, gap, left] = [96, 8, 96];
const cells: string[] = [];
const place = (svg: string, column: number, row: number) =>
  cells.push(`<g transform="translate(${left + column * (tile + gap)} ${row * (tile + gap)})">${svg}</g>`);
for (let column = 0; column < 8; column++) {
  const index = Array.from(images.labels).indexOf(column);
  const image = await images.image(index);
  const maps = await executable.run({
    input: { dtype: "float32", shape: [1, 3, imageSize, imageSize], data: toInput(image, config.preprocessing) },
  });
  const flat = { height: 1, width: 1, data: [0] };
  place(drawHeatmap(flat, { over: image, opacity: 0, scale: 3, bar: false }), column, 0);
  gates.forEach((gate, row) => {
    const { shape, data } = toFloat64(maps[gate]!);
    place(
      drawHeatmap({ height: shape[2]!, width: shape[3]!, data }, { over: image, opacity: 0.75, scale: 3, bar: false }),
      column,
      row + 1,
    );
  });
}
await engine.release();

const labels = ["image", "layer 1", "layer 2", "layer 3"]
  .map(
    (text, row) => `<text x="${left - 12}" y="${row * (tile + gap) + tile / 2 + 5}" text-anchor="end">${text}</text>`,
  )
  .join("");
const [width, height] = [left + 8 * (tile + gap), 4 * (tile + gap)];
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="15" fill="#888">${labels}${cells.join("")}</svg>\n`;
await sharp(Buffer.from(svg), { density: 108 }).png({ palette: true, quality: 90 }).toFile(out);
