import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/errors.js";
import { FoveaError } from "../index.js";

/** The page as it was built. */
export const pageFolder = fileURLToPath(new URL("../../page/", import.meta.url));

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** On every response: nothing from elsewhere, nothing to elsewhere, and memory that threads may share. */
const headers: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
};

/** Answers a request below `/api/`; false if it has no such thing. */
export type Api = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<boolean>;

/** The page on this machine only, for whoever has the token. */
export interface StudioServer {
  /** With the token. */
  readonly url: string;
  close(): Promise<void>;
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/** @throws FoveaError if the port is taken, or may not be used. */
export async function serveStudio(port: number, api: Api): Promise<StudioServer> {
  const token = randomBytes(24).toString("base64url");
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(server, token, api, request, response).catch((error) => refuse(response, 500, messageOf(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new FoveaError(
          error.code === "EADDRINUSE"
            ? `port ${port} is in use, perhaps by another studio. Choose one with --port, or 0 for any`
            : `cannot listen on port ${port}: ${messageOf(error)}`,
        ),
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${portOf(server)}/?token=${token}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

export function refuse(response: ServerResponse, status: number, message: string): void {
  if (!response.headersSent) response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(`${message}\n`);
}

async function answer(
  server: Server,
  token: string,
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const port = portOf(server);
  const { host = "", origin, cookie = "", "sec-fetch-site": site = "same-origin" } = request.headers;
  // A page elsewhere may point its own name here, or send requests here.
  if (![`127.0.0.1:${port}`, `localhost:${port}`].includes(host))
    return refuse(response, 403, "not a name of this server");
  if ((origin !== undefined && origin !== `http://${host}`) || !["same-origin", "none"].includes(site))
    return refuse(response, 403, "requests from other pages are refused");
  const url = new URL(request.url ?? "/", `http://${host}`);
  const given = url.searchParams.get("token");
  // Cookies do not know ports.
  const name = `fovea-${port}`;
  const kept = cookie
    .split(/;\s*/)
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(name.length + 1);
  if (![given, kept].some((one) => one != null && timingSafeEqual(digest(one), digest(token))))
    return refuse(response, 403, "open the address that fovea studio printed: it holds the token");
  if (given !== null) {
    url.searchParams.delete("token");
    response.writeHead(303, {
      "Set-Cookie": `${name}=${token}; HttpOnly; SameSite=Strict; Path=/`,
      Location: `${url.pathname}${url.search}`,
    });
    response.end();
    return;
  }
  if (url.pathname.startsWith("/api/")) {
    if (!(await api(request, response, url.pathname.slice("/api/".length)))) refuse(response, 404, "no such thing");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, 405, "only GET");
  if (url.pathname === "/") return sendPage(response);
  await sendFile(response, url.pathname.slice(1));
}

/** The page, with a mark by which it knows that this machine trains for it. */
async function sendPage(response: ServerResponse): Promise<void> {
  const html = await readFile(join(pageFolder, "index.html"), "utf8");
  const mark = `<meta name="fovea-machine" content="${availableParallelism()}">`;
  response.writeHead(200, { "Content-Type": types[".html"]!, "Cache-Control": "no-store" });
  response.end(html.replace("<head>", `<head>${mark}`));
}

async function sendFile(response: ServerResponse, name: string): Promise<void> {
  // Names as the build makes them: nothing that leaves the folder.
  if (!/^((assets|standalone)\/)?[\w-]+(\.[\w-]+)*$/.test(name)) return refuse(response, 404, "no such file");
  const path = (await isFile(join(pageFolder, name))) ? join(pageFolder, name) : engineFile(name);
  if (!path) return refuse(response, 404, "no such file");
  const { size } = await stat(path);
  response.writeHead(200, {
    "Content-Type": types[extname(name)] ?? "application/octet-stream",
    "Content-Length": size,
    "Cache-Control": name.startsWith("assets/") ? "max-age=31536000, immutable" : "no-cache",
  });
  await sendBytes(response, path, size);
}

/** The first `size` bytes of a file, which may grow meanwhile. If it cannot be read to there, the connection ends, as the answer has begun. */
export async function sendBytes(response: ServerResponse, path: string, size: number): Promise<void> {
  if (size === 0) return void response.end();
  await pipeline(createReadStream(path, { end: size - 1 }), response).catch(() => response.destroy());
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** The engines are not in the package: 14 MB, and 27 MB for GPUs, that come with onnxruntime-web. */
function engineFile(name: string): string | undefined {
  const [, engine] = /^assets\/(ort-wasm-simd-threaded(?:\.asyncify)?)(?:-[\w-]+)?\.wasm$/.exec(name) ?? [];
  if (!engine) return undefined;
  try {
    return createRequire(import.meta.url).resolve(`onnxruntime-web/${engine}.wasm`);
  } catch {
    return undefined;
  }
}

/** Whether the engine that trains in the page is here. */
export const hasEngine = async (): Promise<boolean> =>
  engineFile("assets/ort-wasm-simd-threaded.wasm") !== undefined ||
  (await readdir(join(pageFolder, "assets"))).some((name) => name.endsWith(".wasm"));
