import { stat } from "node:fs/promises";
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { FormatError, FoveaError } from "../core/errors.js";
import {
  signal as abortSignal,
  callback,
  check,
  options as fields,
  fieldsOf,
  flag,
  maybe,
  nonNegative,
  oneOf,
  type Schema,
  text,
} from "../core/schema.js";
import { Lock } from "../files/lock.js";
import { makeFolder } from "../files/write.js";
import { isShardIndex } from "../formats/shards.js";
import { MAX_JSON_BYTES } from "../formats/strict-json.js";
import { cacheFolder, cachePath, isFile, isOffline, sha256Of } from "./cache.js";
import { DownloadError, fileSystemError, shown } from "./errors.js";
import { Part, readOrigin, removeCached } from "./part.js";
import { fetchShards } from "./shards.js";
import { checkedSha256, defaultEndpoint, type RemoteSource, urlsOf } from "./source.js";
import { type TransferOptions, transfer } from "./transfer.js";
import { damageOf } from "./whole.js";

/** Progress of a download. */
export interface DownloadProgress {
  /** The address, without its query. */
  readonly url: string;
  /** Bytes received so far. */
  readonly received: number;
  /** Null if the server has not said. */
  readonly total: number | null;
  /** Whether another process is downloading the same file, and this one waits for it. */
  readonly waiting: boolean;
}

/** Options of `fetchToCache`. */
export interface DownloadOptions {
  /** Folder for downloaded files. Default: `cacheFolder`. */
  readonly cache?: string;
  /** Use the cache only. Default: whether the variable `FOVEA_OFFLINE` is set. */
  readonly offline?: boolean;
  /** Sha256 that the file must have, instead of the source's. For a sharded checkpoint, the index's. */
  readonly sha256?: string;
  /** Largest size of a file, or of all files of a sharded checkpoint together, in bytes. Default: 8 GiB. */
  readonly maxBytes?: number;
  /** Whether to fetch a checkpoint that is in several files; `false` refuses it once its index is known. Default: true. */
  readonly shards?: boolean;
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Aborts the download. The next call continues where it stopped. */
  readonly signal?: AbortSignal;
  /** Address of the Hugging Face hub or a mirror. Default: the variable `HF_ENDPOINT`, or https://huggingface.co. */
  readonly endpoint?: string;
  /** Milliseconds without a byte, or below 1 KiB/s, after which a connection counts as dead. Default: 30000. */
  readonly timeout?: number;
  /** Retries in a row without progress. Default: 4. */
  readonly retries?: number;
  /** Milliseconds before the first retry, doubled for each further one. Default: 500. */
  readonly retryDelay?: number;
}

export const downloadOptions: Schema<DownloadOptions> = fields<DownloadOptions>({
  cache: maybe(text),
  offline: maybe(flag),
  sha256: maybe(text),
  maxBytes: maybe(nonNegative),
  shards: maybe(flag),
  onProgress: maybe(callback),
  signal: maybe(abortSignal),
  endpoint: maybe(text),
  timeout: maybe(nonNegative),
  retries: maybe(nonNegative),
  retryDelay: maybe(nonNegative),
});
const remoteSource = fieldsOf<Pick<RemoteSource, "kind">>(
  { kind: oneOf("url", "hf") },
  "a source, as parseSource() gives",
);

/** Connections that bring a few bytes each must not continue forever. */
const maxConnections = 100;
const maxDelay = 30_000;

/**
 * Downloads a file unless it is cached, and returns its path in the cache. A cached file is not compared with the server's again;
 * its digest is checked if one is given, and one that is evidently cut or no weights at all is downloaded again. Interrupted downloads are
 * resumed. Several processes may ask for the same file.
 *
 * The index of a sharded checkpoint (`….index.json`) brings along the files it names, all of one commit of the repository if
 * the server says which; the returned path is then that of an index of the cached files.
 *
 * `HF_TOKEN` is sent to the endpoint of Hugging Face only. Redirects are followed outward only: a public server cannot redirect to a
 * private network or this computer.
 *
 * @throws DownloadError if the download fails or is not what was promised. @throws FoveaError if the cache cannot be written, or
 * offline. @throws FormatError if an index is invalid. @throws the reason of `signal`.
 * @example
 * const path = await fetchToCache({ kind: "hf", owner: "timm", name: "resnet18.a1_in1k", revision: "main" });
 */
export async function fetchToCache(source: RemoteSource, options: DownloadOptions = {}): Promise<string> {
  check("fetchToCache", "source", remoteSource, source);
  check("fetchToCache", "options", downloadOptions, options);
  const { cache = cacheFolder(), offline = isOffline(), signal } = options;
  const endpoint = options.endpoint ?? (env.HF_ENDPOINT || defaultEndpoint);
  const sha256 = options.sha256 === undefined ? source.sha256 : checkedSha256(options.sha256);
  const job: Job = { ...limitsOf(options), cache, endpoint, offline, sha256, signal, onProgress: options.onProgress };
  signal?.throwIfAborted();
  try {
    const urls = urlsOf(source, endpoint);
    const url = await firstFound(source, urls, job);
    const path = cachePath(cache, url);
    if (!isIndex(url)) return path;
    if (options.shards === false)
      throw new DownloadError(shown(url), "the weights are in several files", "Use weights in one file");
    // A branch may move between two files, or before an interrupted download goes on.
    const commit = (await readOrigin(path))?.commit;
    const pinned = source.kind === "hf" && commit ? urlsOf({ ...source, revision: commit }, endpoint) : urls;
    let left = job.maxBytes;
    return await fetchShards(path, pinned[urls.indexOf(url)]!, async (shard) => {
      const found = await firstFound(source, [shard], { ...job, sha256: undefined, maxBytes: left });
      const place = cachePath(cache, found);
      left = Math.max(0, left - (await stat(place)).size);
      return place;
    }).catch(async (error: unknown) => {
      // A file that is not an index now may be one next time.
      if (error instanceof FormatError) await removeCached(path).catch(() => {});
      throw error;
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw fileSystemError(error, cache);
  }
}

type Limits = Required<Pick<DownloadOptions, "maxBytes" | "timeout" | "retries" | "retryDelay">>;

interface Job extends Limits {
  readonly cache: string;
  readonly endpoint: string;
  readonly offline: boolean;
  readonly sha256: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: DownloadOptions["onProgress"];
}

function limitsOf(options: DownloadOptions): Limits {
  const { maxBytes = 8 * 2 ** 30, timeout = 30_000, retries = 4, retryDelay = 500 } = options;
  return { maxBytes, timeout, retries, retryDelay };
}

const isIndex = (url: string): boolean => isShardIndex(new URL(url).pathname);

async function isCached(url: string, { cache, sha256, signal }: Job): Promise<boolean> {
  const path = cachePath(cache, url);
  if (!(await isFile(path)) || (sha256 && sha256 !== (await sha256Of(path, signal)))) return false;
  return isIndex(url) || (await damageOf(path)) === undefined;
}

/** The first address that is cached, or else the first that can be downloaded. */
async function firstFound(source: RemoteSource, urls: readonly string[], job: Job): Promise<string> {
  for (const url of urls) if (await isCached(url, job)) return url;
  if (job.offline) {
    const found = await Promise.all(urls.map((url) => isFile(cachePath(job.cache, url))));
    const whole = found.includes(true) && !job.sha256 ? "whole " : "";
    throw new FoveaError(
      `offline: ${urls.map(shown).join(" or ")} is not ${whole}in the cache ${job.cache}${job.sha256 ? " with this sha256" : ""}. Run once without FOVEA_OFFLINE, or pass a local file`,
    );
  }
  let missing: DownloadError | undefined;
  for (const url of urls)
    try {
      const most = isIndex(url) ? MAX_JSON_BYTES : job.maxBytes;
      await download(url, { ...job, maxBytes: Math.min(most, job.maxBytes) });
      return url;
    } catch (error) {
      if (!(error instanceof DownloadError) || error.status !== 404) throw error;
      missing = error;
    }
  if (source.kind === "url" || urls.length === 1) throw missing;
  const { owner, name, revision } = source;
  const files = urls.map((url) => url.slice(url.lastIndexOf("/") + 1)).join(" nor ");
  throw new DownloadError(
    `hf:${owner}/${name}@${revision}`,
    `neither ${files} (${missing?.what})`,
    `Check owner, name and revision, or name the file: hf:${owner}/${name}/FILE`,
    { status: 404 },
  );
}

/** Downloads one address, while other processes that want it wait. */
async function download(url: string, job: Job): Promise<void> {
  const place = cachePath(job.cache, url);
  const report = (received: number, total: number | null, waiting = false) =>
    job.onProgress?.({ url: shown(url), received, total, waiting });
  await makeFolder(job.cache);
  const lock = await Lock.acquire(`${place}.lock`, { signal: job.signal, onWait: () => report(0, null, true) });
  try {
    // The previous owner of the lock may have downloaded the file.
    if (await isCached(url, job)) return;
    const part = await Part.open(`${place}.part`);
    try {
      const token = env.HF_TOKEN?.trim() || undefined;
      const maxBytes = isIndex(url) ? Math.min(job.maxBytes, MAX_JSON_BYTES) : job.maxBytes;
      await connect(url, part, lock, { ...job, maxBytes, token, onBytes: report });
      await part.sync();
    } catch (error) {
      if (part.length === 0) await part.discard();
      throw error;
    } finally {
      await part.close();
    }
    requireInPlace(lock, url);
    await verify(url, part, job);
    await part.finish(place, { keepOrigin: isIndex(url) });
  } finally {
    lock.release();
  }
}

/** Connects until the part is complete or stops growing. */
async function connect(url: string, part: Part, lock: Lock, options: TransferOptions & Limits): Promise<void> {
  let longest = part.length;
  let failures = 0;
  for (let i = 0; i < maxConnections; i++) {
    try {
      requireInPlace(lock, url);
      return await transfer(url, part, options);
    } catch (error) {
      if (!(error instanceof DownloadError) || !error.retry) throw error;
      failures = part.length > longest && !error.slow ? 0 : failures + 1;
      longest = Math.max(longest, part.length);
      if (failures > options.retries || i + 1 === maxConnections)
        throw new DownloadError(error.where, `${error.what}, tried ${i + 1} times`, error.fix, error);
      const delay = error.retryAfter ?? options.retryDelay * 2 ** Math.max(0, failures - 1) * (0.5 + Math.random() / 2);
      await sleep(Math.min(delay, maxDelay), undefined, { signal: options.signal });
    }
  }
}

/** @throws DownloadError if the cache was emptied meanwhile: another process may have started the same download. */
function requireInPlace(lock: Lock, url: string): void {
  if (!lock.isInPlace) throw new DownloadError(shown(url), "the cache was emptied during the download", "Run it again");
}

async function verify(url: string, part: Part, { sha256, signal }: Job): Promise<void> {
  const expected = sha256 ?? part.origin?.sha256;
  const actual = expected && (await sha256Of(part.path, signal));
  const problem =
    actual === expected ? undefined : `checksum mismatch: the file's sha256 is ${actual}, expected ${expected}`;
  const damage = problem ?? (isIndex(url) ? undefined : await damageOf(part.path));
  if (damage === undefined) return;
  await part.discard();
  throw new DownloadError(
    shown(url),
    problem
      ? `${problem}; it was removed`
      : `the downloaded file is damaged or has no weights (${damage}); it was removed`,
    "Try again. If that does not help, the file at the source is damaged or the wrong one",
  );
}
