/** The small network of run.mjs in other JavaScript engines. Imports nothing, as it runs in Node and in pages. */

const rate = 0.1;
const layers = ["convs.0", "convs.2", "convs.4"];

/** Weights by Fovea's keys and inputs as flat arrays: random ones. */
export function randomArrays(batch) {
  const shapes = {
    "convs.0.weight": [16, 3, 3, 3],
    "convs.0.bias": [16],
    "convs.2.weight": [32, 16, 3, 3],
    "convs.2.bias": [32],
    "convs.4.weight": [64, 32, 3, 3],
    "convs.4.bias": [64],
    "fc.weight": [10, 64],
    "fc.bias": [10],
    images: [batch, 3, 32, 32],
    targets: [batch, 10],
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b);
      const value = (i) => (name === "targets" ? Number(i % 10 === 0) : Math.random() - 0.5);
      return [name, { shape, data: Float32Array.from({ length: size }, (_, i) => value(i)) }];
    }),
  );
}

/** TensorFlow.js: maps are [N,H,W,C], kernels [H,W,C,O]. */
export async function tensorflow(tf, backend, arrays) {
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no backend ${backend} here`);
  await tf.ready();
  const array = (name, axes) => {
    const value = tf.tensor(arrays[name].data, arrays[name].shape);
    return axes ? tf.transpose(value, axes) : value;
  };
  const x = array("images", [0, 2, 3, 1]);
  const targets = array("targets");
  const convs = layers.map((layer) => ({
    kernel: tf.variable(array(`${layer}.weight`, [2, 3, 1, 0])),
    bias: tf.variable(array(`${layer}.bias`)),
  }));
  const fc = { weight: tf.variable(array("fc.weight", [1, 0])), bias: tf.variable(array("fc.bias")) };
  const border = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ];
  const logits = () => {
    const maps = convs.reduce((y, { kernel, bias }) => tf.relu(tf.add(tf.conv2d(y, kernel, 2, border), bias)), x);
    return tf.add(tf.matMul(tf.mean(maps, [1, 2]), fc.weight), fc.bias);
  };
  const optimizer = tf.train.sgd(rate);
  return {
    side: `TensorFlow.js ${tf.version.tfjs}, ${backend}`,
    async inference() {
      const output = tf.tidy(logits);
      const data = await output.data();
      output.dispose();
      return data;
    },
    async training() {
      const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, logits()), true);
      const data = await loss.data();
      loss.dispose();
      return data;
    },
  };
}

/** jax-js: every use of an array but its last takes a reference. */
export async function jax(library, version, device, arrays) {
  const { init, defaultDevice, jit, lax, nn, numpy: np, tree, valueAndGrad } = library;
  if (!(await init(device)).includes(device)) throw new Error(`jax-js has no device ${device} here`);
  defaultDevice(device);
  const array = (name) => np.array(arrays[name].data).reshape(arrays[name].shape);
  const [x, targets] = [array("images"), array("targets")];
  let weights = Object.fromEntries(
    [...layers, "fc"].map((layer) => [layer, [array(`${layer}.weight`), array(`${layer}.bias`)]]),
  );
  const border = [
    [1, 1],
    [1, 1],
  ];
  const logits = (parameters, images) => {
    const maps = layers.reduce((y, layer) => {
      const [kernel, bias] = parameters[layer];
      return nn.relu(lax.conv(y, kernel, [2, 2], border).add(bias.reshape([1, -1, 1, 1])));
    }, images);
    const [weight, bias] = parameters.fc;
    return np.matmul(maps.mean([2, 3]), weight.transpose()).add(bias);
  };
  const lossOf = (parameters, images, wanted) =>
    nn
      .logSoftmax(logits(parameters, images), 1)
      .mul(wanted)
      .sum()
      .mul(-1 / arrays.images.shape[0]);
  const step = jit((parameters, images, wanted) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(parameters), images, wanted);
    return [loss, tree.map((value, gradient) => value.sub(gradient.mul(rate)), parameters, gradients)];
  });
  const forward = jit(logits);
  return {
    side: `jax-js ${version}, ${device}`,
    inference: () => forward(tree.ref(weights), x.ref).data(),
    async training() {
      const [loss, next] = step(weights, x.ref, targets.ref);
      weights = next;
      return loss.data();
    },
  };
}
