import type { FormatError } from "../../core/errors.js";
import { refusal } from "../refusal.js";
import { Budget } from "./budget.js";
import { Cursor } from "./cursor.js";
import { torchGlobals } from "./globals.js";
import type { PickleHost } from "./machine.js";
import { unpickle } from "./pickle.js";
import { settle, type TorchObject } from "./settle.js";
import { StoragePool } from "./storage-pool.js";
import type { Pickled } from "./values.js";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/**
 * The format before torch 1.6: pickles of a magic number, a protocol version, machine information, the object, and the list of its
 * storage keys; then each storage as a 64-bit count and its elements.
 *
 * @throws FormatError
 */
export function readTorchLegacy(bytes: Uint8Array): TorchObject {
  const cursor = new Cursor(bytes, "torch checkpoint");
  if (unpickle(cursor, nothing) !== MAGIC) throw refuse("a pickle, but not one of torch.save");
  if (unpickle(cursor, nothing) !== PROTOCOL) throw refuse(`its protocol is not ${PROTOCOL}`);
  const system = unpickle(cursor, nothing);
  if (!(system instanceof Map) || system.get("little_endian") !== true)
    throw refuse("it was written on a big-endian machine");

  const budget = Budget.forFile(bytes.length);
  const storages = new StoragePool(budget);
  const host = { global: torchGlobals(budget), persistent: (id: Pickled) => storages.reference(id) };
  const value = unpickle(cursor, host);
  const contents = readStorages(cursor, unpickle(cursor, nothing), storages);
  const bytesOf = storages.reader((key) => contents.get(key));
  return settle(value, (tensor) => tensor.read(bytesOf(tensor.storage), budget), budget);
}

function readStorages(cursor: Cursor, keys: Pickled, storages: StoragePool): Map<string, Uint8Array> {
  if (!Array.isArray(keys)) throw refuse("it has no list of storages");
  const contents = new Map<string, Uint8Array>();
  for (const key of keys) {
    const storage = typeof key === "string" || typeof key === "number" ? storages.get(String(key)) : undefined;
    if (!storage) throw refuse("it lists a storage that no tensor uses");
    const length = cursor.uint64();
    if (length !== storage.length)
      throw refuse(`storage "${storage.key}" should have ${storage.length} elements, has ${length}`);
    contents.set(storage.key, cursor.take(length * storage.width));
  }
  return contents;
}

/** For pickles of plain numbers and text. */
const nothing: PickleHost = {
  global: (module, name) => {
    throw refuse(`its header asks for ${module}.${name}`);
  },
  persistent: () => {
    throw refuse("its header asks for a storage");
  },
};

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
