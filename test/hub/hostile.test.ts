import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { DownloadError, type DownloadOptions, resolveWeights } from "../../src/hub/index.js";
import { temporaryFolder } from "../support/fovea.js";

/** What a server writes on a connection; it may write for ever. */
type Speech = (socket: Socket, connection: number) => void;

/** A server without manners, which says what it likes. */
async function hostile(speech: Speech): Promise<{ readonly url: string; readonly connections: () => number }> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => speech(socket, count++));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  assert.ok(address && typeof address === "object");
  return { url: `http://127.0.0.1:${address.port}/w.safetensors`, connections: () => count };
}

/** The same again and again, as fast as it is taken. */
const endlessly =
  (start: string, more: string | ((i: number) => string | Buffer)): Speech =>
  (socket) => {
    socket.write(start);
    const write = (i: number) => {
      if (!socket.destroyed) socket.write(typeof more === "string" ? more : more(i), () => write(i + 1));
    };
    write(0);
  };

/** Some bytes at a time, a time apart. */
const slowly =
  (start: string, more: string, milliseconds: number): Speech =>
  (socket) => {
    socket.write(start);
    const timer = setInterval(() => socket.destroyed || socket.write(more), milliseconds);
    socket.once("close", () => clearInterval(timer));
  };

const once =
  (...parts: (string | Buffer)[]): Speech =>
  (socket) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };

const ok = "HTTP/1.1 200 OK\r\n";
const kilobyte = "x".repeat(1024);
const zeros = Buffer.alloc(65_536);
const chunk = Buffer.concat([Buffer.from("10000\r\n"), zeros, Buffer.from("\r\n")]);

/** What is said, what the error must say, and how many connections are made at most, with one retry. */
const speeches: Record<string, readonly [speech: Speech, message: RegExp, connections: number]> = {
  "a body without end and length": [
    endlessly(`${ok}\r\n`, () => zeros),
    /too large: more came, the limit is 1000000|does not say how long/,
    1,
  ],
  "chunks without end": [endlessly(`${ok}transfer-encoding: chunked\r\n\r\n`, () => chunk), /too large: more came/, 1],
  "a huge length": [
    once(`${ok}content-length: 99999999999999\r\n\r\nhello`),
    /too large: it has 99999999999999 bytes/,
    1,
  ],
  "a length of too many digits": [once(`${ok}content-length: ${"9".repeat(40)}\r\n\r\nhello`), /no connection|cut/, 1],
  "a negative length": [once(`${ok}content-length: -5\r\n\r\nhello`), /HPE_/, 1],
  "two lengths": [once(`${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`), /HPE_/, 1],
  "a length and chunks": [once(`${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`), /HPE_/, 1],
  "a body that is cut": [once(`${ok}content-length: 500\r\n\r\nhello`), /cut|length mismatch/, 2],
  "one byte at a time": [
    slowly(`${ok}content-length: 100000\r\n\r\n`, "x", 20),
    /too slow: \d+ bytes per second, fewer than 1024, tried 2 times/,
    2,
  ],
  "one byte at a time, in chunks": [
    slowly(`${ok}transfer-encoding: chunked\r\n\r\n`, "1\r\nx\r\n", 20),
    /too slow: \d+ bytes per second/,
    2,
  ],
  "a byte before each silence is noticed": [
    slowly(`${ok}content-length: 100000\r\n\r\n`, "x", 400),
    /too slow: \d+ bytes per second|nothing received/,
    2,
  ],
  "nothing after the header": [
    (socket) => socket.write(`${ok}content-length: 5\r\n\r\n`),
    /nothing received for 0\.5 s, tried 2 times/,
    2,
  ],
  "a header of one byte at a time": [slowly(`${ok}x: `, "x", 20), /nothing received|HPE_/, 2],
  "header lines without end": [endlessly(ok, (i) => `x-${i}: ${kilobyte}\r\n`), /HPE_HEADER_OVERFLOW|was cut/, 2],
  "a header line without end": [endlessly(`${ok}x: `, kilobyte), /HPE_HEADER_OVERFLOW|was cut/, 2],
  "a status line without end": [endlessly("HTTP/1.1 200 ", kilobyte), /HPE_HEADER_OVERFLOW|was cut/, 2],
  "trailers without end": [
    endlessly(`${ok}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n`, (i) => `x-${i}: ${kilobyte}\r\n`),
    /HPE_HEADER_OVERFLOW|was cut/,
    2,
  ],
  "a chunk extension without end": [
    endlessly(`${ok}transfer-encoding: chunked\r\n\r\n1;x=`, kilobyte),
    /HPE_|was cut/,
    2,
  ],
  "early hints without end": [
    endlessly("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
    /more than 20 interim responses|nothing received/,
    2,
  ],
  "first answers without end": [
    endlessly("", "HTTP/1.1 100 Continue\r\n\r\n"),
    /more than 20 interim responses|nothing received/,
    2,
  ],
  "no HTTP": [once("SSH-2.0-OpenSSH_9.9\r\n"), /HPE_/, 1],
  "a bomb in gzip": [
    once(`${ok}content-encoding: gzip\r\n\r\n`, gzipSync(Buffer.alloc(1e7))),
    /compresses what it sends \(gzip\)/,
    1,
  ],
  "a bomb in gzip, in transfer": [
    once(`${ok}transfer-encoding: gzip, chunked\r\n\r\n`, gzipSync(Buffer.alloc(1e7))),
    /compresses what it sends \(in transfer\)|HPE_/,
    1,
  ],
  "an unknown encoding with control characters": [
    once(`${ok}content-encoding: a\x9bb${kilobyte}\r\n\r\n`),
    /compresses what it sends \(ab/,
    1,
  ],
  "an error with a body without end": [
    endlessly("HTTP/1.1 404 no\r\n\r\n", () => zeros),
    /not found: .* answered 404/,
    1,
  ],
  "a redirect with a body without end, to itself": [
    endlessly("HTTP/1.1 302 no\r\nlocation: /w.safetensors\r\n\r\n", () => zeros),
    /more than 5 redirects/,
    6,
  ],
  "redirects that get longer": [
    (socket, i) => once(`HTTP/1.1 302 no\r\nlocation: /${"y".repeat(2000 * (i + 1))}\r\n\r\n`)(socket, i),
    /more than 5 redirects/,
    6,
  ],
  "a part that nobody asked for": [
    once("HTTP/1.1 206 OK\r\ncontent-range: bytes 5-9/10\r\ncontent-length: 5\r\n\r\nhello"),
    /does not continue where the download stopped/,
    2,
  ],
  "a range that is none": [
    once("HTTP/1.1 416 no\r\ncontent-range: bytes */0\r\n\r\n"),
    /does not continue where the download stopped/,
    2,
  ],
  "a wait of years": [once("HTTP/1.1 429 no\r\nretry-after: 99999999\r\n\r\n"), /answered 429/, 2],
  "escape codes in the status": [once("HTTP/1.1 500 \x1b[2Jboom\r\nx-error-code: \x1b]0;PWN\x07\r\n\r\n"), /HPE_/, 1],
};

const options: DownloadOptions = { timeout: 500, retries: 1, retryDelay: 1, maxBytes: 1_000_000 };

for (const [what, [speech, message, connections]] of Object.entries(speeches))
  test(`ends in one line: ${what}`, async () => {
    const server = await hostile(speech);
    const cache = temporaryFolder();
    const started = performance.now();
    await assert.rejects(resolveWeights(server.url, { ...options, cache }), (error: unknown) => {
      assert.ok(error instanceof DownloadError, String(error));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\p{Cc}/u);
      assert.ok(error.message.length < 1000, `${error.message.length} characters`);
      return true;
    });
    assert.ok(server.connections() <= connections, `${server.connections()} connections`);
    assert.ok(performance.now() - started < 30_000);
    const kept = readdirSync(cache).filter((name) => !/\.part(?:\.json)?$/.test(name));
    assert.deepEqual(kept, [], "nothing in the cache may look whole");
  });

test("a server that brings a little each time is asked so often and not for ever", async () => {
  const sockets = new Map<number, Socket>();
  const server = await hostile((socket, i) => {
    const from = 10 * i;
    sockets.set(from + 10, socket);
    const about = `etag: "1"\r\ncontent-length: ${100_000 - from}\r\n`;
    const range = `HTTP/1.1 206 OK\r\ncontent-range: bytes ${from}-99999/100000\r\n`;
    socket.write(`${i ? range : ok}${about}\r\n0123456789`);
  });
  await assert.rejects(
    resolveWeights(server.url, {
      ...options,
      cache: temporaryFolder(),
      // Not before: a connection that breaks drops what nobody has read yet.
      onProgress: ({ received }) => sockets.get(received)?.destroy(),
    }),
    /cut .*, tried 100 times\. Check/,
  );
  assert.equal(server.connections(), 100);
});
