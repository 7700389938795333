import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { isShardIndex } from "../formats/shards.js";
import { DownloadError, type Headers, noSpace, shown } from "./errors.js";
import type { Network } from "./network.js";
import type { Origin, Part } from "./part.js";
import { type Answer, dismiss, type Response, request, sizeIn } from "./request.js";
import { Watch } from "./watch.js";

export interface TransferOptions {
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly maxBytes: number;
  /** The digest that the user requires. */
  readonly sha256?: string | undefined;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  readonly network?: Network;
  readonly onBytes: (received: number, total: number | null) => void;
}

/**
 * One connection: requests what is missing of a part and appends it. On return the part has the length that the
 * server promised.
 *
 * @throws DownloadError, with `retry` if another connection can continue.
 */
export async function transfer(url: string, part: Part, options: TransferOptions): Promise<void> {
  if (part.complete) return;
  const watch = new Watch(options.timeout, options.signal);
  const validator = part.resumable;
  const headers: Record<string, string> = validator ? { range: `bytes=${part.length}-`, "if-range": validator } : {};
  try {
    const answer = await request(url, { ...options, headers, watch });
    try {
      const total = await begin(url, part, answer, options);
      if (total !== part.length || total === null) await receive(url, part, answer.response, total, watch, options);
    } finally {
      watch.stop();
      dismiss(answer.response);
    }
  } finally {
    watch.stop();
  }
}

/** Checks the response, prepares the part, and returns the total length. */
async function begin(url: string, part: Part, answer: Answer, options: TransferOptions): Promise<number | null> {
  const { response, sha256, commit } = answer;
  if (options.sha256 && sha256 && options.sha256 !== sha256)
    throw failure(
      url,
      `the server's file has sha256 ${sha256}, expected ${options.sha256}`,
      "Check the digest and the revision",
    );
  if (response.status !== 200) return resume(url, part, answer, options.sha256);
  const length = sizeIn(response.headers.get("content-length"));
  if (length !== null && answer.size !== null && length !== answer.size) {
    await part.discard();
    throw failure(
      url,
      `length mismatch: the server sends ${length} bytes of a file of ${answer.size}`,
      "Try again later",
    );
  }
  const size = length ?? answer.size;
  const endShows = size !== null || response.headers.get("transfer-encoding") === "chunked";
  if (!endShows && !options.sha256 && !sha256)
    throw failure(
      url,
      "the server does not say how long the file is, so a dropped connection would look like its end",
      "Add its digest to the address: #sha256=…",
    );
  if (size !== null) {
    if (size > options.maxBytes) throw tooLarge(url, `it has ${size} bytes`, options.maxBytes);
    await checkSpace(dirname(part.path), size);
  }
  await part.restart({ validator: validatorOf(response.headers), size, sha256, commit });
  return size;
}

/** A part is continued only if the rest is certainly of the same file; otherwise it is emptied. */
async function resume(
  url: string,
  part: Part,
  { response, size, sha256 }: Answer,
  wanted: string | undefined,
): Promise<number | null> {
  const { headers, status } = response;
  const known: Origin = part.origin ?? { validator: null, size: null, sha256: null, commit: null };
  const [, start, total = ""] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  const same = <T>(a: T | null, b: T | null) => a === null || b === null || a === b;
  const whole = known.size ?? sizeIn(total) ?? size;
  const fits =
    part.resumable !== undefined &&
    // The end of a range is not that of the file.
    (whole !== null || wanted !== undefined || known.sha256 !== null) &&
    (status === 206 ? Number(start) === part.length : Number(total) === part.length) &&
    same(sizeIn(total), known.size) &&
    same(size, known.size) &&
    same(sha256, known.sha256) &&
    same(headers.get("etag") && validatorOf(headers), known.validator);
  if (fits) return whole;
  await part.restart();
  throw new DownloadError(
    shown(url),
    "the server's response does not continue where the download stopped",
    "Try again later",
    {
      retry: true,
    },
  );
}

async function receive(
  url: string,
  part: Part,
  { body }: Response,
  total: number | null,
  watch: Watch,
  { maxBytes, onBytes }: TransferOptions,
): Promise<void> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  onBytes(part.length, total);
  // Bounded by the size or the limit: each turn adds bytes.
  while (true) {
    const { done, value } = await watch.during(url, () => chunks.next());
    if (done) break;
    if (part.length + value.length > Math.min(total ?? maxBytes, maxBytes)) {
      await part.discard();
      if (total === null) throw tooLarge(url, "more came", maxBytes);
      throw failure(url, `length mismatch: more came than the ${total} bytes announced`, "Try again later");
    }
    await part.append(value);
    onBytes(part.length, total);
    if (part.length !== total) watch.count(url, value.length);
  }
  if (total !== null && part.length < total)
    throw new DownloadError(
      shown(url),
      `length mismatch: ${part.length} of ${total} bytes received`,
      "Try again later",
      {
        retry: true,
      },
    );
}

/** A validator for `If-Range`. A weak ETag does not promise equal bytes. */
function validatorOf(headers: Headers): string | null {
  const tag = headers.get("etag");
  return tag && !tag.startsWith("W/") ? tag : headers.get("last-modified");
}

async function checkSpace(folder: string, needed: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder);
  // Some network disks do not report it.
  if (blocks > 0 && bavail * bsize < needed)
    throw noSpace(folder, `: ${needed} bytes are needed, ${bavail * bsize} are free`);
}

const failure = (url: string, what: string, fix: string) => new DownloadError(shown(url), what, fix);

const tooLarge = (url: string, what: string, limit: number) =>
  failure(
    url,
    `too large: ${what}, the limit is ${limit}`,
    isShardIndex(new URL(url).pathname)
      ? "Check the address: no index is that large"
      : "If that is right, raise maxBytes",
  );
