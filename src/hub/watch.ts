import { messageOf } from "../core/errors.js";
import { DownloadError, shown } from "./errors.js";

/** Ends a request when its user says so, or when nothing has come for a while; and says which it was. */
export class Watch {
  readonly #abort = new AbortController();
  readonly #onAbort = () => this.#abort.abort();
  readonly #timer: NodeJS.Timeout;
  #stalled = false;

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

  /** Waits for something from the network. @throws DownloadError worth a retry, or the user's reason. */
  async during<T>(url: string | URL, wait: () => Promise<T>): Promise<T> {
    this.#timer.refresh();
    try {
      return await wait();
    } catch (error) {
      this.user?.throwIfAborted();
      if (this.#stalled)
        throw new DownloadError(shown(url), `nothing came for ${this.timeout / 1000} s`, "Try again later", {
          retry: true,
        });
      throw networkError(url, error);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.user?.removeEventListener("abort", this.#onAbort);
  }
}

function networkError(url: string | URL, error: unknown): DownloadError {
  // fetch says only "fetch failed"; its cause knows.
  const cause: unknown = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const what = `no connection, or it was cut (${[code, messageOf(cause)].filter(Boolean).join(": ")})`;
  // A name that does not exist and a certificate that is not valid stay so.
  const retry = !/^ENOTFOUND$|CERT|SELF_SIGNED|_TLS_/.test(code);
  return new DownloadError(shown(url), what, "Check the network, or give a file", { retry });
}
