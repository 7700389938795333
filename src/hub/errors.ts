import { FoveaError } from "../core/errors.js";

/** Response headers, by lower-case name. */
export interface Headers {
  get(name: string): string | null;
}

/** Details of a failed download. */
export interface DownloadFailure {
  /** HTTP status, if there was a response. */
  readonly status?: number;
  /** Whether a retry may help. */
  readonly retry?: boolean;
  /** Milliseconds to wait, as requested by the server. */
  readonly retryAfter?: number;
  /** Whether the connection made no progress. */
  readonly slow?: boolean;
  /** The network error, if it was one. */
  readonly cause?: unknown;
}

/** A file could not be downloaded, or is not what was announced. The message names the address, what happened, and a likely fix. */
export class DownloadError extends FoveaError {
  /** HTTP status, if there was a response. */
  readonly status: number | undefined;
  /** Whether a retry may help. */
  readonly retry: boolean;
  /** Milliseconds to wait before a retry, if the server said. */
  readonly retryAfter: number | undefined;
  /** Whether the connection made no progress. */
  readonly slow: boolean;

  constructor(
    /** Which address. */
    readonly where: string,
    /** What happened. */
    readonly what: string,
    /** What may help. */
    readonly fix: string,
    { status, retry = false, retryAfter, slow = false, cause }: DownloadFailure = {},
  ) {
    super(`${where}: ${what}. ${fix}`);
    if (cause !== undefined) this.cause = cause;
    this.slow = slow;
    this.status = status;
    this.retry = retry;
    this.retryAfter = retryAfter;
  }
}

/** Characters of a path to show: a redirect may have thousands. */
const longestPath = 500;

/** An address for messages. Without the query, which in a redirect is often a signature. */
export function shown(address: string | URL): string {
  const { origin, pathname, search } = new URL(address);
  const path = pathname.length > longestPath ? `${pathname.slice(0, longestPath)}…` : pathname;
  return `${origin}${path}${search ? "?…" : ""}`;
}

/** The error for a response from `host` that is not a file. */
export function statusError(
  url: string,
  host: string,
  { status, headers }: { readonly status: number; readonly headers: Headers },
  hub: boolean,
  token: boolean,
): DownloadError {
  // Hugging Face says what is missing: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo.
  const code = (headers.get("x-error-code") ?? "").replaceAll(/[^\w-]/g, "").slice(0, 40);
  const answer = `${host} answered ${status}${code ? ` ${code}` : ""}`;
  const error = (what: string, fix: string, failure: DownloadFailure = {}) =>
    new DownloadError(shown(url), what, fix, { status, ...failure });
  if (status === 404 || status === 410)
    return error(`not found: ${answer}`, hub ? "Check owner, name, revision and file" : "Check the address");
  if (status === 401 || status === 403) {
    const access = token ? "check that HF_TOKEN is valid and has access" : "if it is private or gated, set HF_TOKEN";
    const fix = hub ? `Check owner and name; ${access}` : "Fovea cannot log in: download it yourself and pass the file";
    return error(`no access: ${answer}`, fix);
  }
  if (status === 408 || status === 429 || status >= 500)
    return error(answer, "Try again later", { retry: true, ...retryAfterOf(headers) });
  return error(`${answer}, which is not a file`, "Check the address");
}

function retryAfterOf(headers: Headers): DownloadFailure {
  const seconds = Number(headers.get("retry-after") ?? "");
  return seconds > 0 && seconds < 1e6 ? { retryAfter: seconds * 1000 } : {};
}

/** A file system error as one line with the folder and what may help. Other errors are returned as they are. */
export function fileSystemError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return error;
  if (error.code === "ENOSPC" || error.code === "EDQUOT") return noSpace(folder);
  return new FoveaError(`cache ${folder}: ${error.message}. Set FOVEA_CACHE to a writable folder`);
}

export function noSpace(folder: string, needed = ""): FoveaError {
  return new FoveaError(`cache ${folder}: no space left${needed}. Free some, or set FOVEA_CACHE to a larger disk`);
}
