import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { FoveaError, messageOf, OptionError } from "../../../core/errors.js";
import { type Tensor, tensor } from "../../../core/tensor.js";
import type { LoweredModule, LoweredNode } from "../../../formats/onnx/ir.js";
import { defaultOpset } from "../../../formats/onnx/lower.js";
import { encodeOnnx } from "../../../formats/onnx/proto.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import { type Cell, isOp, liveProgram, type Update, type Value } from "../../../graph/graph.js";
import { rebuild } from "../../../graph/passes/rebuild.js";
import { ops as elementwise } from "../../../ops/elementwise.js";
import { add } from "../../../ops/index.js";
import { addInProducts, mergeDuplicates, scaleTogether, splitSlices } from "../passes/fewer-kernels.js";
import { fuseUpdates } from "../passes/fuse-small-updates.js";
import type { Pass } from "../passes/pass.js";
import { isLopsided, webgpuRules } from "../rules/webgpu.js";
import { fromOrt, type OrtArrays, type SessionSpec, SessionState } from "../state.js";
import type { Backend, OrtModule, Target } from "./target.js";

// A graph runs on the device as a whole, or is refused: ONNX Runtime would compute what its WebGPU provider has no kernel for on the CPU, and
// copy arrays there and back in every run. docs/gpu.md lists the faults of the provider that its rules avoid.

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
  const counters = new Map<Cell, { readonly by: bigint; readonly start: bigint }>();
  for (const update of module.graph.updates) {
    const by = countedBy(update);
    if (by !== undefined) counters.set(update.cell, { by, start: BigInt(Number(update.cell.value.data[0])) });
  }
  // Those that something else reads stay, and WebGPU will refuse them.
  const others = rebuild(module.graph, { update: ({ cell }) => counters.has(cell) });
  for (const { source } of liveProgram(others).states) if (source.kind === "state") counters.delete(source.cell);
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
      for (const [cell, { by, start }] of counters)
        all.set(cell, tensor("int64", cell.shape, BigInt64Array.of(start + runs * by)));
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

/**
 * The optimizer over few vectors. A megabyte takes as long to move as a kernel to start; a buffer of 128 MiB can be bound everywhere.
 */
const packState: Pass = (module) =>
  fuseUpdates(module, { largestSize: 2 ** 18, highestRank: 8, longest: 2 ** 24, withOtherNumbers: true });

/** WebGPU as a target. */
export const webgpuTarget = (rules: Rules = new Map()): Target => ({
  name: "webgpu",
  rules: new Map([...webgpuRules, ...rules]),
  blocks: undefined,
  writesInPlace: false,
  readsInPlace: false,
  before: { "count-runs": countRuns, "pack-state": packState },
  after: {
    "merge-duplicates": mergeDuplicates,
    "add-in-products": addInProducts,
    "split-slices": splitSlices,
    "scale-together": scaleTogether,
    "avoid-faults": avoidFaults,
  },
});

/** A session opens only if all of it is on the device. */
const onDevice = { session: { disable_cpu_ep_fallback: "1" } };
/** ONNX Runtime moves Transposes past comparisons; the provider has no kernel for those of booleans. */
const transposesStay = { optimization: { disable_specified_optimizers: "TransposeOptimizer" } };
/** In the provider's own layout, NHWC, convolutions are wrong. */
const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: [{ name: "webgpu", preferredLayout: "NCHW" }],
  extra: onDevice,
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

let last: Promise<unknown> = Promise.resolve();

/** WebAssembly that waits for a GPU cannot be called meanwhile: all engines of a page take turns. */
export function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const result = last.then(act);
  last = result.catch(() => undefined);
  return result;
}

/** Sessions that copy an array of a rank from the device. */
const readers = new Map<number, Promise<InferenceSession>>();

/** Reads by an Identity: `getData()` of onnxruntime-node 1.30 ends the process. */
async function readArray(ort: OrtModule, value: OrtTensor): Promise<Tensor> {
  const shape = value.dims.map((_, i) => `d${i}`);
  const open = () => ort.InferenceSession.create(oneNode("Identity", [], shape), sessionOptions);
  const session = readers.get(shape.length) ?? open();
  readers.set(shape.length, session);
  session.catch(() => readers.delete(shape.length));
  return fromOrt((await (await session).run({ x: value })).y!);
}

/** State that stays on the device: what a run leaves there is fed to the next. The graph's outputs come back. */
class DeviceState extends SessionState {
  override run(feeds: OrtArrays): Promise<Record<string, Tensor>> {
    return inTurn(() => super.run(feeds));
  }

  override async read(index: number): Promise<Tensor> {
    const value = this.state[this.spec.states[index]!.before]!;
    return value.location === "gpu-buffer" ? inTurn(() => readArray(this.ort, value)) : fromOrt(value);
  }

  override release(): Promise<void> {
    return inTurn(async () => {
      this.discard(Object.values(this.state));
      await this.session.release();
    });
  }

  /** Neither Node nor the browser frees them by itself. */
  protected override discard(arrays: readonly OrtTensor[]): void {
    for (const value of arrays) value.dispose();
  }
}

/** @throws FoveaError if not all of a graph is on the device. */
export async function openSession(
  ort: OrtModule,
  { model }: SessionSpec,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  const open = (extra: object) =>
    ort.InferenceSession.create(model, { ...sessionOptions, ...options, extra: { ...onDevice, ...extra } }).catch(
      (error: unknown) => {
        if (/assigned to the default CPU EP/.test(messageOf(error))) return undefined;
        throw error;
      },
    );
  const session = (await open({})) ?? (await open(transposesStay));
  if (!session) throw new FoveaError(`WebGPU has no kernel for a part of this graph; use device "cpu"`);
  return session;
}

/** Opens a session whose runs are recorded one by one. */
export async function openDeviceState(ort: OrtModule, spec: SessionSpec): Promise<SessionState> {
  const places = [...spec.outputs.map(({ name }) => [name, "cpu"]), ...spec.states.map((s) => [s.after, "gpu-buffer"])];
  const session = await openSession(ort, spec, { preferredOutputLocation: Object.fromEntries(places) });
  return new DeviceState(ort, session, spec);
}

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

/** What a browser says of an adapter; texts may be empty. */
interface AdapterInfo {
  readonly isFallbackAdapter?: boolean;
  readonly description?: string;
  readonly vendor?: string;
  readonly architecture?: string;
}

/** How a page gets its adapter. (TypeScript's library for pages does not have WebGPU yet.) */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: AdapterInfo } | null>;
}

/** A GPU that a page can compute on. */
export interface FoundGpu extends Adapter {
  /** What the browser calls it, such as `nvidia ampere`; `unnamed` if it does not say. */
  readonly name: string;
}

/**
 * The GPU on which a page or Web Worker computes with `ortWebEngine({ device: "webgpu" })`. Nothing is loaded: whether the driver computes rightly is
 * found out when the first graph is compiled.
 *
 * @throws FoveaError that says why, if there is none.
 * @example
 * const { name, isSoftware } = await findGpu();
 */
export async function findGpu(): Promise<FoundGpu> {
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: Gpu };
  if (!gpu)
    throw new FoveaError(`this browser has no WebGPU, or the page is not served by https or localhost; ${useCpu}`);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new FoveaError(`this browser finds no GPU for WebGPU; see its page about the GPU, or ${useCpu}`);
  const { isFallbackAdapter = false, description, vendor, architecture } = adapter.info ?? {};
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed";
  return { isSoftware: isFallbackAdapter, name };
}

/**
 * The session of the probe, which is run once. It stays open, and must not be collected as garbage: with the last session ONNX Runtime gives up
 * the device, and crashes where arrays on it are disposed of later.
 */
let probed: Promise<InferenceSession> | undefined;

/** Runs Max on the device: it must compute, and keep NaN, by which a training that diverges is noticed. */
async function probe(ort: OrtModule): Promise<InferenceSession> {
  const model = oneNode("Max", [tensor("float32", [1], Float32Array.of(0))], [3]);
  const session = await ort.InferenceSession.create(model, sessionOptions).catch((error: unknown) => {
    if (!/adapter/i.test(messageOf(error))) throw error;
    throw new FoveaError(`no GPU is found: WebGPU in Node needs Vulkan, Metal or Direct3D 12 and a driver; ${useCpu}`);
  });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(-1, 2, Number.NaN), [3]) });
  const { data } = fromOrt(y!);
  if (data[0] !== 0 || data[1] !== 2 || !Number.isNaN(data[2]))
    throw new FoveaError(`the GPU or its driver computes wrongly, Max(−1, 2, NaN; 0) = ${data.join(", ")}; ${useCpu}`);
  return session;
}

/**
 * ONNX Runtime's WebGPU provider, in Node or a browser.
 *
 * @param load Imports onnxruntime-node or onnxruntime-web.
 * @param adapter Finds out what computes, once a session has been opened.
 * @param openState Opens a session.
 */
export function webgpuBackend<Ort extends OrtModule>(
  load: () => Promise<Ort>,
  adapter: () => Promise<Adapter>,
  { allowSoftware = false, rules }: DeviceOptions & { readonly rules?: Rules | undefined } = {},
  openState: (ort: Ort, spec: SessionSpec) => Promise<SessionState> = openDeviceState,
): Backend<Adapter> {
  return {
    name: "ort-webgpu",
    async load() {
      const ort = await load();
      return { ort, open: (spec) => inTurn(() => openState(ort, spec)) };
    },
    async probe(ort) {
      probed ??= inTurn(() => probe(ort));
      await probed.catch((error) => {
        probed = undefined;
        throw error;
      });
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
