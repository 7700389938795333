import type { Cursor } from "./cursor.js";
import { unlisted } from "./unknown-names.js";
import { Callable, Instance, type Pickled, Placeholder, UnknownName } from "./values.js";

/** The environment of a pickle. Both methods throw FormatError for what they do not accept. */
export interface PickleHost {
  /** The stand-in for a Python name. */
  global(module: string, name: string): Pickled;
  /** The object with this persistent id, outside the pickle. */
  persistent(id: Pickled): Pickled;
}

/** Far above what real files need: a checkpoint's pickle holds names and shapes, not weights. */
const MAX_STACK = 1_000_000;
const MAX_MEMO = 1_000_000;
const MAX_MARKS = 1_000;
const MAX_ARGUMENTS = 16;

/** The pickle machine: a stack with marks, and a memo. Every misuse is a FormatError; everything is bounded. */
export class Machine {
  readonly cursor: Cursor;
  readonly host: PickleHost;
  readonly #memo = new Map<number, Pickled>();
  readonly #marks: number[] = [];
  readonly #stack: Pickled[] = [];

  constructor(cursor: Cursor, host: PickleHost) {
    this.cursor = cursor;
    this.host = host;
  }

  push(value: Pickled): void {
    if (this.#stack.length >= MAX_STACK) throw this.cursor.refuse(`pickle stack holds more than ${MAX_STACK} values`);
    this.#stack.push(value);
  }

  pop(): Pickled {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  top(): Pickled {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length === this.#marks.at(-1))
      throw this.cursor.refuse("pickle stack is empty");
    return value;
  }

  mark(): void {
    if (this.#marks.length >= MAX_MARKS) throw this.cursor.refuse(`pickle is nested deeper than ${MAX_MARKS}`);
    this.#marks.push(this.#stack.length);
  }

  popToMark(): Pickled[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.cursor.refuse("pickle has no mark");
    return this.#stack.splice(mark);
  }

  pops(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  pair(): [Pickled, Pickled] {
    const second = this.pop();
    return [this.pop(), second];
  }

  put(key: number): void {
    if (!Number.isSafeInteger(key)) throw this.cursor.refuse("pickle memo entry without a number");
    if (this.#memo.size >= MAX_MEMO) throw this.cursor.refuse(`pickle memo holds more than ${MAX_MEMO} values`);
    this.#memo.set(key, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.cursor.refuse(`pickle memo has no entry ${key}`);
    this.push(value);
  }

  append(items: Pickled[]): void {
    const list = this.top();
    if (list instanceof Placeholder) return;
    if (!Array.isArray(list)) throw this.cursor.refuse("pickle appends to something that is not a list");
    for (const item of items) list.push(item);
  }

  dict(items: Pickled[]): void {
    this.push(new Map());
    this.setItems(items);
  }

  setItems(items: Pickled[]): void {
    const dict = this.top();
    if (dict instanceof Placeholder) return;
    if (!(dict instanceof Map)) throw this.cursor.refuse("pickle sets items of something that is not a dict");
    if (items.length % 2) throw this.cursor.refuse("pickle sets a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
  }

  addItems(items: Pickled[]): void {
    const set = this.top();
    if (set instanceof Placeholder) return;
    if (!(set instanceof Set)) throw this.cursor.refuse("pickle adds items to something that is not a set");
    for (const item of items) set.add(item);
  }

  call(callee: Pickled, args: Pickled): void {
    if (callee instanceof UnknownName) {
      if (!callee.isClass) throw unlisted("calls", callee.name);
      this.push(new Placeholder(callee.name));
      return;
    }
    if (!(callee instanceof Callable)) throw this.cursor.refuse("pickle calls something that is not a function");
    if (!Array.isArray(args)) throw this.cursor.refuse(`pickle calls ${callee.name} without a tuple of arguments`);
    if (args.length > MAX_ARGUMENTS)
      throw this.cursor.refuse(`pickle calls ${callee.name} with ${args.length} arguments`);
    this.push(callee.call(...args));
  }

  /** `cls.__new__(cls, *args, **options)`, which in Python works on classes alone, so any unknown name is one. */
  create(cls: Pickled, args: Pickled, options?: Pickled): void {
    if (cls instanceof UnknownName) this.push(new Placeholder(cls.name));
    else if (options instanceof Map && options.size > 0)
      throw this.cursor.refuse("pickle creates a known object with named arguments");
    else this.call(cls, args);
  }

  /** An object of an old-style class of Python 2, in text … */
  createInstance(module: string, name: string): void {
    const args = this.popToMark();
    this.create(this.host.global(module, name), args);
  }

  /** … and in binary. */
  createObject(): void {
    const [cls, ...args] = this.popToMark();
    if (cls === undefined) throw this.cursor.refuse("pickle creates an object without a class");
    this.create(cls, args);
  }

  build(state: Pickled): void {
    const object = this.top();
    if (object instanceof Instance) object.state = state;
    // An OrderedDict may carry attributes (`_metadata` of a state dict): nothing that we need.
    else if (!(object instanceof Map || object instanceof Placeholder))
      throw this.cursor.refuse("pickle sets the state of something that has none");
  }

  global(module: Pickled, name: Pickled): void {
    if (typeof module !== "string" || typeof name !== "string")
      throw this.cursor.refuse("pickle names a global without text");
    this.push(this.host.global(module, name));
  }
}
