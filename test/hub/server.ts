import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { Rng } from "../../src/core/rng.js";
import type { DownloadOptions, DownloadProgress } from "../../src/hub/index.js";

export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** All requests so far. */
  readonly seen: Seen[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server on this computer that ends with the test file. `count` is the number of requests before this one. */
export async function serve(handler: Handler, host = "127.0.0.1"): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? "", headers: request.headers });
    handler(request, response, seen.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://${host}:${(server.address() as AddressInfo).port}`, seen };
}

export interface FileOptions {
  readonly etag?: string;
  /** Send this many bytes, then cut the connection. */
  readonly cutAfter?: number;
  /** Send this many bytes, then nothing more. */
  readonly hangAfter?: number;
  readonly ranges?: boolean;
  readonly headers?: Record<string, string>;
}

/** Answers as a file server does, `Range` and `If-Range` included. */
export function sendFile(
  { headers: asked }: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  { etag = '"v1"', cutAfter, hangAfter, ranges = true, headers = {} }: FileOptions = {},
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(asked.range ?? "")?.[1] ?? -1);
  const partial = ranges && from >= 0 && asked["if-range"] === etag;
  const rest = partial ? body.subarray(from) : body;
  const about = { etag, "content-length": String(rest.length), ...headers };
  if (partial && from >= body.length) {
    response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    return;
  }
  const range = partial ? { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  response.writeHead(partial ? 206 : 200, { ...about, ...range });
  if (hangAfter !== undefined) response.write(rest.subarray(0, hangAfter));
  else if (cutAfter === undefined) response.end(rest);
  else cut(response, rest.subarray(0, cutAfter), partial ? from : 0);
}

const cuts = new Map<number, () => void>();

/**
 * Sends bytes and ends the connection in the middle of the answer, when the client says through {@link cutWhenReceived} that it
 * has them: a stream that breaks earlier drops what nobody has read yet.
 */
export function cut(response: ServerResponse, bytes: Buffer, before = 0): void {
  cuts.set(before + bytes.length, () => response.destroy());
  response.write(bytes);
}

export function cutWhenReceived({ received }: DownloadProgress): void {
  cuts.get(received)?.();
  cuts.delete(received);
}

/** Ends a download when it has received so much. */
export async function interruptAt(received: number, get: (options: DownloadOptions) => Promise<string>): Promise<void> {
  const stop = new AbortController();
  const reason = new Error("enough");
  const onProgress = (progress: DownloadProgress) => progress.received === received && stop.abort(reason);
  await assert.rejects(get({ signal: stop.signal, onProgress }), reason);
}

/** Bytes that are the same in each run, and begin as PyTorch's files before 1.6. */
export function content(length: number, seed = 1): Buffer {
  const rng = new Rng(seed, "content");
  return Buffer.from(Uint8Array.from({ length }, (_, i) => [0x80, 2][i] ?? rng.int(256)));
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
