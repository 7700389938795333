import process from "node:process";
import { say } from "./terminal.js";

/** Ctrl-C, what schedulers and containers send, and a closed terminal. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Turns the first stop signal into an abort, so that work can be saved. A second one ends the process at once.
 * `release` gives the signals back.
 */
export function stopOnSignal(before: () => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    // By the signal itself: exiting in the middle of a run would make ONNX Runtime end the process with its own message.
    if (controller.signal.aborted) {
      release();
      return void process.kill(process.pid, name);
    }
    controller.abort();
    before();
    say(
      `finishing the step and saving; ${name === "SIGINT" ? "press Ctrl-C" : `send ${name}`} again to stop immediately`,
    );
  };
  const release = () => {
    for (const name of signals) process.off(name, onSignal);
  };
  for (const name of signals) process.on(name, onSignal);
  return { signal: controller.signal, release };
}
