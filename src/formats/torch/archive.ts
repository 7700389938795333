import type { FormatError } from "../../core/errors.js";
import { refusal } from "../refusal.js";
import { Budget } from "./budget.js";
import { Cursor } from "./cursor.js";
import { torchGlobals } from "./globals.js";
import { unpickle } from "./pickle.js";
import { decodeLatin1 } from "./scalars.js";
import { settle, type TorchObject } from "./settle.js";
import { StoragePool } from "./storage-pool.js";
import type { Pickled } from "./values.js";
import { ZipArchive } from "./zip.js";

const PICKLE = "/data.pkl";

/**
 * The format of torch 1.6 and later: a zip with the pickle `NAME/data.pkl` and a storage per `NAME/data/KEY`.
 *
 * @throws FormatError
 */
export function readTorchArchive(bytes: Uint8Array): TorchObject {
  const budget = Budget.forFile(bytes);
  const zip = new ZipArchive(bytes, budget);
  const root = zip.names.find((name) => name.endsWith(PICKLE))?.slice(0, -PICKLE.length);
  if (root === undefined) throw refuse("a zip without data.pkl, so not written by torch.save");
  if (zip.names.includes(`${root}/constants.pkl`)) throw refuse("a TorchScript program; save its state_dict instead");
  const order = decodeLatin1(zip.read(`${root}/byteorder`)?.subarray(0, 16) ?? new Uint8Array());
  if (order !== "" && order !== "little") throw refuse(`its byte order is "${order}"; only little is read`);

  const storages = new StoragePool(budget);
  const host = { global: torchGlobals(budget), persistent: (id: Pickled) => storages.reference(id) };
  const value = unpickle(new Cursor(zip.read(root + PICKLE)!, "torch checkpoint"), host);
  return settle(
    value,
    storages.reader((key) => zip.read(`${root}/data/${key}`)),
    budget,
  );
}

function refuse(problem: string): FormatError {
  return refusal("torch checkpoint", problem);
}
