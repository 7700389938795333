/**
 * What a pickle may build. Lists and tuples are arrays, dictionaries are maps (so no key has a special meaning),
 * integers beyond 2⁵³ are bigints; anything of a host's own making is `Opaque`.
 */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | Set<Pickled>
  | Opaque;

/** A value that pickle passes around without knowing what it is. */
export abstract class Opaque {
  /** As Python would write it, for messages. */
  abstract readonly name: string;
}

/** A Python class or function on the list of harmless names, here a function of ours. */
export class Callable extends Opaque {
  readonly name: string;
  readonly call: (...args: Pickled[]) => Pickled;

  constructor(name: string, call: (...args: Pickled[]) => Pickled) {
    super();
    this.name = name;
    this.call = call;
  }
}

/** An object that receives its state after it was made. */
export class Instance extends Opaque {
  readonly name: string;
  readonly args: readonly Pickled[];
  state: Pickled = null;

  constructor(name: string, args: readonly Pickled[]) {
    super();
    this.name = name;
    this.args = args;
  }
}
