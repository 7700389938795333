import { DownloadError, shown, statusError } from "./errors.js";
import { refusalOf } from "./source.js";
import type { Watch } from "./watch.js";

const maxRedirects = 5;
const redirects = [301, 302, 303, 307, 308];

export interface RequestOptions {
  /** Where the token may go, and nowhere else. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly watch: Watch;
}

/** An answer with a body, and what Hugging Face said about the file on the way: the storage it sends us to does not know. */
export interface Answer {
  readonly response: Response;
  readonly size: number | null;
  readonly sha256: string | null;
  /** The commit that the revision in the address stands for at present. */
  readonly commit: string | null;
}

/** Asks for a file, following redirects. @throws DownloadError if the answer is no file. */
export async function request(start: string, options: RequestOptions): Promise<Answer> {
  let url = new URL(start);
  let size: number | null = null;
  let sha256: string | null = null;
  let commit: string | null = null;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await ask(url, options);
    size = sizeIn(response.headers.get("x-linked-size")) ?? size;
    sha256 = sha256In(response.headers.get("x-linked-etag")) ?? sha256;
    commit = commitIn(response.headers.get("x-repo-commit")) ?? commit;
    if (!redirects.includes(response.status))
      return { response: await checked(start, url, response, options), size, sha256, commit };
    await dismiss(response);
    url = target(start, url, response.headers.get("location"));
  }
  throw new DownloadError(
    shown(start),
    `more than ${maxRedirects} redirects, the last to ${shown(url)}`,
    "Check the address",
  );
}

/** A redirect leads to an address that is as safe as the first must be. */
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

async function ask(url: URL, { endpoint, token, headers, watch }: RequestOptions): Promise<Response> {
  // The whole origin, not just the host: another port can be another server.
  const login: Record<string, string> =
    token && url.origin === new URL(endpoint).origin ? { authorization: `Bearer ${token}` } : {};
  const asked = { accept: "*/*", "accept-encoding": "identity", "user-agent": "fovea", ...headers, ...login };
  return watch.during(url, () => fetch(url, { headers: asked, redirect: "manual", signal: watch.signal }));
}

async function checked(start: string, url: URL, response: Response, options: RequestOptions): Promise<Response> {
  const { status, headers } = response;
  const type = headers.get("content-type") ?? "";
  const encoding = headers.get("content-encoding") ?? "identity";
  const error = problem();
  if (!error) return response;
  await dismiss(response);
  throw error;

  function problem(): DownloadError | undefined {
    const hub = new URL(start).origin === new URL(options.endpoint).origin;
    if (status !== 200 && status !== 206 && status !== 416)
      return statusError(start, url.host, response, hub, options.token !== undefined);
    if (status === 200 && /^text\/html/i.test(type))
      return new DownloadError(
        shown(start),
        "this is a web page",
        "Give the file's own address (/resolve/ or /raw/, not /blob/)",
      );
    // Lengths and ranges would count compressed bytes.
    if (encoding !== "identity")
      return new DownloadError(
        shown(start),
        `the server insists on compressing (${encoding})`,
        "Fetch it by other means, give the file",
      );
    return undefined;
  }
}

/** Lets go of a body that nobody reads, so that its connection closes. */
export const dismiss = (response: Response): Promise<void> =>
  response.body?.cancel().catch(() => {}) ?? Promise.resolve();

/** A count of bytes in a header. */
export const sizeIn = (text: string | null): number | null => (text && /^\d{1,15}$/.test(text) ? Number(text) : null);

/** Files in large storage have their sha256 as tag; small ones a digest of git's, which is of no use here. */
const sha256In = (tag: string | null): string | null =>
  /^(?:W\/)?"?([\da-f]{64})"?$/i.exec(tag ?? "")?.[1]?.toLowerCase() ?? null;

const commitIn = (text: string | null): string | null => (text && /^[\da-f]{40}$/.test(text) ? text : null);
