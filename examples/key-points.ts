import { writeFile } from "node:fs/promises";
import { adamw, createAttention, evaluate, ortEngine, train } from "fovea";
import * as nn from "fovea/nn";
import { darts, names, picture } from "./darts.js";
import { type Found, keyPoints } from "./heat-maps.js";

const conv = (channels: number, outChannels: number, step = 1) =>
  new nn.Sequential([
    new nn.Conv2d(channels, outChannels, { kernelSize: 3, stride: step, padding: 1, bias: false }),
    new nn.BatchNorm(outChannels),
  ]);

/** A residual block. The module is where the authors of PSA put it: after the first norm and ReLU. */
class Block extends nn.Module {
  readonly conv1: nn.Module;
  readonly attention: nn.Module;
  readonly conv2: nn.Module;
  readonly shortcut: nn.Module;

  constructor(channels: number, outChannels: number, step: number, psa: boolean) {
    super();
    this.conv1 = conv(channels, outChannels, step);
    this.attention = psa ? createAttention("psa-parallel", outChannels) : new nn.Lambda((x) => x);
    this.conv2 = conv(outChannels, outChannels);
    this.shortcut = step > 1 ? conv(channels, outChannels, step) : new nn.Lambda((x) => x);
  }

  override forward(x: nn.Value): nn.Value {
    const y = this.conv2.call(this.attention.call(nn.ops.relu(this.conv1.call(x))));
    return nn.ops.relu(nn.ops.add(y, this.shortcut.call(x)));
  }
}

/** An encoder of two blocks, and a decoder that doubles the size. */
class KeyPointNet extends nn.Module {
  readonly stem = conv(3, 32, 2);
  readonly blocks: nn.Module;
  readonly up = new nn.ConvTranspose2d(64, 32, { kernelSize: 4, stride: 2, padding: 1 });
  readonly norm = new nn.BatchNorm(32);
  readonly head = new nn.Conv2d(32, names.length, { kernelSize: 1 });

  constructor(psa: boolean) {
    super();
    this.blocks = new nn.Sequential([new Block(32, 64, 2, psa), new Block(64, 64, 1, psa)]);
  }

  override forward(x: nn.Value): nn.Value {
    const fine = nn.ops.relu(this.stem.call(x)); // [N,32,16,16]
    const coarse = this.up.call(this.blocks.call(fine)); // from [N,64,8,8]
    return this.head.call(nn.ops.relu(nn.ops.add(this.norm.call(coarse), fine)));
  }
}

const [images, epochs] = process.env.SMALL ? [160, 4] : [800, 12];
const data = { train: darts("train", images), validation: darts("validation", 200) };
const engine = ortEngine();
let last: Found | undefined;
/** Before and after the training, without and with PSA. */
export const pck: [number, number][] = [];
for (const psa of [false, true]) {
  const model = nn.initialize(new KeyPointNet(psa), { seed: 0 });
  const before = await evaluate(model, data.validation, { engine, task: keyPoints });
  const how = { engine, task: keyPoints, epochs, batch: 16, optimizer: adamw({ lr: 0.003 }), augment: null };
  await train(model, data.train, how);
  last = await evaluate(model, data.validation, { engine, task: keyPoints });
  pck.push([before.top1!, last.top1!]);
  const [from, to] = pck.at(-1)!.map((share) => `${(100 * share).toFixed(1)} %`);
  console.log(`${psa ? "with" : "without"} PSA: PCK@0.1 ${from} before training, ${to} after`);
}
await engine.release();
await writeFile("key-points.svg", await picture(data.validation, last!.points.slice(0, 6)));
