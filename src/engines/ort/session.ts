import { FoveaError, messageOf } from "../../core/errors.js";
import { copyOf, type Tensor } from "../../core/tensor.js";
import { type SessionSpec, SessionState, toOrt } from "./state.js";
import { free } from "./targets/free.js";
import type { Backend, Loaded } from "./targets/target.js";
import { InPlaceState } from "./targets/write-in-place.js";

/** Requests to a host: plain objects, so that they can be posted to a worker. */
export type HostRequest =
  | { readonly kind: "probe" }
  | { readonly kind: "create"; readonly session: number; readonly spec: SessionSpec }
  | { readonly kind: "run"; readonly session: number; readonly inputs: Readonly<Record<string, Tensor>> }
  | { readonly kind: "readState"; readonly session: number; readonly index: number }
  | { readonly kind: "release"; readonly session: number };

/** The answers, by kind of request. */
export interface HostResults {
  readonly probe: unknown;
  readonly create: undefined;
  readonly run: Record<string, Tensor>;
  readonly readState: Tensor;
  readonly release: undefined;
}

/** Where sessions live: in a worker thread, or on the calling one. */
export interface Host {
  /** Sends a request. Arrays in `transfer` may be moved to the sessions' thread: the caller must not use them again. */
  ask<R extends HostRequest>(request: R, transfer?: readonly ArrayBufferLike[]): Promise<HostResults[R["kind"]]>;
  /** Ends every session. */
  stop(): Promise<void>;
}

/** Holds ONNX Runtime sessions and their state, in a worker thread or on the calling one. Loads the package on the first request. */
export class SessionHost implements Host {
  #loaded: Promise<Loaded> | undefined;
  readonly #sessions = new Map<number, SessionState>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly backend: Pick<Backend, "load" | "probe">,
    private readonly threads?: number,
  ) {}

  /** Answers requests one at a time. @throws FoveaError with the first line of ONNX Runtime's message. */
  async ask<R extends HostRequest>(request: R): Promise<HostResults[R["kind"]]> {
    const loaded = await (this.#loaded ??= this.backend.load(this.threads));
    const answer = this.#last.then(() => this.#answer(request, loaded));
    this.#last = answer.catch(() => undefined);
    return answer.catch((error: unknown) => {
      if (error instanceof FoveaError) throw error;
      throw new FoveaError(`ONNX Runtime: ${messageOf(error).split("\n")[0]}`);
    }) as Promise<HostResults[R["kind"]]>;
  }

  /** Releases every session. */
  async stop(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((session) => this.ask({ kind: "release", session })));
  }

  async #answer(request: HostRequest, loaded: Loaded): Promise<HostResults[keyof HostResults]> {
    const { ort } = loaded;
    if (request.kind === "probe") return this.backend.probe(ort);
    if (request.kind === "create") {
      this.#sessions.set(request.session, await openSession(request.spec, loaded));
      return undefined;
    }
    const open = this.#sessions.get(request.session);
    if (request.kind === "release") {
      this.#sessions.delete(request.session);
      await open?.release();
      return undefined;
    }
    if (!open) throw new FoveaError("this executable has been released, or its engine has");
    if (request.kind === "readState") return copyOf(await open.read(request.index));
    const feeds = Object.entries(request.inputs).map(([name, value]) => [name, toOrt(ort, value)] as const);
    return open.run(Object.fromEntries(feeds));
  }
}

async function openSession(spec: SessionSpec, { ort, options, open }: Loaded): Promise<SessionState> {
  if (open) return open(spec);
  // With memory patterns every run would ask the system for fresh pages.
  const settings = { enableMemPattern: false, logSeverityLevel: 3, ...options } as const;
  const session = await ort.InferenceSession.create(spec.model, settings);
  free([{ data: spec.model }]);
  return new (spec.sentinel ? InPlaceState : SessionState)(ort, session, spec);
}
