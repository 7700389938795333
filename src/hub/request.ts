import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { DownloadError, type Headers, shown, statusError } from "./errors.js";
import { InwardError, lookupFrom, type Network, type Reach, refuseInward, systemNetwork } from "./network.js";
import { refusalOf } from "./source.js";
import type { Watch } from "./watch.js";

const maxRedirects = 5;
const redirects = [301, 302, 303, 307, 308];
/** Bytes of all headers of a response. */
const maxHeaderSize = 32 * 1024;
/** Interim responses, such as 103 Early Hints. */
const maxInterim = 20;

export interface RequestOptions {
  /** The only place the token may go. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly watch: Watch;
  readonly network?: Network;
}

/** A server's response. */
export interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly body: IncomingMessage;
}

/** A response with a body, and what Hugging Face said about the file before redirecting to its storage, which does not say it. */
export interface Answer {
  readonly response: Response;
  readonly size: number | null;
  readonly sha256: string | null;
  /** The commit that the revision currently refers to. */
  readonly commit: string | null;
}

/** Requests a file, following redirects. @throws DownloadError if the response is not a file. */
export async function request(start: string, options: RequestOptions): Promise<Answer> {
  let url = new URL(start);
  let size: number | null = null;
  let sha256: string | null = null;
  let commit: string | null = null;
  const { network = systemNetwork } = options;
  /** Reach of the server that redirected here; undefined for the first address. */
  let from: Reach | undefined;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await ask(start, url, from, network, options);
    from = network.reachOf(response.body.socket.remoteAddress ?? "") ?? "the internet";
    size = sizeIn(response.headers.get("x-linked-size")) ?? size;
    sha256 = sha256In(response.headers.get("x-linked-etag")) ?? sha256;
    commit = commitIn(response.headers.get("x-repo-commit")) ?? commit;
    if (!redirects.includes(response.status))
      return { response: await checked(start, url, response, options), size, sha256, commit };
    dismiss(response);
    url = target(start, url, response.headers.get("location"));
  }
  throw new DownloadError(
    shown(start),
    `more than ${maxRedirects} redirects, the last to ${shown(url)}`,
    "Check the address",
  );
}

/** A redirect must be as safe as the first address. */
function target(start: string, from: URL, location: string | null): URL {
  if (!location || !URL.canParse(location, from))
    throw new DownloadError(shown(start), "a redirect without an address", "Check the address");
  const url = new URL(location, from);
  const refused = refusalOf(url);
  if (refused)
    throw new DownloadError(
      shown(start),
      `redirect to ${url.protocol}//${url.host} refused: ${refused}`,
      "Check the address",
    );
  return url;
}

async function ask(
  start: string,
  url: URL,
  from: Reach | undefined,
  network: Network,
  { endpoint, token, headers, watch }: RequestOptions,
): Promise<Response> {
  // The whole origin, not only the host: another port can be another server.
  const login: Record<string, string> =
    token && url.origin === new URL(endpoint).origin ? { authorization: `Bearer ${token}` } : {};
  const asked = { accept: "*/*", "accept-encoding": "identity", "user-agent": "fovea", ...headers, ...login };
  try {
    return await watch.during(url, () => get(url, asked, from, network, watch.signal));
  } catch (error) {
    if (error instanceof DownloadError && error.cause instanceof InwardError)
      throw new DownloadError(
        shown(start),
        `redirect to ${url.host} refused: ${error.cause.message}`,
        "If you trust it, use that address directly",
      );
    throw error;
  }
}

/** The response to one request, before its body. Not by `fetch`, which does not let callers check the resolved address. */
function get(
  url: URL,
  headers: Record<string, string>,
  from: Reach | undefined,
  network: Network,
  signal: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    refuseInward(url.hostname, from, network);
    const send = url.protocol === "https:" ? https.request : http.request;
    const request = send(url, { headers, signal, maxHeaderSize, lookup: lookupFrom(from, network) });
    // A kept-alive connection is not looked up again.
    request.once("socket", (socket: Socket) => {
      if (socket.connecting || !socket.remoteAddress) return;
      try {
        refuseInward(socket.remoteAddress, from, network);
      } catch (error) {
        request.destroy(error as Error);
      }
    });
    let interim = 0;
    request.on("information", () => {
      if (++interim > maxInterim) request.destroy(new Error(`more than ${maxInterim} interim responses`));
    });
    // Also after the response: the connection may break while nobody reads.
    request.on("error", reject);
    request.once("response", (body) => {
      body.on("error", () => {});
      const get = (name: string): string | null => body.headers[name]?.toString() ?? null;
      resolve({ status: body.statusCode ?? 0, headers: { get }, body });
    });
    request.end();
  });
}

async function checked(start: string, url: URL, response: Response, options: RequestOptions): Promise<Response> {
  const { status, headers } = response;
  const type = headers.get("content-type") ?? "";
  const encoding = headers.get("content-encoding") ?? "identity";
  const error = problem();
  if (!error) return response;
  dismiss(response);
  throw error;

  function problem(): DownloadError | undefined {
    const hub = new URL(start).origin === new URL(options.endpoint).origin;
    if (status !== 200 && status !== 206 && status !== 416)
      return statusError(start, url.host, response, hub, options.token !== undefined);
    if (status === 200 && /^text\/html/i.test(type))
      return new DownloadError(
        shown(start),
        "this is a web page",
        "Use the file's own address (/resolve/ or /raw/, not /blob/)",
      );
    // Lengths and ranges would count compressed bytes.
    if (encoding !== "identity" || !/^(?:chunked)?$/i.test(headers.get("transfer-encoding") ?? ""))
      return new DownloadError(
        shown(start),
        `the server compresses what it sends (${(encoding === "identity" ? "in transfer" : encoding).replaceAll(/[^\w, -]/g, "").slice(0, 40)})`,
        "Download it yourself and pass the file",
      );
    return undefined;
  }
}

/** Discards an unread body, so that its connection closes. */
export const dismiss = ({ body }: Response): void => {
  body.destroy();
};

/** A count of bytes in a header. */
export const sizeIn = (text: string | null): number | null => (text && /^\d{1,15}$/.test(text) ? Number(text) : null);

/** The ETag of files in large storage is their sha256; of small ones it is git's digest, which is of no use here. */
const sha256In = (tag: string | null): string | null =>
  /^(?:W\/)?"?([\da-f]{64})"?$/i.exec(tag ?? "")?.[1]?.toLowerCase() ?? null;

const commitIn = (text: string | null): string | null => (text && /^[\da-f]{40}$/.test(text) ? text : null);
