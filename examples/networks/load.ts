import { readFile, writeFile } from "node:fs/promises";
import { exportOnnx, loadWeights, trace } from "fovea";
import { SqueezeNet } from "./squeezenet.js";

const network = new SqueezeNet(10);
// Keys of the file that start with "backbone." and "head." belong to "features." and "classifier.".
const { matched } = await loadWeights(network, await readFile("weights.safetensors"), {
  rename: (key) => key.replace(/^backbone\./, "features.").replace(/^head\./, "classifier."),
});
console.log(`${matched.length} arrays loaded`);
await writeFile("squeezenet.onnx", exportOnnx(trace(network, ["N", 3, 224, 224])));
