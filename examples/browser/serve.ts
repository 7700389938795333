/**
 * Serves this repository to browsers on this machine: open the address that it prints to see index.html train a network.
 *
 *     npm run build && node dist/examples/browser/serve.js
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const root = new URL("../../../", import.meta.url);

const server = createServer(async ({ url = "/" }, response) => {
  const { pathname } = new URL(url, "http://localhost"); // has no ".." left
  try {
    const body = await readFile(new URL(`.${pathname === "/" ? "/examples/browser/index.html" : pathname}`, root));
    // The last two make a page cross-origin isolated, without which WebAssembly has one thread.
    response.writeHead(200, {
      "content-type": types[extname(pathname) || ".html"] ?? "application/octet-stream",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address && typeof address === "object") console.log(`http://127.0.0.1:${address.port}/`);
});
