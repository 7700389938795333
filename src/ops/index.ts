import type { Op } from "../graph/op.js";
import { convInputGradOp, convOp, convWeightGradOp } from "./conv.js";
import { ops as elementwise } from "./elementwise.js";
import { matMulOp } from "./linear.js";
import { ops as movement } from "./movement.js";
import { ops as norm } from "./norm.js";
import { maxPoolGradOp, maxPoolOp, maxPoolSelectOp } from "./pool.js";
import { ops as reduce, reduceMaxGrad } from "./reduce.js";
import { resampleOp } from "./resample.js";
import { ops as softmax } from "./softmax.js";

export { type ConvOptions, type ConvTransposeOptions, conv, convTranspose } from "./conv.js";
export {
  abs,
  add,
  cast,
  clip,
  div,
  equal,
  erf,
  exp,
  expand,
  gelu,
  greater,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  prelu,
  reciprocal,
  relu,
  relu6,
  sigmoid,
  sign,
  silu,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from "./elementwise.js";
export { matMul } from "./linear.js";
export { barrier, concat, pad, pixelShuffle, pixelUnshuffle, reshape, slice, transpose } from "./movement.js";
export { batchNorm, batchNormTraining, groupNorm, layerNorm } from "./norm.js";
export type { Operand } from "./operands.js";
export { type MaxPoolOptions, maxPool } from "./pool.js";
export { reduceLogSumExp, reduceMax, reduceMean, reduceSum } from "./reduce.js";
export { adaptiveAveragePool, averagePool, mapSize, replicatePad, resize } from "./resample.js";
export { logSoftmax, softmax } from "./softmax.js";

/** Every operator, by name. */
export const operators: ReadonlyMap<string, Op> = new Map(
  [
    ...Object.values(elementwise),
    ...Object.values(reduce),
    ...Object.values(movement),
    ...Object.values(norm),
    ...Object.values(softmax),
    reduceMaxGrad,
    matMulOp,
    convOp,
    convInputGradOp,
    convWeightGradOp,
    maxPoolOp,
    maxPoolGradOp,
    maxPoolSelectOp,
    resampleOp,
  ].map((op) => [op.name, op as Op]),
);
