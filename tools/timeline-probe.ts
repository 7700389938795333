/** Loaded into every thread by `--import`: tells `timeline.ts` when ONNX Runtime computes, by the clock that threads share. */
import { isMainThread } from "node:worker_threads";
import { InferenceSession } from "onnxruntime-node";

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Milliseconds on a clock that is the same in all threads. */
export const now = (): number => performance.timeOrigin + performance.now();

export const channelName = "timeline";

if (!isMainThread) {
  const channel = new BroadcastChannel(channelName);
  const { create } = InferenceSession;
  InferenceSession.create = async (...given: unknown[]) => {
    const session: InferenceSession = await Reflect.apply(create, InferenceSession, given);
    const run = session.run.bind(session);
    session.run = async (...feeds: unknown[]) => {
      const start = now();
      const results: InferenceSession.ReturnType = await Reflect.apply(run, session, feeds);
      channel.postMessage({ start, end: now() } satisfies Span);
      return results;
    };
    return session;
  };
}
