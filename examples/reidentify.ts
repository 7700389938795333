import { adamw, ortEngine } from "fovea";
import {
  generatePeople,
  Loader,
  rerank,
  retrievalMetrics,
  type SightedDataset,
  tensor,
  toFloat64,
  trainingStep,
} from "fovea/engine";
import {
  BatchNorm,
  Conv2d,
  crossEntropy,
  globalAveragePool,
  graphFor,
  initialize,
  Linear,
  Module,
  ops,
  type Param,
  tripletLoss,
  type Value,
} from "fovea/nn";

class Network extends Module {
  readonly conv1 = new Conv2d(3, 24, { kernelSize: 3, stride: 2, padding: 1, bias: false });
  readonly bn1 = new BatchNorm(24);
  readonly conv2 = new Conv2d(24, 48, { kernelSize: 3, stride: 2, padding: 1, bias: false });
  readonly bn2 = new BatchNorm(48);
  readonly feat_bn = new BatchNorm(48);
  readonly cls = new Linear(48, 96, { bias: false });

  /** What is compared. */
  embedding(x: Value): Value {
    const y = ops.relu(this.bn1.call(this.conv1.call(x)));
    return globalAveragePool(ops.relu(this.bn2.call(this.conv2.call(y))));
  }

  override forward(x: Value): Value {
    return this.cls.call(this.feat_bn.call(this.embedding(x)));
  }
}

const model = initialize(new Network());
const engine = ortEngine();
const preprocessing = { imageSize: 32, resize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
const input = [32, 3, 32, 32] as const;

// Eight people per batch, four images of each.
const { dataset } = generatePeople({ identities: 96 });
const loader = new Loader(dataset, { batch: 32, instances: 4, shuffle: true, dropLast: true, preprocessing });
const step = trainingStep(model, {
  optimizer: adamw(),
  input,
  numClasses: 96,
  labelSmoothing: 0.1,
  objective: ({ images, targets, labelSmoothing }) => {
    const features = model.embedding(images);
    const logits = model.cls.call(model.feat_bn.call(features));
    return { logits, loss: ops.add(crossEntropy(logits, targets, { labelSmoothing }), tripletLoss(features, targets)) };
  },
});
const training = await engine.compile(step.graph);
let steps = 0;
for (let epoch = 0; epoch < 10; epoch++)
  for await (const { images, labels } of loader.epoch(epoch)) {
    const targets = new Float32Array(32 * 96);
    labels.forEach((label, i) => {
      targets[i * 96 + label] = 1;
    });
    const batch = { images: tensor("float32", input, images), targets: tensor("float32", [32, 96], targets) };
    await training.run({ ...batch, ...step.scalars(++steps, 0.003) });
  }
for (const [cell, value] of await training.readState()) (cell as Param).value = value;

async function featuresOf(people: SightedDataset): Promise<number[][]> {
  const graph = graphFor(model);
  graph.output("features", model.embedding(graph.input("images", { dtype: "float", shape: input })));
  const network = await engine.compile(graph);
  const rows: number[][] = [];
  for await (const { images, count } of new Loader(people.dataset, { batch: 32, preprocessing }).epoch()) {
    const { features } = await network.run({ images: tensor("float32", input, images) });
    const { data } = toFloat64(features!);
    for (let i = 0; i < count; i++) rows.push([...data.subarray(i * 48, (i + 1) * 48)]);
  }
  return rows;
}
const distances = (a: number[][], b: number[][]) =>
  a.flatMap((x) => b.map((y) => Math.hypot(...x.map((v, i) => v - y[i]!))));

// People whom the network has never seen: each image by camera 1 is a query, all images are the gallery.
const unseen = generatePeople({ identities: 24, first: 1001 });
const features = await featuresOf(unseen);
const at = unseen.cameras.flatMap((camera, i) => (camera === 1 ? [i] : []));
const query = { identities: at.map((i) => unseen.identities[i]!), cameras: at.map(() => 1) };
const looked = at.map((i) => features[i]!);
const between = distances(looked, features);
const { map, cmc } = retrievalMetrics(between, query, unseen);
console.log(`mAP ${map.toFixed(3)}, rank-1 ${cmc[0]!.toFixed(3)}`);

const blocks = { between, queries: distances(looked, looked), gallery: distances(features, features) };
console.log(`re-ranked: mAP ${retrievalMetrics(rerank(blocks, { k1: 8, k2: 3 }), query, unseen).map.toFixed(3)}`);
await engine.release();
