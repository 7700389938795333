import type { Node, Value } from "../../../../graph/graph.js";
import { sumOver } from "../../rules/sums.js";
import type { BlockedRule, Forms } from "../forms.js";
import { roundUp } from "../layout.js";
import type { Maps } from "../writer.js";

const mul = ({ write }: Forms, a: string, b: string) => write.emit("Mul", [a, b]);

/** The sum over images of what a pooling or product gave for each image and channel: [C] from [N·C]. */
function overImages(
  name: string,
  { shape: [n, channels] }: Maps,
  forms: Forms,
  kind: "ReduceSum" | "ReduceMean",
): string {
  const { write } = forms;
  return sumOver(kind, write.reshape(name, [n, channels]), [n, channels], { axes: [0], keepdims: false }, write);
}

/** A vector over whole blocks as the factor of `affine`. */
const factor = (name: string, channels: number, { write }: Forms) => write.reshape(name, [channels, 1, 1, 1]);

/** x − mean, kept for the backward pass. */
function centered(x: Maps, mean: string, { to, write }: Forms): Maps {
  return to.affine(x, to.ones(x.shape[1]), { bias: write.emit("Neg", [mean]) });
}

/** With ε = 0 the variance of what fills up the last block is no divisor. */
const dividesByZero = (node: Node, x: Value, forms: Forms): boolean =>
  node.attributes.epsilon === 0 && forms.isPadded(x);

/** 1 / √(variance + ε) */
function inverseDeviation(variance: string, epsilon: number, { write }: Forms): string {
  return write.emit("Reciprocal", [write.emit("Sqrt", [write.emit("Add", [variance, write.number(epsilon)])])]);
}

/** What the forward pass of a batch norm leaves for its gradient, over whole blocks. */
interface Statistics {
  readonly centered: Maps;
  readonly inverse: string;
  /** γ / σ */
  readonly scale: string;
}

const statisticsKey = (variance: Value) => `norm ${variance.id}`;

/**
 * The variance is the mean of squared differences from the mean, at the cost of one pass more than E[x²] − E[x]², which loses every
 * digit where |mean| ≫ σ. The differences are what the gradient needs, so they are kept in place of x.
 * y = γ/σ · (x − mean) + β is left to be written with what follows: an addition, a ReLU.
 */
const training: BlockedRule = (node, forms) => {
  const [x, gamma, beta] = node.inputs;
  if (!forms.isMaps(x!) || dividesByZero(node, x!, forms)) return false;
  const { to, write } = forms;
  const maps = forms.maps(x!);
  const [n, channels, height, width] = maps.shape;
  const count = n * height * width;
  const mean = overImages(to.means(maps), maps, forms, "ReduceMean");
  const differences = centered(maps, mean, forms);
  const squares = overImages(to.dot(differences, differences), maps, forms, "ReduceSum");
  const variance = mul(forms, squares, write.number(1 / count));
  const inverse = inverseDeviation(variance, node.attributes.epsilon as number, forms);
  const scale = mul(forms, forms.vector(gamma!), inverse);
  const bias = forms.vector(beta!);
  const [y, meanOut, varianceOut] = node.outputs;
  forms.memo<Statistics>(statisticsKey(varianceOut!), () => ({ centered: differences, inverse, scale }));
  const own = [x!.shape[1] as number];
  forms.lowering.define(meanOut!, forms.crop(mean, [channels], own));
  forms.lowering.define(varianceOut!, forms.crop(variance, [channels], own));
  forms.setPending(y!, {
    activates: true,
    emit: (epilogue) => to.affine(differences, factor(scale, channels, forms), { ...epilogue, bias }),
  });
  return true;
};

/**
 * With d = x − mean and a = γ/σ: dβ = Σ dy, dγ = Σ dy·d / σ, dx = a·dy + b·d + c, where b = −a·dγ/(σ·n) and c = −a·dβ/n.
 */
const trainingGrad: BlockedRule = (node, forms) => {
  const [dy, x, gamma, mean, variance] = node.inputs as [Value, Value, Value, Value, Value];
  if (!forms.isMaps(dy) || !forms.canBeMaps(x) || dividesByZero(node, x, forms)) return false;
  const { to, write } = forms;
  const gradient = forms.maps(dy);
  const [n, channels, height, width] = gradient.shape;
  const statistics = forms.memo<Statistics>(statisticsKey(variance), () => {
    const differences = centered(forms.maps(x), forms.vector(mean), forms);
    const inverse = inverseDeviation(forms.vector(variance), node.attributes.epsilon as number, forms);
    return { centered: differences, inverse, scale: mul(forms, forms.vector(gamma), inverse) };
  });
  const { centered: differences, inverse, scale } = statistics;
  const area = write.number(height * width);
  const dBeta = mul(forms, overImages(to.means(gradient), gradient, forms, "ReduceSum"), area);
  const dGamma = mul(forms, overImages(to.dot(gradient, differences), gradient, forms, "ReduceSum"), inverse);
  const perCount = mul(forms, scale, write.number(-1 / (n * height * width)));
  const b = mul(forms, mul(forms, perCount, inverse), dGamma);
  const c = mul(forms, perCount, dBeta);
  const middle = to.affine(differences, factor(b, channels, forms), { bias: c });
  const [dx, dGammaOut, dBetaOut] = node.outputs;
  const own = [x.shape[1] as number];
  forms.lowering.define(dGammaOut!, forms.crop(dGamma, [channels], own));
  forms.lowering.define(dBetaOut!, forms.crop(dBeta, [channels], own));
  forms.setMaps(dx!, to.affine(gradient, factor(scale, channels, forms), { sum: middle.name }));
  return true;
};

/** With given statistics a batch norm is a factor and a bias for each channel. */
const evaluation: BlockedRule = (node, forms) => {
  const [x, gamma, beta, mean, variance] = node.inputs as [Value, Value, Value, Value, Value];
  if (!forms.isMaps(x)) return false;
  const { to, write } = forms;
  const channels = roundUp(x.shape[1] as number, forms.block);
  const inverse = inverseDeviation(forms.vector(variance), node.attributes.epsilon as number, forms);
  const scale = mul(forms, forms.vector(gamma), inverse);
  const bias = write.emit("Sub", [forms.vector(beta), mul(forms, forms.vector(mean), scale)]);
  const maps = forms.maps(x);
  forms.setPending(node.outputs[0]!, {
    activates: true,
    emit: (epilogue) => to.affine(maps, factor(scale, channels, forms), { ...epilogue, bias }),
  });
  return true;
};

/** Batch norm in training, its gradient, and with given statistics. */
export const normRules = new Map<string, BlockedRule>([
  ["BatchNormTraining", training],
  ["BatchNormTrainingGrad", trainingGrad],
  ["BatchNormalization", evaluation],
]);
