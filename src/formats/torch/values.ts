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
  /** Whether the name may also stand in the file as a value. */
  readonly isValue: boolean;

  constructor(name: string, call: (...args: Pickled[]) => Pickled, isValue = true) {
    super();
    this.name = name;
    this.call = call;
    this.isValue = isValue;
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

/**
 * A Python name that nothing here understands, but that runs nothing either. A class may be called, which makes a {@link Placeholder};
 * a function may only be mentioned.
 */
export class UnknownName extends Opaque {
  readonly name: string;
  readonly isClass: boolean;

  constructor(name: string, isClass: boolean) {
    super();
    this.name = name;
    this.isClass = isClass;
  }
}

/** Stands for a Python object that nothing here understands. What the pickle says of its contents is dropped. */
export class Placeholder extends Opaque {
  /** Its Python type, such as `omegaconf.dictconfig.DictConfig`. */
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}
