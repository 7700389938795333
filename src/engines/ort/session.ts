import { FoveaError, messageOf } from "../../core/errors.js";
import { copyOf, type Tensor } from "../../core/tensor.js";
import { CopiedState, type HeldState, type SessionSpec, toOrt } from "./state.js";
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

/** Holds ONNX Runtime sessions and their state, in a worker thread or on the calling one. */
export class SessionHost implements Host {
  readonly #sessions = new Map<number, HeldState>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly backend: Pick<Backend, "probe">,
    private readonly loaded: Loaded,
  ) {}

  /** Answers requests one at a time. @throws FoveaError with the first line of ONNX Runtime's message. */
  ask<R extends HostRequest>(request: R): Promise<HostResults[R["kind"]]> {
    const answer = this.#last.then(() => this.#answer(request));
    this.#last = answer.catch(() => undefined);
    return answer.catch((error: unknown) => {
      throw new FoveaError(`ONNX Runtime: ${messageOf(error).split("\n")[0]}`);
    }) as Promise<HostResults[R["kind"]]>;
  }

  /** Releases every session. */
  async stop(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((session) => this.ask({ kind: "release", session })));
  }

  async #answer(request: HostRequest): Promise<HostResults[keyof HostResults]> {
    const { ort } = this.loaded;
    if (request.kind === "probe") return this.backend.probe(ort);
    if (request.kind === "create") {
      this.#sessions.set(request.session, await this.#create(request.spec));
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

  async #create(spec: SessionSpec): Promise<HeldState> {
    const { ort, options, open } = this.loaded;
    if (open) return open(spec);
    const session = await ort.InferenceSession.create(spec.model, {
      // With memory patterns every run would ask the system for fresh pages.
      enableMemPattern: false,
      logSeverityLevel: 3,
      ...options,
    });
    free([spec.model]);
    return new (spec.sentinel ? InPlaceState : CopiedState)(ort, session, spec);
  }
}
