import { messageOf } from "../core/errors.js";
import { DownloadError, shown } from "./errors.js";

/** Bytes per second below which a connection counts as dead. */
const slowest = 1024;

/** Ends a request when the user aborts or almost nothing has come for a while, and says which. */
export class Watch {
  readonly #abort = new AbortController();
  readonly #onAbort = () => this.#abort.abort();
  readonly #timer: NodeJS.Timeout;
  #stalled = false;
  /** Milliseconds waited and bytes received since the last check of the rate. */
  #waited = 0;
  #came = 0;

  constructor(
    private readonly timeout: number,
    private readonly user?: AbortSignal | undefined,
  ) {
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      this.#abort.abort();
    }, timeout);
    user?.addEventListener("abort", this.#onAbort, { once: true });
    if (user?.aborted) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Waits for the network. @throws DownloadError worth a retry, or the user's abort reason. */
  async during<T>(url: string | URL, wait: () => Promise<T>): Promise<T> {
    this.#timer.refresh();
    const start = performance.now();
    try {
      const result = await wait();
      this.#waited += performance.now() - start;
      return result;
    } catch (error) {
      this.user?.throwIfAborted();
      if (this.#stalled)
        throw new DownloadError(shown(url), `nothing received for ${this.timeout / 1000} s`, "Try again later", {
          retry: true,
          slow: true,
        });
      throw networkError(url, error);
    }
  }

  /**
   * Counts received bytes. Only time waiting for the network counts, not for the disk.
   * @throws DownloadError worth a retry if there were too few.
   */
  count(url: string, bytes: number): void {
    this.#came += bytes;
    if (this.#waited < this.timeout) return;
    const rate = (this.#came / this.#waited) * 1000;
    if (rate < slowest)
      throw new DownloadError(
        shown(url),
        `too slow: ${Math.round(rate)} bytes per second, fewer than ${slowest}`,
        "Try again later",
        { retry: true, slow: true },
      );
    this.#waited = 0;
    this.#came = 0;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.user?.removeEventListener("abort", this.#onAbort);
  }
}

function networkError(url: string | URL, error: unknown): DownloadError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // Certificates and such are quoted in messages.
  const said = messageOf(error)
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, 200);
  const what = `no connection, or it was cut (${[code, said].filter(Boolean).join(": ")})`;
  // An unknown name, an invalid certificate and a response that is not HTTP will not improve.
  const retry = !/^ENOTFOUND$|^HPE_|CERT|SELF_SIGNED|_TLS_/.test(code);
  return new DownloadError(shown(url), what, "Check the network, or pass a local file", { retry, cause: error });
}
