import type { Tensor } from "../../core/tensor.js";
import { refusal } from "../refusal.js";
import type { Budget } from "./budget.js";
import { numpyArray } from "./numpy.js";
import { StorageRef, TensorRef } from "./storage.js";
import { unlisted } from "./unknown-names.js";
import { Callable, Instance, Opaque, type Pickled, Placeholder } from "./values.js";

/**
 * The contents of a torch file as plain data: dict, OrderedDict, defaultdict and Namespace are maps; list, tuple and torch.Size are arrays;
 * dtypes and devices are strings; NumPy arrays of numbers are tensors; integers beyond 2⁵³ are bigints. All other objects, and classes and
 * functions, are {@link Placeholder}s with their name.
 */
export type TorchObject<T = Tensor> =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | T
  | Tensor
  | Placeholder
  | TorchObject<T>[]
  | Map<TorchObject<T>, TorchObject<T>>
  | Set<TorchObject<T>>;

const MAX_DEPTH = 100;
const MAX_VALUES = 10_000_000;

/** A converted value, its depth, and its number of values if nothing were shared. */
interface Settled<T> {
  readonly value: TorchObject<T>;
  readonly depth: number;
  readonly count: number;
}

const leaf = <T>(value: TorchObject<T>): Settled<T> => ({ value, depth: 0, count: 1 });

/**
 * Converts what the pickle built into plain data: tensors become what `tensorOf` makes of them, stand-ins for Python objects are replaced. Shared values stay
 * shared. Rejects what would trap a traversal of the result: cycles, nesting deeper than 100, and sharing that unfolds to more than 10
 * million values.
 *
 * @throws FormatError
 */
export function settle<T>(root: Pickled, tensorOf: (tensor: TensorRef) => T, budget: Budget): TorchObject<T> {
  const done = new Map<object, Settled<T> | "open">();
  return visit(root, 0).value;

  function visit(value: Pickled, level: number): Settled<T> {
    if (value === null || typeof value !== "object") return leaf<T>(value);
    const known = done.get(value);
    if (known === "open") throw refuse("a container contains itself");
    if (known === undefined) done.set(value, "open");
    if (level + (known?.depth ?? 0) > MAX_DEPTH) throw refuse(`values are nested deeper than ${MAX_DEPTH}`);
    const settled = known ?? convert(value, level + 1);
    if (settled.count > MAX_VALUES) throw refuse(`more than ${MAX_VALUES} values`);
    done.set(value, settled);
    return settled;
  }

  function convert(value: Pickled & object, level: number): Settled<T> {
    if (value instanceof Uint8Array) return leaf<T>(value);
    if (value instanceof Opaque) return convertOpaque(value, level);
    let [depth, count] = [0, 1];
    const below = (child: Pickled): TorchObject<T> => {
      const settled = visit(child, level);
      depth = Math.max(depth, settled.depth + 1);
      count += settled.count;
      return settled.value;
    };
    let plain: TorchObject<T>;
    if (value instanceof Map) plain = new Map([...value].map(([key, item]) => [below(key), below(item)]));
    else if (value instanceof Set) plain = new Set([...value].map(below));
    else plain = value.map(below);
    return { value: plain, depth, count };
  }

  function convertOpaque(value: Opaque, level: number): Settled<T> {
    if (value instanceof Placeholder) return leaf<T>(value);
    if (value instanceof TensorRef) return leaf<T>(tensorOf(value));
    if (value instanceof StorageRef) {
      if (value.unread) return leaf<T>(new Placeholder(`torch.Storage (${value.unread.type})`));
      return convertOpaque(new TensorRef(value, 0, [value.length], [1]), level);
    }
    if (value instanceof Instance) {
      if (value.name === "numpy.ndarray") return leaf<T>(numpyArray(value, budget));
      if (value.name === "argparse.Namespace") return visit(value.state ?? new Map(), level);
    }
    if (value instanceof Callable && !value.isValue) throw unlisted("asks for", value.name);
    return leaf<T>(new Placeholder(value.name));
  }
}

function refuse(problem: string) {
  return refusal("torch checkpoint", problem);
}
