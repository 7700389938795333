import assert from "node:assert/strict";
import * as fovea from "../../src/index.js";

/** What a program in plain JavaScript may pass by mistake. */
export const mistakes = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  "7.5": 7.5,
  text: "nonsense",
  "{}": {},
  "[]": [],
  "[Symbol]": [Symbol("mistake")],
  "{ nonsense }": { nonsense: 1 },
} as const;
export type Mistake = keyof typeof mistakes;

/** A right call, and what else an argument may be: that is no mistake there. */
export interface Case {
  readonly args: () => readonly unknown[];
  readonly allowed?: Readonly<Record<number, readonly Mistake[]>>;
  /** What errors name instead of the function. */
  readonly says?: RegExp;
}

export const optional: readonly Mistake[] = ["undefined", "{}"];
export const options = (at: number, ...more: Mistake[]) => ({ [at]: [...optional, ...more] });
/** Arguments that may be left out, and no options. */
export const left = (at: number, ...more: Mistake[]) => ({ [at]: ["undefined", ...more] as Mistake[] });

export type Callable = (...args: never[]) => unknown;

async function attempt(callable: Callable, args: readonly unknown[]): Promise<unknown> {
  const isClass = /^class\b/.test(Function.prototype.toString.call(callable));
  return isClass ? Reflect.construct(callable, args) : await callable(...(args as never[]));
}

/** Calls with each mistake in the place of each argument, and with too few arguments: all are refused in one line that says where. */
export async function refusesMistakes(name: string, callable: Callable, given: Case): Promise<void> {
  const { args, allowed = {}, says = new RegExp(name, "i") } = given;
  const count = Math.max(args().length, ...Object.keys(allowed).map((at) => Number(at) + 1));
  for (let at = 0; at < count; at++)
    for (const [mistake, value] of Object.entries(mistakes) as [Mistake, unknown][]) {
      if (allowed[at]?.includes(mistake)) continue;
      const wrong = [...args()];
      wrong[at] = value;
      await refuses(`${name}, argument ${at} ${mistake}`, () => attempt(callable, wrong), says);
    }
}

/** Whether a call is refused in one line. */
export async function refuses(call: string, act: () => unknown, says = /./): Promise<void> {
  await (async () => act())().then(
    () => assert.fail(`${call} is accepted`),
    (error: Error) => {
      assert.ok(error instanceof fovea.FoveaError, `${call}: ${error.stack}`);
      assert.ok(says.test(error.message) && !error.message.includes("\n"), `${call}: ${error.message}`);
    },
  );
}
