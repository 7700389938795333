/**
 * Do the segmentation networks learn? Trains one on the object masks of `shapes` and prints the mean IoU after each epoch.
 *
 *     node dist/tools/segment.js unet|danet|spnet [--width 16] [--size 64] [--count 1500] [--epochs 6]
 */
import { argv, exit } from "node:process";
import { parseArgs } from "node:util";
import { adamw, generateShapes, type Module, ortEngine, segmentation, train } from "../src/index.js";
import { danet, spnet, unet } from "../src/nn.js";

const { positionals, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    width: { type: "string", default: "16" },
    size: { type: "string", default: "64" },
    count: { type: "string", default: "1500" },
    epochs: { type: "string", default: "6" },
    batch: { type: "string", default: "16" },
    lr: { type: "string", default: "0.003" },
  },
});
const [width, size, count, epochs, batch, lr] = [
  values.width,
  values.size,
  values.count,
  values.epochs,
  values.batch,
  values.lr,
].map(Number) as [number, number, number, number, number, number];
const networks: Record<string, () => Module> = {
  unet: () => unet(18, { numClasses: 2 }),
  danet: () => danet(50, { numClasses: 2, width }),
  spnet: () => spnet(50, { numClasses: 2, width }),
};
const make = networks[positionals[0] ?? ""];
if (!make) {
  console.error("usage: node dist/tools/segment.js unet|danet|spnet");
  exit(2);
}
const data = generateShapes({ count, size, seed: 1 });
const validate = generateShapes({ count: 200, size, seed: 1, split: "validation" });
const engine = ortEngine();
const started = performance.now();
const { best } = await train(make(), data, {
  engine,
  task: segmentation,
  epochs,
  batch,
  augment: null,
  optimizer: adamw({ lr }),
  validate,
  onEpoch: ({ epoch, trainLoss, meanIoU }) =>
    console.log(
      `epoch ${epoch}/${epochs}  loss ${trainLoss.toFixed(3)}  mean IoU ${meanIoU!.toFixed(3)}  ${((performance.now() - started) / 1000).toFixed(0)} s`,
    ),
});
console.log(`best mean IoU ${best!.meanIoU!.toFixed(3)}`);
await engine.release();
