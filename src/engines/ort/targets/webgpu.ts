import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { FoveaError, messageOf, OptionError } from "../../../core/errors.js";
import { staticShape } from "../../../core/shape.js";
import { type Tensor, tensor } from "../../../core/tensor.js";
import type { LoweredModule, LoweredNode, LoweredValue } from "../../../formats/onnx/ir.js";
import { defaultOpset, inferenceRules } from "../../../formats/onnx/lower.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import { conv, convolution } from "../../../formats/onnx/rules/neural.js";
import {
  dimsOf,
  findRule,
  type OnnxWriter,
  type Rule,
  type RuleFor,
  type Rules,
  ruleFor,
} from "../../../formats/onnx/writer.js";
import { type Cell, isOp, type Update, type Value } from "../../../graph/graph.js";
import type { Attributes, Inputs as NodeInputs, Op } from "../../../graph/op.js";
import { rebuild } from "../../../graph/passes/rebuild.js";
import { convOp } from "../../../ops/conv.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { add } from "../../../ops/index.js";
import { ops as movement } from "../../../ops/movement.js";
import { ops as norms } from "../../../ops/norm.js";
import { type MaxPoolAttributes, maxPoolGradOp, maxPoolOp, maxPoolSelectOp } from "../../../ops/pool.js";
import { reduceMaxGrad, ops as reductions } from "../../../ops/reduce.js";
import { ops as softmaxes } from "../../../ops/softmax.js";
import type { Pass } from "../passes/pass.js";
import { trainingRules } from "../rules/training.js";
import { fromOrt, type HeldState, type SessionSpec, toOrt } from "../state.js";
import type { Backend, OrtModule, Target } from "./target.js";

// A graph runs on the device as a whole, or is refused: ONNX Runtime would compute what its WebGPU provider has no kernel for on the CPU, and
// copy arrays there and back in every run. docs/gpu.md lists the faults of the provider that the rules below avoid.

// ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** y, but NaN where x is: of the provider's operators only Max and Min keep NaN for certain. */
const withNaN = (y: LoweredValue, x: LoweredValue, write: OnnxWriter): LoweredValue =>
  write.emit("Min", [y, write.emit("Max", [x, write.number(Number.POSITIVE_INFINITY)])]);

/** An activation whose kernel makes a number of NaN: a training that has diverged would go on with a finite loss. */
const keepingNaN = <A extends Attributes>(op: Op<A, readonly [x: Value]>) =>
  ruleFor(op, (node, [x], write) => [withNaN(findRule(inferenceRules, op)(node, [x], write)[0]!, x, write)]);

const clamp = (x: LoweredValue, min: number, max: number, write: OnnxWriter) => {
  const above = write.emit("Max", [x, write.number(min)]);
  return max === Number.POSITIVE_INFINITY ? above : write.emit("Min", [above, write.number(max)]);
};

/** LogSoftmax has no kernel. The maximum is taken away first: exp of large logits would be infinite. */
const logSoftmax: RuleFor<typeof softmaxes.logSoftmax> = ({ attributes: { axis } }, [x], write) => {
  const shifted = write.emit("Sub", [x, write.reduce("ReduceMax", x, [axis], true)]);
  const sum = write.reduce("ReduceSum", write.emit("Exp", [shifted]), [axis], true);
  return [write.emit("Sub", [shifted, write.emit("Log", [sum])])];
};

/** Sign has no kernel. */
const sign: RuleFor<typeof elementwise.sign> = (_node, [x], write) => {
  const zero = write.number(0);
  const negative = write.emit("Where", [write.emit("Greater", [zero, x]), write.number(-1), zero]);
  return [write.emit("Where", [write.emit("Greater", [x, zero]), write.number(1), negative])];
};

/** The kernel passes over NaN, which the mean has. */
const reduceMax: RuleFor<typeof reductions.reduceMax> = (node, [x], write) => {
  const { axes, keepdims } = node.attributes;
  const [mean] = findRule(trainingRules, reductions.reduceMean)(node, [x], write);
  return [withNaN(write.reduce("ReduceMax", x, axes, keepdims), mean!, write)];
};

/** A value at the first of the largest elements of x along an axis, zero elsewhere. Positions are floats: integers have no kernels. */
function atFirstMaximum(x: LoweredValue, value: LoweredValue, axis: number, write: OnnxWriter): LoweredValue {
  const shape = x.shape as readonly number[];
  const length = shape[axis]!;
  const along = shape.map((_, i) => (i === axis ? length : 1));
  const positions = write.table(`places_${along.join("_")}`, "float32", along, (...index) => index[axis]!);
  const isLargest = write.emit("Equal", [x, write.reduce("ReduceMax", x, [axis], true)]);
  const candidates = write.emit("Where", [isLargest, positions, write.number(length)]);
  const first = write.reduce("ReduceMin", candidates, [axis], true);
  return write.emit("Where", [write.emit("Equal", [positions, first]), value, write.number(0)]);
}

/** Adjacent axes are merged where they are: the provider transposes no bools, as ONNX Runtime would have it do if one axis were moved. */
const maximumGrad: RuleFor<typeof reduceMaxGrad> = ({ attributes: { axes }, inputs }, [dy, x], write) => {
  const shape = staticShape(inputs[1].shape);
  const all = [...shape.keys()];
  const isAdjacent = axes.every((axis, i) => axis === axes[0]! + i);
  const order = isAdjacent ? all : [...all.filter((axis) => !axes.includes(axis)), ...axes];
  const ordered = order.map((axis) => shape[axis]!);
  const first = order.indexOf(axes[0]!);
  const length = axes.reduce((n, axis) => n * shape[axis]!, 1);
  const merged = [...ordered.slice(0, first), length, ...ordered.slice(first + axes.length)];
  const move = (v: LoweredValue, to: readonly number[]) => (isAdjacent ? v : write.transpose(v, to));
  const from = write.reshape(move(x, order), merged);
  const dx = atFirstMaximum(from, write.reshape(dy, merged.with(first, 1)), first, write);
  const inverse = all.map((axis) => order.indexOf(axis));
  return [move(write.reshape(dx, ordered), inverse)];
};

const maxPool: RuleFor<typeof maxPoolOp> = (node, [x], write) => {
  const [max] = findRule(inferenceRules, maxPoolOp)(node, [x], write);
  const { kernel, strides, pads, dilations } = node.attributes;
  const [kh, kw] = kernel;
  if (dilations.every((d) => d === 1) && pads[2] < kh && pads[3] < kw) {
    const mean = write.emit("AveragePool", [x], { kernel_shape: kernel, strides, pads });
    return [withNaN(max!, mean, write)];
  }
  // AveragePool cannot do such windows: whether one holds NaN is a maximum too.
  const mask = write.emit("Where", [write.emit("Equal", [x, x]), write.number(0), write.number(1)]);
  const [found] = findRule(inferenceRules, maxPoolOp)(node, [mask], write);
  return [write.emit("Where", [write.emit("Greater", [found!, write.number(0)]), write.number(Number.NaN), max!])];
};

/**
 * What every window of a pooling sees, [N·C, elements of the window, H', W'], and its transpose, which adds up what windows hold where they
 * overlap. MaxPool has no indices here. Convolutions with filters that pick an element each do the same.
 */
function windowsOf({ kernel, strides, pads, dilations }: MaxPoolAttributes, map: Value, y: Value, write: OnnxWriter) {
  const [n, c, ...size] = staticShape(map.shape) as [number, number, number, number];
  const out = staticShape(y.shape).slice(2);
  const reach = [0, 1].map((i) => (out[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1);
  const padded = [0, 1].map((i) => Math.max(size[i]! + pads[i]!, reach[i]!));
  const around = [0, 0, pads[0], pads[1], 0, 0, padded[0]! - size[0]! - pads[0], padded[1]! - size[1]! - pads[1]];
  const isPadded = around.some((p) => p > 0);
  const taps = kernel[0] * kernel[1];
  const pick = write.table(`pick_${kernel.join("_")}`, "float32", [taps, 1, ...kernel], (tap, _channel, row, column) =>
    Number(tap === row! * kernel[1] + column!),
  );
  const geometry = convolution({ strides, dilations, pads: [0, 0, 0, 0], group: 1 }, kernel);
  return {
    seen(x: LoweredValue, border: number): LoweredValue {
      const maps = write.reshape(x, [n * c, 1, ...size]);
      const whole = isPadded ? write.emit("Pad", [maps, write.ints(around), write.number(border)]) : maps;
      // A Reshape keeps ONNX Runtime from joining the Pad to the convolution.
      const apart = isPadded ? write.reshape(whole, [n * c, 1, ...padded]) : whole;
      return write.emit("Conv", [apart, pick], geometry);
    },
    put(windows: LoweredValue): LoweredValue {
      const rest = [0, 1].map((i) => padded[i]! - reach[i]!);
      const back = write.emit("ConvTranspose", [windows, pick], { ...geometry, output_padding: rest });
      const end = [pads[0] + size[0]!, pads[1] + size[1]!];
      const cut = isPadded ? write.slice(back, [pads[0], pads[1]], end, [2, 3]) : back;
      return write.reshape(cut, [n, c, ...size]);
    },
    one: (v: LoweredValue) => write.reshape(v, [n * c, 1, ...out]),
  };
}

/** Below all activations, and a number: with infinite borders the convolution would make NaN. */
const lowest = -3e38;

const maxPoolGrad: RuleFor<typeof maxPoolGradOp> = ({ attributes, inputs: [dy, map] }, [d, x], write) => {
  const windows = windowsOf(attributes, map, dy, write);
  return [windows.put(atFirstMaximum(windows.seen(x, lowest), windows.one(d), 1, write))];
};

const maxPoolSelect: RuleFor<typeof maxPoolSelectOp> = ({ attributes, inputs: [, map], outputs }, [d, x], write) => {
  const y = outputs[0]!;
  const windows = windowsOf(attributes, map, y, write);
  const chosen = atFirstMaximum(windows.seen(x, lowest), windows.seen(d, 0), 1, write);
  return [write.reshape(write.reduce("ReduceSum", chosen, [1], true), dimsOf(y))];
};

/** Whether a convolution is 1×1 with other padding before a map than after it: the provider forgets that. */
const isLopsided = (kernel: readonly unknown[], pads: readonly number[]): boolean =>
  kernel.every((k) => k === 1) && (pads[0] !== pads[2] || pads[1] !== pads[3]);

/** Pads first where the provider would not. A Reshape keeps ONNX Runtime from joining the Pad to the convolution again. */
const paddedConv: RuleFor<typeof convOp> = (node, [x, ...rest], write) => {
  const { pads } = node.attributes;
  if (!isLopsided(node.inputs[1].shape.slice(2), pads)) return conv(node, [x, ...rest], write);
  const [n, c, h, w] = dimsOf(node.inputs[0]) as [number, number, number, number];
  const padded = write.pad(x, [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]);
  const apart = write.reshape(padded, [n, c, h + pads[0] + pads[2], w + pads[1] + pads[3]]);
  return [write.emit("Conv", [apart, ...rest], convolution({ ...node.attributes, pads: [0, 0, 0, 0] }, [1, 1]))];
};

/** A rule for batch norms with [N,C] as [N,C,1]: of two axes the provider gives wrong numbers where C is a multiple of four. */
function withThirdAxis<A extends Attributes, I extends NodeInputs>(op: Op<A, I>): readonly [Op, Rule] {
  const rule = findRule(new Map([...inferenceRules, ...trainingRules]), op) as unknown as Rule;
  return ruleFor(op as unknown as Op, (node, inputs, write) => {
    const isMatrix = ({ shape }: Value) => shape.length === 2;
    const deep = inputs.map((x, i) => {
      const value = node.inputs[i]!;
      return x && isMatrix(value) ? write.reshape(x, [...dimsOf(value), 1]) : x;
    });
    return rule(node, deep as never, write).map((y, i) =>
      isMatrix(node.outputs[i]!) ? write.reshape(y, dimsOf(node.outputs[i]!)) : y,
    );
  });
}

/** Standard ONNX, replaced where the provider has no kernel, or one that is wrong. */
export const webgpuRules: Rules = new Map([
  ...inferenceRules,
  ...trainingRules,
  ruleFor(elementwise.relu, (_node, [x], write) => [clamp(x, 0, Number.POSITIVE_INFINITY, write)]),
  ruleFor(elementwise.clip, ({ attributes: { min, max } }, [x], write) => [clamp(x, min, max, write)]),
  keepingNaN(elementwise.sigmoid),
  keepingNaN(elementwise.hardSigmoid),
  ruleFor(elementwise.sign, sign),
  ruleFor(softmaxes.logSoftmax, logSoftmax),
  ruleFor(reductions.reduceMax, reduceMax),
  ruleFor(reduceMaxGrad, maximumGrad),
  ruleFor(maxPoolOp, maxPool),
  ruleFor(maxPoolGradOp, maxPoolGrad),
  ruleFor(maxPoolSelectOp, maxPoolSelect),
  ruleFor(convOp, paddedConv),
  withThirdAxis(norms.batchNormalization),
  withThirdAxis(norms.batchNormTraining),
  withThirdAxis(norms.batchNormTrainingGrad),
  // The order of kernels is the provider's. Without barriers recomputation saves no memory.
  ruleFor(movement.barrier, (_node, [x]) => [x]),
]);

// ── Passes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** By how much an update counts its cell up in every run; undefined for other updates. */
function countedBy({ cell, value }: Update): bigint | undefined {
  if (cell.dtype !== "int") return undefined;
  let total = 0n;
  for (let at = value; ; ) {
    if (at.source.kind === "state") return at.source.cell === cell ? total : undefined;
    if (!isOp(at.node, elementwise.add)) return undefined;
    const [before, step] = at.node.inputs as readonly [Value, Value];
    if (step.source.kind !== "constant" || step.source.tensor.data.length !== 1) return undefined;
    total += BigInt(Number(step.source.tensor.data[0]));
    at = before;
  }
}

/**
 * Counters of integers, such as the batches that a batch norm has seen, become one count of runs: the provider has no kernels for integers.
 * It is a float, exact for sixteen million runs.
 */
const countRuns: Pass = (module) => {
  const counters = new Map<Cell, bigint>();
  for (const update of module.graph.updates) {
    const by = countedBy(update);
    if (by !== undefined) counters.set(update.cell, by);
  }
  if (counters.size === 0) return module;
  const count: { cell?: Cell } = {};
  const graph = rebuild(module.graph, {
    update({ cell }, to) {
      if (!counters.has(cell)) return false;
      if (!count.cell) {
        const runs = to.state("runs", tensor("float32", [1], Float32Array.of(0)));
        if (runs.source.kind === "state") count.cell = runs.source.cell;
        to.target.update(count.cell!, add(runs, 1));
      }
      return true;
    },
  });
  return {
    ...module,
    graph,
    restore(contents) {
      const all = new Map(contents);
      const runs = BigInt(Number(all.get(count.cell!)!.data[0]));
      all.delete(count.cell!);
      for (const [cell, by] of counters) {
        const data = BigInt64Array.of(BigInt(Number(cell.value.data[0])) + runs * by);
        all.set(cell, tensor("int64", cell.shape, data));
      }
      return module.restore(all);
    },
  };
};

/** @throws Error where a node would give wrong numbers: a rule has not avoided a known fault of the provider. */
function checkNodes({ nodes }: LoweredModule): void {
  const faults: Readonly<Record<string, (node: LoweredNode) => boolean>> = {
    BatchNormalization: ({ inputs }) => inputs[0]?.shape?.length === 2,
    Conv: ({ operation: { attributes }, inputs }) =>
      isLopsided(inputs[1]?.shape?.slice(2) ?? [0], (attributes.pads as readonly number[] | undefined) ?? [0, 0, 0, 0]),
  };
  const wrong = nodes.find((node) => faults[node.type]?.(node));
  if (wrong) throw new Error(`${wrong.name}: WebGPU computes this ${wrong.type} wrongly`);
}

const avoidFaults: Pass = (module) => {
  checkNodes(module.lowered);
  return module;
};

/** WebGPU as a target. */
export const webgpuTarget = (rules: Rules = new Map()): Target => ({
  name: "webgpu",
  rules: new Map([...webgpuRules, ...rules]),
  blocks: undefined,
  writesInPlace: false,
  before: { "count-runs": countRuns },
  after: { "avoid-faults": avoidFaults },
});

// ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** In the provider's own layout, NHWC, convolutions are wrong. With `disable_cpu_ep_fallback` a session opens only if all of it is on the device. */
const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: [{ name: "webgpu", preferredLayout: "NCHW" }],
  extra: { session: { disable_cpu_ep_fallback: "1" } },
  logSeverityLevel: 4,
};

/** A model of one node from x to y. */
function oneNode(type: string, constants: readonly Tensor[], shape: readonly (number | string)[]): Uint8Array {
  const names = constants.map((_, i) => `c${i}`);
  return encodeOnnx({
    nodes: [{ type, name: type, inputs: ["x", ...names], outputs: ["y"], attributes: {} }],
    initializers: new Map(constants.map((value, i) => [names[i]!, value])),
    inputs: [{ name: "x", dtype: "float32", shape }],
    outputs: [{ name: "y", dtype: "float32", shape }],
    opsets: { "": defaultOpset },
  });
}

/** Copies arrays from the device by an Identity: `getData()` of onnxruntime-node 1.30 ends the process. */
class Reader {
  readonly #sessions = new Map<number, Promise<InferenceSession>>();

  constructor(private readonly ort: OrtModule) {}

  async read(value: OrtTensor): Promise<Tensor> {
    const rank = value.dims.length;
    const open = () => {
      const shape = value.dims.map((_, i) => `d${i}`);
      return this.ort.InferenceSession.create(oneNode("Identity", [], shape), sessionOptions);
    };
    const session = this.#sessions.get(rank) ?? open();
    this.#sessions.set(rank, session);
    return fromOrt((await (await session).run({ x: value })).y!);
  }
}

/** State that stays on the device: what a run leaves there is fed to the next. The graph's outputs come back. */
class DeviceState implements HeldState {
  readonly #state: Record<string, OrtTensor>;

  constructor(
    ort: OrtModule,
    private readonly session: InferenceSession,
    private readonly spec: SessionSpec,
    private readonly reader: Reader,
  ) {
    this.#state = Object.fromEntries(spec.states.map(({ before, initial }) => [before, toOrt(ort, initial)]));
  }

  async run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, Tensor>> {
    const results = await this.session.run({ ...feeds, ...this.#state });
    for (const { before, after } of this.spec.states) {
      // Neither Node nor the browser frees them by itself.
      this.#state[before]!.dispose();
      this.#state[before] = results[after]!;
    }
    return Object.fromEntries(this.spec.outputs.map(({ name }) => [name, fromOrt(results[name]!)]));
  }

  async read(index: number): Promise<Tensor> {
    const value = this.#state[this.spec.states[index]!.before]!;
    return value.location === "gpu-buffer" ? this.reader.read(value) : fromOrt(value);
  }

  async release(): Promise<void> {
    await this.session.release();
    for (const value of Object.values(this.#state)) value.dispose();
  }
}

async function openState(ort: OrtModule, spec: SessionSpec, reader: Reader): Promise<HeldState> {
  const places = [...spec.outputs.map(({ name }) => [name, "cpu"]), ...spec.states.map((s) => [s.after, "gpu-buffer"])];
  const session = await ort.InferenceSession.create(spec.model, {
    ...sessionOptions,
    preferredOutputLocation: Object.fromEntries(places),
  }).catch((error: unknown) => {
    if (!/assigned to the default CPU EP/.test(messageOf(error))) throw error;
    throw new FoveaError(`WebGPU has no kernel for a part of this graph; use device "cpu"`);
  });
  return new DeviceState(ort, session, spec, reader);
}

// ── The device ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What computes behind WebGPU. */
export interface Adapter {
  /** Whether it is a program that runs on the processor, such as SwiftShader. */
  readonly isSoftware: boolean;
}

/** Options of engines that say where to compute. */
export interface DeviceOptions {
  /** Where to compute. Default: `cpu`. With `webgpu`, an error says why if there is no GPU; nothing falls back to the CPU. */
  readonly device?: "cpu" | "webgpu";
  /** With `webgpu`: whether an adapter that is itself a program on the CPU will do, for tests. Default false. */
  readonly allowSoftware?: boolean;
}

/** @throws OptionError for options that have no effect on their device. */
export function checkDevice(owner: string, { device = "cpu", ...options }: DeviceOptions & object): void {
  const isGpu = device === "webgpu";
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const idle = given.find(([name]) => (isGpu ? !["allowSoftware", "rules"].includes(name) : name === "allowSoftware"));
  if (idle) throw new OptionError(`${owner}: ${idle[0]} has no effect with device "${device}"; leave it out`);
}

const useCpu = `use device "cpu", the default`;

/** How a page gets its adapter. (TypeScript's library for pages does not have WebGPU yet.) */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>;
}

/** The adapter of a page or Web Worker. @throws FoveaError if there is none. */
export async function pageAdapter(): Promise<Adapter> {
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: Gpu };
  if (!gpu)
    throw new FoveaError(`this browser has no WebGPU, or the page is not served by https or localhost; ${useCpu}`);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new FoveaError(`this browser finds no GPU for WebGPU; see its page about the GPU, or ${useCpu}`);
  return { isSoftware: adapter.info?.isFallbackAdapter === true };
}

/** Runs Max on the device: it must compute, and keep NaN, by which a training that diverges is noticed. */
async function probe(ort: OrtModule): Promise<void> {
  const model = oneNode("Max", [tensor("float32", [1], Float32Array.of(0))], [3]);
  const session = await ort.InferenceSession.create(model, sessionOptions).catch((error: unknown) => {
    if (!/adapter/i.test(messageOf(error))) throw error;
    throw new FoveaError(`no GPU is found: WebGPU in Node needs Vulkan, Metal or Direct3D 12 and a driver; ${useCpu}`);
  });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(-1, 2, Number.NaN), [3]) });
  const { data } = fromOrt(y!);
  // The session stays open: with its last one, ONNX Runtime gives up the device for good.
  if (data[0] !== 0 || data[1] !== 2 || !Number.isNaN(data[2]))
    throw new FoveaError(`the GPU or its driver computes wrongly, Max(−1, 2, NaN; 0) = ${data.join(", ")}; ${useCpu}`);
}

/**
 * ONNX Runtime's WebGPU provider, in Node or a browser.
 *
 * @param load Imports onnxruntime-node or onnxruntime-web.
 * @param adapter Finds out what computes, once a session has been opened.
 */
export function webgpuBackend(
  load: () => Promise<OrtModule>,
  adapter: () => Promise<Adapter>,
  { allowSoftware = false, rules }: DeviceOptions & { readonly rules?: Rules | undefined } = {},
): Backend<Adapter> {
  return {
    name: "ort-webgpu",
    async load() {
      const ort = await load();
      const reader = new Reader(ort);
      return { ort, open: (spec) => openState(ort, spec, reader) };
    },
    async probe(ort) {
      await probe(ort);
      return adapter();
    },
    async targetFor(_graph, facts) {
      const { isSoftware } = await facts();
      if (isSoftware && !allowSoftware)
        throw new FoveaError(
          `WebGPU runs on the processor here, as there is no GPU or no driver for it; ${useCpu}, which is faster, or allowSoftware for a test`,
        );
      return webgpuTarget(rules);
    },
  };
}
