import { fourSizes } from "../../../core/shape.js";
import { toFloat32 } from "../../../core/tensor.js";
import type { Lowering } from "../../../formats/onnx/lower.js";
import type { Rules } from "../../../formats/onnx/writer.js";
import type { Node, Value } from "../../../graph/graph.js";
import type { BlockedTarget } from "./conv-layer.js";
import { type Layout, type LayoutKind, layoutOf, pack, roundUp } from "./layout.js";
import { BlockedWriter, type Epilogue, type Maps } from "./writer.js";

/** Writes a node in blocked layout and keeps its results in `forms`. False: the plain rule shall do it. */
export type BlockedRule = (node: Node, forms: Forms) => boolean;

/** A result that is not written yet, because its only reader can do with less, or have more done before it is stored. */
export interface Pending {
  /** Writes it. The epilogue has an activation only if `activates`. */
  emit(epilogue: Pick<Epilogue, "sum" | "activation">): Maps;
  readonly activates: boolean;
  /** Strided input gradients come in parts: two of them add part by part. */
  readonly phases?: Phases;
  /** A product, whose sum over positions needs no array of products. */
  readonly product?: readonly [Maps, Maps];
}

/** Maps whose rows and columns are taken in turn from stride × stride smaller maps. A part that is left out is zero. */
export interface Phases {
  readonly strides: readonly [number, number];
  readonly parts: readonly (((sum?: string) => Maps) | undefined)[];
  join(parts: Phases["parts"], sum: string | undefined): Maps;
}

/** A weight, its gradient, or one of its optimizer's slots. */
interface Packed {
  readonly layout: Layout;
  readonly name: string;
}

/**
 * The forms in which the values of a graph stand in the model that is written: plain, blocked maps, planes, packed weights.
 * Whoever asks for a value in a form gets it; a conversion is written when one is first asked for, once.
 */
export class Forms implements BlockedTarget {
  readonly block: number;
  readonly winograd: BlockedTarget["winograd"];
  readonly to: BlockedWriter;
  readonly #maps = new Map<Value, Maps>();
  readonly #pending = new Map<Value, Pending>();
  readonly #planes = new Map<Value, readonly Maps[]>();
  readonly #packed = new Map<Value, Packed>();
  /** Who reads a value: nodes, or `null` for an output or update. */
  readonly #readers = new Map<Value, (Node | null)[]>();
  readonly #memo = new Map<string, unknown>();
  readonly #changing: ReadonlySet<object>;

  constructor(
    readonly lowering: Lowering,
    { block, winograd }: BlockedTarget,
    readonly rules: Rules,
  ) {
    this.block = block;
    this.winograd = winograd;
    this.to = new BlockedWriter(lowering.write, block);
    const { graph, program } = lowering;
    this.#changing = new Set(graph.updates.map((update) => update.cell));
    const read = (value: Value, reader: Node | null) => {
      const readers = this.#readers.get(value);
      if (readers) readers.push(reader);
      else this.#readers.set(value, [reader]);
    };
    for (const node of program.nodes) for (const value of node.inputs) read(value, node);
    for (const value of graph.outputs.values()) read(value, null);
    for (const { value } of graph.updates) read(value, null);
  }

  get write() {
    return this.lowering.write;
  }

  /** A result that is made once for its key. */
  memo<T>(key: string, make: () => T): T {
    if (!this.#memo.has(key)) this.#memo.set(key, make());
    return this.#memo.get(key) as T;
  }

  /** Whether a value is known when the model is written. */
  isConstant({ source }: Value): boolean {
    return source.kind === "constant" || (source.kind === "state" && !this.#changing.has(source.cell));
  }

  /** Who reads a value: nodes, and `null` for every output or update that it is. */
  readers(value: Value): readonly (Node | null)[] {
    return this.#readers.get(value) ?? [];
  }

  // Maps ---------------------------------------------------------------------------------------------------------------

  /** Whether a value stands in blocked layout already. */
  isMaps(value: Value): boolean {
    return this.#maps.has(value) || this.#pending.has(value);
  }

  /** Whether a value stands in blocked layout, or can be brought there. */
  canBeMaps(value: Value): boolean {
    if (this.isMaps(value)) return true;
    const { shape, dtype } = value.type;
    const channels = shape[1];
    return (
      shape.length === 4 && dtype === "float" && shape[0] !== "N" && typeof channels === "number" && channels % 4 === 0
    );
  }

  /** Whether the last block of a value is filled up with zeros. */
  isPadded(value: Value): boolean {
    return (value.shape[1] as number) % this.block !== 0;
  }

  /** A value in blocked layout: as it stands there, written now if it was waiting, or converted from its plain array. */
  maps(value: Value): Maps {
    const pending = this.takePending(value);
    if (pending) this.#maps.set(value, pending.emit({}));
    let maps = this.#maps.get(value);
    if (!maps) {
      const shape = fourSizes(value.shape);
      maps = this.to.reorderInput(this.lowering.plain(value), shape);
      this.#maps.set(value, maps);
    }
    return maps;
  }

  /** Maps with zeros above, left, below and right of them, written once. */
  pad(maps: Maps, pads: readonly [number, number, number, number]): Maps {
    return this.memo(`pad ${maps.name} ${pads}`, () => this.to.pad(maps, pads));
  }

  /** Keeps what a rule has written for a value. */
  setMaps(value: Value, maps: Maps): void {
    this.#maps.set(value, maps);
  }

  /** Keeps a result unwritten if it has one reader only; with more readers it is written now. */
  setPending(value: Value, pending: Pending): void {
    if (this.readers(value).length !== 1) {
      this.#maps.set(value, pending.emit({}));
      return;
    }
    // Whenever it is written, it belongs to its own module.
    const { scope } = value.node!;
    const emit: Pending["emit"] = (epilogue) => this.write.within(scope, () => pending.emit(epilogue));
    this.#pending.set(value, { ...pending, emit });
  }

  /** A result that is not written yet, to look at. */
  pending(value: Value): Pending | undefined {
    return this.#pending.get(value);
  }

  /** The same, for who writes it in its own way: it is no longer waited for. */
  takePending(value: Value): Pending | undefined {
    const pending = this.#pending.get(value);
    this.#pending.delete(value);
    return pending;
  }

  // Planes -------------------------------------------------------------------------------------------------------------

  /** Whether a value stands as planes already. */
  isPlanes(value: Value): boolean {
    return this.#planes.has(value);
  }

  /** Few channels as one map each, [1,N,H,W] with the images in the lanes. */
  planes(value: Value): readonly Maps[] {
    let planes = this.#planes.get(value);
    if (!planes) {
      const [n, channels, height, width] = fourSizes(value.shape);
      const name = this.lowering.plain(value);
      const apart = channels === 1 ? name : this.write.transpose(name, [1, 0, 2, 3]);
      planes = Array.from({ length: channels }, (_, c) => {
        const shape = [1, n, height, width] as const;
        const one =
          channels === 1
            ? this.write.reshape(apart, shape)
            : this.write.emit("Slice", [apart, this.write.ints([c]), this.write.ints([c + 1]), this.write.ints([0])]);
        return this.to.reorderInput(one, shape);
      });
      this.#planes.set(value, planes);
    }
    return planes;
  }

  /** Keeps the planes that a rule has written for a value. */
  setPlanes(value: Value, planes: readonly Maps[]): void {
    this.#planes.set(value, planes);
  }

  #joinPlanes(planes: readonly Maps[], [n, , height, width]: readonly number[]): string {
    const parts = planes.map((plane) => this.write.reshape(this.to.reorderOutput(plane, n!), [n!, 1, height!, width!]));
    return parts.length > 1 ? this.write.emit("Concat", parts, { axis: 1 }) : parts[0]!;
  }

  // Weights ------------------------------------------------------------------------------------------------------------

  /** A value that stands in a weight's layout. */
  packed(value: Value): Packed | undefined {
    return this.#packed.get(value);
  }

  /** Keeps what a rule has written for a value in a weight's layout. */
  setPacked(value: Value, layout: Layout, name: string): void {
    this.#packed.set(value, { layout, name });
  }

  /** A weight in a layout: as it is kept, or packed now, by us if it is a constant and otherwise by the model. */
  weight(value: Value, kind: LayoutKind): string {
    const known = this.#packed.get(value);
    if (known?.layout.kind === kind) return known.name;
    const layout = layoutOf(kind, value.shape as readonly number[], this.block);
    const { source } = value;
    const tensor = source.kind === "constant" ? source.tensor : source.kind === "state" ? source.cell.value : undefined;
    const name =
      this.isConstant(value) && tensor
        ? this.write.constant(pack(toFloat32(tensor), layout))
        : this.#packNow(this.lowering.plain(value), layout);
    this.#packed.set(value, { layout, name });
    return name;
  }

  #packNow(name: string, { from, shape, split, perm }: Layout): string {
    const missing = shape.map((d, i) => d - from[i]!);
    const whole = missing.some((d) => d > 0)
      ? this.write.emit("Pad", [name, this.write.ints([...from.map(() => 0), ...missing])])
      : name;
    return this.write.reshape(this.write.transpose(this.write.reshape(whole, split), perm), shape);
  }

  #unpackNow(name: string, { from, shape, split, perm }: Layout): string {
    const inMemory = perm.map((axis) => split[axis]!);
    const inverse = perm.map((_, i) => perm.indexOf(i));
    const whole = this.write.reshape(this.write.transpose(this.write.reshape(name, inMemory), inverse), shape);
    return this.crop(whole, shape, from);
  }

  /** The leading part of an array. */
  crop(name: string, shape: readonly number[], to: readonly number[]): string {
    const axes = shape.flatMap((d, i) => (d > to[i]! ? [i] : []));
    if (axes.length === 0) return name;
    const { write } = this;
    const ends = axes.map((axis) => to[axis]!);
    return write.emit("Slice", [name, write.ints(axes.map(() => 0)), write.ints(ends), write.ints(axes)]);
  }

  /** A vector over channels, [C], filled up with zeros to whole blocks. */
  vector(value: Value): string {
    const channels = value.shape[0] as number;
    const missing = roundUp(channels, this.block) - channels;
    const name = this.lowering.plain(value);
    return missing ? this.write.emit("Pad", [name, this.write.ints([0, missing])]) : name;
  }

  /** The plain array of a value that stands in another form, written now; undefined if it stands in none. */
  plain(value: Value): string | undefined {
    const packed = this.#packed.get(value);
    if (packed && !this.isConstant(value)) return this.#unpackNow(packed.name, packed.layout);
    const planes = this.#planes.get(value);
    if (planes) return this.#joinPlanes(planes, value.shape as readonly number[]);
    if (!this.isMaps(value)) return undefined;
    const maps = this.maps(value);
    const shape = value.shape as readonly number[];
    // Without positions there is nothing to reorder.
    if (shape[2] === 1 && shape[3] === 1) return this.crop(maps.name, maps.shape, shape);
    if (value.type.dtype === "float") return this.to.reorderOutput(maps, shape[1]!);
    // Only floats can be reordered.
    const numbers = { ...maps, name: this.write.emit("Cast", [maps.name], { to: 1 }) };
    return this.write.emit("Cast", [this.to.reorderOutput(numbers, shape[1]!)], { to: 9 });
  }
}
