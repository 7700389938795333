import { proxy, type Remote, wrap } from "comlink";
import type { EngineWorker } from "./engine.js";
import type { Store } from "./store.js";

/** Keeps images and the project. */
export const store: Remote<Store> = wrap<Store>(
  new Worker(new URL("./store.ts", import.meta.url), { type: "module", name: "store" }),
);

let engineWorker: Remote<EngineWorker> | undefined;

/** Trains. Started, with the engine, when it is first needed. */
export const trainer = (): Remote<EngineWorker> =>
  (engineWorker ??= wrap<EngineWorker>(
    new Worker(new URL("./engine.ts", import.meta.url), { type: "module", name: "trainer" }),
  ));

let lookWorker: Remote<EngineWorker> | undefined;

/** Answers questions about a trained network, also while another is trained. */
export const looker = (): Remote<EngineWorker> =>
  (lookWorker ??= wrap<EngineWorker>(
    new Worker(new URL("./engine.ts", import.meta.url), { type: "module", name: "looker" }),
  ));

/** A function that a worker may call. */
export const listener = <A extends unknown[]>(listen: (...args: A) => void) => proxy(listen);
