import type { FormatError } from "../../core/errors.js";
import type { Tensor } from "../../core/tensor.js";
import { type ByteSource, type Reading, readFrom, readNow } from "../byte-source.js";
import { refusal } from "../refusal.js";
import { Budget } from "./budget.js";
import { Cursor } from "./cursor.js";
import { torchGlobals } from "./globals.js";
import { unpickle } from "./pickle.js";
import { decodeLatin1 } from "./scalars.js";
import { settle, type TorchObject } from "./settle.js";
import { TensorRef } from "./storage.js";
import { StoragePool } from "./storage-pool.js";
import type { Pickled } from "./values.js";
import { ZipArchive } from "./zip.js";

const PICKLE = "/data.pkl";

/** Tensors are not in the pickle. */
const MAX_PICKLE_BYTES = 2 ** 30;

/**
 * The format of torch 1.6 and later: a zip with the pickle `NAME/data.pkl` and a storage per `NAME/data/KEY`. Only the pickle is read at
 * once.
 */
class TorchArchive {
  private constructor(
    readonly value: Pickled,
    readonly budget: Budget,
    private readonly storages: StoragePool,
    private readonly zip: ZipArchive,
    private readonly root: string,
  ) {}

  /** @throws FormatError */
  static *open(size: number): Reading<TorchArchive> {
    const budget = Budget.forFile(size);
    const zip = yield* ZipArchive.open(size, budget);
    const root = zip.names.find((name) => name.endsWith(PICKLE))?.slice(0, -PICKLE.length);
    if (root === undefined) throw refuse("a zip without data.pkl, so not written by torch.save");
    if (zip.names.includes(`${root}/constants.pkl`)) throw refuse("a TorchScript program; save its state_dict instead");
    const order = zip.entry(`${root}/byteorder`);
    if (order && order.size > 16) throw refuse("its byte order is not a word");
    const word = decodeLatin1((yield* zip.read(`${root}/byteorder`)) ?? new Uint8Array());
    if (word !== "" && word !== "little") throw refuse(`its byte order is "${word}"; only little is supported`);
    const { size: length, packed } = zip.entry(root + PICKLE)!;
    if (Math.max(length, packed) > MAX_PICKLE_BYTES)
      throw refuse(`its data.pkl takes ${length} bytes; at most ${MAX_PICKLE_BYTES} are read`);
    const storages = new StoragePool(budget);
    const host = { global: torchGlobals(budget), persistent: (id: Pickled) => storages.reference(id) };
    const value = unpickle(new Cursor((yield* zip.read(root + PICKLE))!, "torch checkpoint"), host);
    return new TorchArchive(value, budget, storages, zip, root);
  }

  /** All tensors, from the bytes of the file: views of them where possible; shared storages stay shared. */
  settled(bytes: Uint8Array): TorchObject {
    const bytesOf = this.storages.reader((key) => readNow(this.zip.read(this.#name(key)), bytes));
    return settle(this.value, (tensor) => tensor.read(bytesOf(tensor.storage), this.budget), this.budget);
  }

  /** One tensor: of a storage that is not compressed, no more is read than it takes. */
  *tensor(tensor: TensorRef): Reading<Tensor> {
    const { key } = tensor.storage;
    const entry = this.zip.entry(this.#name(key));
    this.storages.requireSize(key, entry?.size);
    if (entry!.deflated) return tensor.read((yield* this.zip.read(entry!.name))!, this.budget);
    // Many tensors may have the same elements.
    this.budget.spend(tensor.span[1], `a tensor [${tensor.shape}]`);
    return tensor.readSpan(yield* this.zip.readRange(entry!, ...tensor.span), this.budget);
  }

  #name(key: string): string {
    return `${this.root}/data/${key}`;
  }
}

/** @throws FormatError */
export function readTorchArchive(bytes: Uint8Array): TorchObject {
  return readNow(TorchArchive.open(bytes.length), bytes).settled(bytes);
}

/** The same of a file that is not in memory, without its tensors, which `read` reads one by one. @throws FormatError */
export async function openTorchArchive(source: ByteSource): Promise<OpenTorch> {
  const archive = await readFrom(TorchArchive.open(source.size), source);
  const root = settle(archive.value, (tensor) => tensor, archive.budget);
  return {
    root,
    read: async (tensor) => (tensor instanceof TensorRef ? readFrom(archive.tensor(tensor), source) : tensor),
  };
}

/** What a torch file holds, its tensors to be read. */
export interface OpenTorch {
  readonly root: TorchObject<TensorRef>;
  read(tensor: Tensor | TensorRef): Promise<Tensor>;
}

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
