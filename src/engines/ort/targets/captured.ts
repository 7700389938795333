import type { Tensor as OrtTensor } from "onnxruntime-common";
import { sizeOf, type Tensor, tensor, toFloat32 } from "../../../core/tensor.js";
import { type OrtArrays, type SessionSpec, SessionState } from "../state.js";
import type { OrtModule } from "./target.js";
import { inTurn, openDeviceState, openSession } from "./webgpu.js";

// In a page each kernel is launched from JavaScript. A captured run is recorded once and then repeated as a whole, on the same buffers.

/** What is used of WebGPU. (TypeScript's library for pages does not have it yet.) */
interface Device {
  readonly queue: { writeBuffer(to: Buffer, at: number, data: Float32Array): void; submit(commands: unknown[]): void };
  createBuffer(options: { readonly size: number; readonly usage: number }): Buffer;
  createCommandEncoder(): {
    copyBufferToBuffer(from: unknown, at: number, to: Buffer, toAt: number, size: number): void;
    finish(): unknown;
  };
}
interface Buffer {
  mapAsync(mode: number): Promise<undefined>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** ONNX Runtime in a page. */
export type PageOrt = OrtModule & { readonly env: { readonly webgpu: { readonly device: unknown } } };

/** WebGPU's flags of buffers. */
const usage = { read: 1, copiedFrom: 4, copiedTo: 8, storage: 128 } as const;
const forReading = 1;

/** An array in a buffer of its own. */
interface Held {
  readonly buffer: Buffer;
  readonly array: OrtTensor;
  readonly bytes: number;
}

/** The inputs and the state stay in the same buffers: a run leaves the new state elsewhere, from where it is copied. */
class CapturedState extends SessionState {
  readonly #inputs: ReadonlyMap<string, Held>;
  readonly #states: ReadonlyMap<string, Held>;
  readonly #feeds: OrtArrays;
  /** All outputs, one after the other, where the CPU can read them. */
  readonly #read: Buffer;

  constructor(
    ort: PageOrt,
    session: SessionState["session"],
    spec: SessionSpec,
    private readonly device: Device,
  ) {
    super(ort, session, spec);
    const hold = (shape: readonly number[]): Held => {
      const bytes = 4 * sizeOf(shape);
      const size = Math.max(16, 16 * Math.ceil(bytes / 16));
      const buffer = device.createBuffer({ size, usage: usage.storage | usage.copiedFrom | usage.copiedTo });
      const array = ort.Tensor.fromGpuBuffer(buffer as never, { dataType: "float32", dims: shape });
      return { buffer, array, bytes };
    };
    this.#inputs = new Map(spec.inputs.map(({ name, shape }) => [name, hold(shape as number[])]));
    this.#states = new Map(spec.states.map(({ before, initial }) => [before, hold(initial.shape)]));
    for (const { before, initial } of spec.states) this.#write(this.#states.get(before)!, initial);
    const arrays = (held: ReadonlyMap<string, Held>) =>
      Object.fromEntries([...held].map(([name, { array }]) => [name, array]));
    this.state = arrays(this.#states);
    this.#feeds = { ...arrays(this.#inputs), ...this.state };
    const total = spec.outputs.reduce((n, { shape }) => n + 4 * sizeOf(shape as number[]), 0);
    this.#read = device.createBuffer({ size: Math.max(16, total), usage: usage.read | usage.copiedTo });
  }

  #write({ buffer }: Held, value: Tensor): void {
    this.device.queue.writeBuffer(buffer, 0, toFloat32(value).data);
  }

  /** Runs the session on whatever the buffers hold. */
  #launch(): Promise<OrtArrays> {
    return this.session.run(this.#feeds);
  }

  /** Captures a run, whose results are dropped. Returns whether it can be repeated: of what it does, only kernels are. */
  async capture(): Promise<boolean> {
    return !(await isCopying(async () => this.discard(Object.values(await this.#launch()))));
  }

  override run(feeds: OrtArrays): Promise<Record<string, Tensor>> {
    return inTurn(async () => {
      for (const [name, value] of Object.entries(feeds))
        this.device.queue.writeBuffer(this.#inputs.get(name)!.buffer, 0, value.data as Float32Array);
      const results = await this.#launch();
      const encoder = this.device.createCommandEncoder();
      for (const { before, after } of this.spec.states) {
        const { buffer, bytes } = this.#states.get(before)!;
        encoder.copyBufferToBuffer(results[after]!.gpuBuffer, 0, buffer, 0, bytes);
      }
      let at = 0;
      for (const { name, shape } of this.spec.outputs) {
        const bytes = 4 * sizeOf(shape as number[]);
        encoder.copyBufferToBuffer(results[name]!.gpuBuffer, 0, this.#read, at, bytes);
        at += bytes;
      }
      this.device.queue.submit([encoder.finish()]);
      this.discard(Object.values(results));
      return this.#outputs(await mapped(this.#read));
    });
  }

  #outputs(contents: ArrayBuffer): Record<string, Tensor> {
    let at = 0;
    return Object.fromEntries(
      this.spec.outputs.map(({ name, shape }) => {
        const size = sizeOf(shape as number[]);
        const value = tensor("float32", shape as number[], new Float32Array(contents, at, size));
        at += 4 * size;
        return [name, value];
      }),
    );
  }

  override read(index: number): Promise<Tensor> {
    const { before, initial } = this.spec.states[index]!;
    const { buffer, bytes } = this.#states.get(before)!;
    return inTurn(async () => {
      const target = this.device.createBuffer({ size: Math.max(16, bytes), usage: usage.read | usage.copiedTo });
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, target, 0, bytes);
      this.device.queue.submit([encoder.finish()]);
      const contents = await mapped(target);
      target.destroy();
      return tensor("float32", initial.shape, new Float32Array(contents, 0, bytes / 4));
    });
  }

  override release(): Promise<void> {
    return inTurn(() => this.close());
  }

  async close(): Promise<void> {
    await this.session.release();
    for (const { buffer } of [...this.#inputs.values(), ...this.#states.values()]) buffer.destroy();
    this.#read.destroy();
  }

  protected override discard(arrays: readonly OrtTensor[]): void {
    for (const value of arrays) value.dispose();
  }
}

/**
 * Whether one array is copied to another meanwhile, as an Identity is computed: ONNX Runtime would not repeat that. (Constants are copied
 * from elsewhere, once. Buffers that ONNX Runtime uses again are cleared, but overwritten anyway.)
 */
async function isCopying(act: () => Promise<unknown>): Promise<boolean> {
  type Copy = (from: { readonly usage: number }, ...rest: unknown[]) => unknown;
  const { GPUCommandEncoder } = globalThis as unknown as {
    readonly GPUCommandEncoder: { readonly prototype: { copyBufferToBuffer: Copy } };
  };
  const { prototype } = GPUCommandEncoder;
  const { copyBufferToBuffer } = prototype;
  let isSeen = false;
  prototype.copyBufferToBuffer = function (from, ...rest) {
    if (from.usage & usage.storage) isSeen = true;
    return copyBufferToBuffer.call(this, from, ...rest);
  };
  try {
    await act();
  } finally {
    prototype.copyBufferToBuffer = copyBufferToBuffer;
  }
  return isSeen;
}

/** What a buffer holds once all that was submitted before is done. */
async function mapped(buffer: Buffer): Promise<ArrayBuffer> {
  await buffer.mapAsync(forReading);
  const contents = buffer.getMappedRange().slice(0);
  buffer.unmap();
  return contents;
}

/** Whether every run is on arrays of the same sizes, and there will be many: capturing takes two. */
function isRepeated({ inputs, outputs, states }: SessionSpec): boolean {
  const isFloat = ({ dtype }: { readonly dtype: string }) => dtype === "float32";
  const arrays = [...inputs, ...outputs];
  return (
    states.length > 0 &&
    arrays.every((array) => isFloat(array) && array.shape.every((d) => typeof d === "number" && d > 0)) &&
    states.every(({ initial }) => isFloat(initial) && sizeOf(initial.shape) > 0)
  );
}

/** Opens a session in a page, captured if it is a step on arrays of fixed sizes. */
export async function openCaptured(ort: PageOrt, spec: SessionSpec): Promise<SessionState> {
  if (!isRepeated(spec)) return openDeviceState(ort, spec);
  const session = await openSession(ort, spec, { enableGraphCapture: true, preferredOutputLocation: "gpu-buffer" });
  const state = new CapturedState(ort, session, spec, (await ort.env.webgpu.device) as Device);
  if (await state.capture()) return state;
  await state.close();
  return openDeviceState(ort, spec);
}
