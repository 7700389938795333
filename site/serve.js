/** Serves the built site on this machine, with the addresses that a host without file endings gives it. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const dist = fileURLToPath(new URL(".vitepress/dist/", import.meta.url));
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".json": "application/json",
};

/** The file that answers a path of the site; undefined if there is none. */
export function fileOf(path) {
  const base = join(dist, decodeURI(path));
  return [base, `${base}.html`, join(base, "index.html")].find((file) => existsSync(file) && statSync(file).isFile());
}

export const serve = () =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const file = fileOf(new URL(request.url, "http://localhost").pathname);
      if (!file) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
      createReadStream(file).pipe(response);
    });
    server.listen(0, "127.0.0.1", () => resolve({ server, origin: `http://127.0.0.1:${server.address().port}` }));
  });
