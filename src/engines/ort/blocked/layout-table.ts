import { fourSizes } from "../../../core/shape.js";
import { toFloat32 } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { Lowering } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import type { Graph, Node, Value } from "../../../graph/graph.js";
import { asMaps } from "../maps.js";
import type { BlockedTarget } from "./conv-layer.js";
import { type Layout, type LayoutKind, layoutOf, roundUp, toLayout } from "./layout.js";
import { type BlockedTensor, BlockedWriter, blockedTypes, type Epilogue } from "./writer.js";

/** A result not emitted yet, so that its only reader can be fused into it, or use less than all of it. */
export interface Deferred {
  /** Emits it. The epilogue has an activation only if `activates`. */
  emit(epilogue: Pick<Epilogue, "sum" | "activation">): BlockedTensor;
  readonly activates: boolean;
  /** A strided input gradient comes in phases: two of them add phase by phase. */
  readonly phases?: Phases;
  /** A product, whose sum over positions needs no array of products. */
  readonly product?: readonly [BlockedTensor, BlockedTensor];
}

/** An array interleaved from stride × stride sub-images. A missing one is zero. */
export interface Phases {
  readonly strides: readonly [number, number];
  readonly parts: readonly (((sum?: LoweredValue) => BlockedTensor) | undefined)[];
  join(parts: Phases["parts"], sum: LoweredValue | undefined): BlockedTensor;
}

/** A weight, its gradient, or one of its optimizer slots. */
interface Packed {
  readonly layout: Layout;
  readonly array: LoweredValue;
}

/**
 * The layouts that each value of a graph is available in: plain, NCHWc, planes, packed weight.
 * A conversion is emitted when a value is first asked for in a layout, and only once.
 */
export class LayoutTable extends Lowering implements BlockedTarget {
  readonly block: number;
  readonly winograd: BlockedTarget["winograd"];
  readonly nchwc: BlockedWriter;
  readonly #blocked = new Map<Value, BlockedTensor>();
  readonly #deferred = new Map<Value, Deferred>();
  readonly #planes = new Map<Value, readonly BlockedTensor[]>();
  readonly #packed = new Map<Value, Packed>();
  /** Who reads a value: nodes, or `null` for an output or update. */
  readonly #readers = new Map<Value, (Node | null)[]>();
  readonly #memo = new Map<string, unknown>();

  constructor(graph: Graph, rules: Rules, { block, winograd }: BlockedTarget) {
    super(graph, rules, { typeRules: blockedTypes(block) });
    this.block = block;
    this.winograd = winograd;
    this.nchwc = new BlockedWriter(this.write, block);
    const read = (value: Value, reader: Node | null) => {
      const readers = this.#readers.get(value);
      if (readers) readers.push(reader);
      else this.#readers.set(value, [reader]);
    };
    for (const node of this.program.nodes) for (const value of node.inputs) read(value, node);
    for (const value of graph.outputs.values()) read(value, null);
    for (const { value } of graph.updates) read(value, null);
  }

  /** Makes something once per key. */
  memo<T>(key: string, make: () => T): T {
    if (!this.#memo.has(key)) this.#memo.set(key, make());
    return this.#memo.get(key) as T;
  }

  /** Whether a value is known when the model is written. */
  isConstant({ source }: Value): boolean {
    return source.kind === "constant" || (source.kind === "state" && !this.isUpdated(source.cell));
  }

  /** Who reads a value: nodes, and `null` for each output or update that it is. */
  readers(value: Value): readonly (Node | null)[] {
    return this.#readers.get(value) ?? [];
  }

  // NCHWc --------------------------------------------------------------------------------------------------------------

  /** Whether a value is available in NCHWc. */
  isBlocked(value: Value): boolean {
    return this.#blocked.has(value) || this.#deferred.has(value);
  }

  /** Whether a value is, or can be converted to, NCHWc. */
  canBlock(value: Value): boolean {
    if (this.isBlocked(value)) return true;
    const { shape, dtype } = value.type;
    const channels = shape[1];
    return (
      shape.length === 4 && dtype === "float" && shape[0] !== "N" && typeof channels === "number" && channels % 4 === 0
    );
  }

  /** Whether the last block of a value is padded with zeros. */
  isPadded(value: Value): boolean {
    return (value.shape[1] as number) % this.block !== 0;
  }

  /** A value in NCHWc: as it is, emitted now if it was deferred, or converted from its plain array. */
  blocked(value: Value): BlockedTensor {
    const known = this.#blocked.get(value);
    if (known) return known;
    const maps = this.takeDeferred(value)?.emit({}) ?? this.nchwc.reorderInput(this.plain(value));
    this.setBlocked(value, maps);
    return maps;
  }

  /** Zero padding at the top, left, bottom and right, emitted once. */
  pad(x: BlockedTensor, pads: readonly [number, number, number, number]): BlockedTensor {
    return this.memo(`pad ${x.name} ${pads}`, () => this.nchwc.pad(x, pads));
  }

  /** Enters what a rule has emitted for a value. */
  setBlocked(value: Value, maps: BlockedTensor): void {
    maps.layout = "NCHWc";
    this.#blocked.set(value, maps);
  }

  /** Defers a result that has a single reader; with more readers it is emitted now. */
  defer(value: Value, deferred: Deferred): void {
    if (this.readers(value).length !== 1) {
      this.setBlocked(value, deferred.emit({}));
      return;
    }
    // Whenever it is emitted, its nodes belong to its own module.
    const { path } = value.node!.scope;
    const emit: Deferred["emit"] = (epilogue) => this.write.within(path, () => deferred.emit(epilogue));
    this.#deferred.set(value, { ...deferred, emit });
  }

  /** Looks at a deferred result. */
  deferred(value: Value): Deferred | undefined {
    return this.#deferred.get(value);
  }

  /** Takes the deferred result; the caller emits it. */
  takeDeferred(value: Value): Deferred | undefined {
    const deferred = this.#deferred.get(value);
    this.#deferred.delete(value);
    return deferred;
  }

  // Planes -------------------------------------------------------------------------------------------------------------

  /** Whether a value is available as planes. */
  isPlanes(value: Value): boolean {
    return this.#planes.has(value);
  }

  /** A value of few channels as one array per channel, [1,N,H,W] with the images in the lanes. */
  planes(value: Value): readonly BlockedTensor[] {
    let planes = this.#planes.get(value);
    if (!planes) {
      const [n, channels, height, width] = fourSizes(value.shape);
      const plain = this.plain(value);
      const byChannel = channels === 1 ? plain : this.write.transpose(plain, [1, 0, 2, 3]);
      planes = Array.from({ length: channels }, (_, c) => {
        const shape = [1, n, height, width] as const;
        const { write } = this;
        const plane =
          channels === 1
            ? write.reshape(byChannel, shape)
            : write.emit("Slice", [byChannel, write.ints([c]), write.ints([c + 1]), write.ints([0])]);
        return this.nchwc.reorderInput(plane);
      });
      this.#planes.set(value, planes);
    }
    return planes;
  }

  /** Enters the planes that a rule has emitted for a value. */
  setPlanes(value: Value, planes: readonly BlockedTensor[]): void {
    this.#planes.set(value, planes);
  }

  #joinPlanes(planes: readonly BlockedTensor[], [n, , height, width]: readonly number[]): LoweredValue {
    const parts = planes.map((plane) =>
      this.write.reshape(this.nchwc.reorderOutput(plane, n!), [n!, 1, height!, width!]),
    );
    return parts.length > 1 ? this.write.emit("Concat", parts, { axis: 1 }) : parts[0]!;
  }

  // Weights ------------------------------------------------------------------------------------------------------------

  /** A value that is available in a weight layout. */
  packed(value: Value): Packed | undefined {
    return this.#packed.get(value);
  }

  /** Enters what a rule has emitted for a value in a weight layout. */
  setPacked(value: Value, layout: Layout, array: LoweredValue): void {
    array.layout = layout.kind;
    this.#packed.set(value, { layout, array });
  }

  /** A weight in a layout: as it is stored, or converted, constants at compile time and others by the model. */
  weight(value: Value, kind: LayoutKind): LoweredValue {
    const known = this.#packed.get(value);
    if (known?.layout.kind === kind) return known.array;
    const layout = layoutOf(kind, value.shape as readonly number[], this.block);
    const { source } = value;
    const tensor = source.kind === "constant" ? source.tensor : source.kind === "state" ? source.cell.value : undefined;
    const array =
      this.isConstant(value) && tensor
        ? this.write.constant(toLayout(toFloat32(tensor), layout))
        : this.#emitToLayout(this.plain(value), layout);
    this.setPacked(value, layout, array);
    return array;
  }

  #emitToLayout(array: LoweredValue, { from, shape, split, perm }: Layout): LoweredValue {
    const missing = shape.map((d, i) => d - from[i]!);
    const whole = missing.some((d) => d > 0)
      ? this.write.emit("Pad", [array, this.write.ints([...from.map(() => 0), ...missing])])
      : array;
    return this.write.reshape(this.write.transpose(this.write.reshape(whole, split), perm), shape);
  }

  #emitFromLayout(array: LoweredValue, { from, shape, split, perm }: Layout): LoweredValue {
    const inMemory = perm.map((axis) => split[axis]!);
    const inverse = perm.map((_, i) => perm.indexOf(i));
    const whole = this.write.reshape(this.write.transpose(this.write.reshape(array, inMemory), inverse), shape);
    return this.crop(whole, from);
  }

  /** The leading part of an array. */
  crop(array: LoweredValue, to: readonly number[]): LoweredValue {
    const axes = (array.shape as readonly number[]).flatMap((d, i) => (d > to[i]! ? [i] : []));
    if (axes.length === 0) return array;
    const { write } = this;
    const ends = axes.map((axis) => to[axis]!);
    return write.emit("Slice", [array, write.ints(axes.map(() => 0)), write.ints(ends), write.ints(axes)]);
  }

  /** A vector over channels, [C], zero-padded to whole blocks. */
  vector(value: Value): LoweredValue {
    const channels = value.shape[0] as number;
    const missing = roundUp(channels, this.block) - channels;
    const array = this.plain(value);
    return missing ? this.write.emit("Pad", [array, this.write.ints([0, missing])]) : array;
  }

  protected override converted(value: Value): LoweredValue | undefined {
    const packed = this.#packed.get(value);
    if (packed && !this.isConstant(value)) return this.#emitFromLayout(packed.array, packed.layout);
    const planes = this.#planes.get(value);
    if (planes) return this.#joinPlanes(planes, value.shape as readonly number[]);
    if (!this.isBlocked(value)) return undefined;
    const maps = this.blocked(value);
    const shape = value.shape as readonly number[];
    // A single position needs no reordering.
    if (shape[2] === 1 && shape[3] === 1) return this.crop(maps, shape);
    if (value.type.dtype === "float") return this.nchwc.reorderOutput(maps, shape[1]!);
    // ReorderOutput takes floats only.
    const numbers = asMaps(this.write.emit("Cast", [maps], { to: 1 }));
    return this.write.emit("Cast", [this.nchwc.reorderOutput(numbers, shape[1]!)], { to: 9 });
  }
}
