import { fourSizes, type Shape, staticDim } from "../../../core/shape.js";
import { computed, type Tensor, toFloat32 } from "../../../core/tensor.js";
import type { LoweredValue } from "../../../formats/onnx/ir.js";
import { Lowering } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import type { Graph, Node, Value } from "../../../graph/graph.js";
import { readersOf } from "../../../graph/passes/uses.js";
import { asMaps, type Maps } from "../maps.js";
import type { BlockedTarget } from "./blocked-layer.js";
import { type Layout, type LayoutKind, layoutOf, roundUp, toLayout } from "./layout.js";
import { BlockedWriter, blockedTypes, type Epilogue } from "./writer.js";

/** A result not emitted yet, so that its only reader can be fused into it, or use less than all of it. */
export interface Deferred {
  /** Emits it. The epilogue has an activation only if `activates`. */
  emit(epilogue: Pick<Epilogue, "sum" | "activation">): LoweredValue;
  readonly activates: boolean;
  /** A strided input gradient comes in phases: two of them add phase by phase. */
  readonly phases?: Phases;
  /** A product, whose sum over positions needs no array of products. */
  readonly product?: readonly [Maps, Maps];
}

/** An array interleaved from stride × stride sub-images. A missing one is zero. */
export interface Phases {
  readonly strides: readonly [number, number];
  readonly parts: readonly (((sum?: LoweredValue) => Maps) | undefined)[];
  join(parts: Phases["parts"], sum: LoweredValue | undefined): LoweredValue;
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
  readonly #blocked = new Map<Value, Maps>();
  readonly #deferred = new Map<Value, Deferred>();
  readonly #planes = new Map<Value, readonly Maps[]>();
  readonly #packed = new Map<Value, Packed>();
  readonly #readers: ReturnType<typeof readersOf>;

  constructor(graph: Graph, rules: Rules, { block, winograd }: BlockedTarget) {
    super(graph, rules, { typeRules: blockedTypes(block) });
    this.block = block;
    this.winograd = winograd;
    this.nchwc = new BlockedWriter(this.write, block);
    this.#readers = readersOf(graph, this.program.nodes);
  }

  /** Whether a value is known when the model is written. */
  isConstant({ source }: Value): boolean {
    return source.kind === "constant" || (source.kind === "state" && !this.isUpdated(source.cell));
  }

  /** The contents of a value that is known when the model is written. */
  constantOf(value: Value): Tensor | undefined {
    if (!this.isConstant(value)) return undefined;
    const { source } = value;
    return source.kind === "constant" ? source.tensor : source.kind === "state" ? source.cell.value : undefined;
  }

  /** Who reads a value: nodes, and undefined for each output or update that it is. */
  readers(value: Value): readonly (Node | undefined)[] {
    return this.#readers.get(value) ?? [];
  }

  // NCHWc --------------------------------------------------------------------------------------------------------------

  /** Whether a value is available in NCHWc. */
  isBlocked(value: Value): boolean {
    return this.#blocked.has(value) || this.#deferred.has(value);
  }

  /** Whether a value is, or can be converted to, NCHWc. */
  canBlock(value: Value): boolean {
    const { shape, dtype } = value.type;
    const canReorder = shape.length === 4 && dtype === "float" && shape[0] !== "N" && Number(shape[1]) % 4 === 0;
    return canReorder || this.isBlocked(value);
  }

  /** Whether the last block of a value is padded with zeros. */
  isPadded(value: Value): boolean {
    return (value.shape[1] as number) % this.block !== 0;
  }

  /** A value in NCHWc: as it is, emitted now if it was deferred, or converted from its plain array. */
  blocked(value: Value): Maps {
    if (!this.#blocked.has(value))
      this.setBlocked(value, this.takeDeferred(value)?.emit({}) ?? this.nchwc.reorderInput(this.plain(value)));
    return this.#blocked.get(value)!;
  }

  /** Enters what a rule has emitted for a value. */
  setBlocked(value: Value, array: LoweredValue): void {
    array.layout = "NCHWc";
    this.#blocked.set(value, asMaps(array));
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
  planes(value: Value): readonly Maps[] {
    if (!this.#planes.has(value)) this.setPlanes(value, this.#toPlanes(value));
    return this.#planes.get(value)!;
  }

  #toPlanes(value: Value): Maps[] {
    const [n, channels, height, width] = fourSizes(value.shape);
    const plain = this.plain(value);
    if (channels === 1) return [this.nchwc.reorderInput(this.write.reshape(plain, [1, n, height, width]))];
    const byChannel = this.write.transpose(plain, [1, 0, 2, 3]);
    return Array.from({ length: channels }, (_, c) =>
      this.nchwc.reorderInput(this.write.slice(byChannel, [c], [c + 1], [0])),
    );
  }

  /** Enters the planes that a rule has emitted for a value. */
  setPlanes(value: Value, planes: readonly Maps[]): void {
    this.#planes.set(value, planes);
  }

  #fromPlanes(planes: readonly Maps[], shape: Shape): LoweredValue {
    const [n, , height, width] = fourSizes(shape);
    const plain = (plane: Maps) => this.write.reshape(this.nchwc.reorderOutput(plane, n), [n, 1, height, width]);
    return this.write.concat(planes.map(plain), 1);
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
    const layout = layoutOf(kind, value.shape, this.block);
    const tensor = this.constantOf(value);
    const array = tensor
      ? this.write.constant(computed("float32", layout.shape, () => toLayout(toFloat32(tensor), layout).data))
      : this.#emitToLayout(this.plain(value), layout);
    this.setPacked(value, layout, array);
    return array;
  }

  #emitToLayout(array: LoweredValue, { from, shape, split, perm }: Layout): LoweredValue {
    const whole = this.write.pad(array, [...from.map(() => 0), ...shape.map((d, i) => d - from[i]!)]);
    return this.write.reshape(this.write.transpose(this.write.reshape(whole, split), perm), shape);
  }

  #emitFromLayout(array: LoweredValue, { from, shape, split, perm }: Layout): LoweredValue {
    const inMemory = perm.map((axis) => split[axis]!);
    const inverse = perm.map((_, i) => perm.indexOf(i));
    const whole = this.write.reshape(this.write.transpose(this.write.reshape(array, inMemory), inverse), shape);
    return this.crop(whole, from);
  }

  /** The leading part of an array. */
  crop(array: LoweredValue, to: Shape): LoweredValue {
    const axes = array.shape!.flatMap((d, i) => (Number(d) > staticDim(to[i]) ? [i] : []));
    if (axes.length === 0) return array;
    const [starts, ends] = [axes.map(() => 0), axes.map((axis) => staticDim(to[axis]))];
    return this.write.slice(array, starts, ends, axes);
  }

  /** An array plus another, if there is one. */
  plus(array: LoweredValue, sum: LoweredValue | undefined): LoweredValue {
    return sum === undefined ? array : this.write.emit("Add", [array, sum]);
  }

  /** A vector over channels, [C], zero-padded to whole blocks. */
  vector(value: Value): LoweredValue {
    const channels = value.shape[0] as number;
    return this.write.pad(this.plain(value), [0, roundUp(channels, this.block) - channels]);
  }

  protected override converted(value: Value): LoweredValue | undefined {
    const packed = this.#packed.get(value);
    if (packed && !this.isConstant(value)) return this.#emitFromLayout(packed.array, packed.layout);
    const planes = this.#planes.get(value);
    if (planes) return this.#fromPlanes(planes, value.shape);
    if (!this.isBlocked(value)) return undefined;
    const maps = this.blocked(value);
    const shape = fourSizes(value.shape);
    // A single position needs no reordering.
    if (shape[2] === 1 && shape[3] === 1) return this.crop(maps, shape);
    if (value.type.dtype === "float") return this.nchwc.reorderOutput(maps, shape[1]);
    // ReorderOutput takes floats only.
    const numbers = asMaps(this.write.cast(maps, "float32"));
    return this.write.cast(this.nchwc.reorderOutput(numbers, shape[1]), "bool");
  }
}
