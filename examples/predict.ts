import { attentionMaps, decodeImage, loadRun, ortEngine, predict } from "fovea";

export async function describe(run: string, file: string) {
  const network = await loadRun(run);
  const image = await decodeImage(file);
  const engine = ortEngine();
  const [[best]] = await predict(network, [image], { engine, top: 1 });
  const maps = await attentionMaps(network, [image], { engine }); // layer1.0.cbam/spatial → [1, 1, 32, 32], …
  await engine.release();
  return { best, maps };
}
