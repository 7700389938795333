/**
 * What a pickle may build. Lists and tuples are arrays, dictionaries are maps (so that no key is special), integers beyond 2⁵³ are bigints;
 * a host's own objects are `Opaque`.
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

/** A value that the pickle machine passes around without interpreting it. */
export abstract class Opaque {
  /** As Python would write it, for messages. */
  abstract readonly name: string;
}

/** A Python class or function known to be harmless, implemented here. */
export class Callable extends Opaque {
  readonly name: string;
  readonly call: (...args: Pickled[]) => Pickled;
  /** Whether the name may also occur as a value. */
  readonly isValue: boolean;

  constructor(name: string, call: (...args: Pickled[]) => Pickled, isValue = true) {
    super();
    this.name = name;
    this.call = call;
    this.isValue = isValue;
  }
}

/** An object that receives its state after creation. */
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
 * An unknown but harmless Python name. A class may be called, which makes a {@link Placeholder}; a function may only be mentioned.
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

/** Stands for an unknown Python object. Its contents are dropped. */
export class Placeholder extends Opaque {
  /** Its Python type, such as `omegaconf.dictconfig.DictConfig`. */
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}
