import { env } from "node:process";

type Values = Readonly<Record<string, string | undefined>>;

function assign(values: Values): void {
  for (const [name, value] of Object.entries(values))
    if (value === undefined) delete env[name];
    else env[name] = value;
}

/** Sets environment variables, or removes those that are undefined. Returns what puts them back: files share a process. */
export function setEnv(values: Values): () => void {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, env[name]]));
  assign(values);
  return () => assign(before);
}

/** Runs with environment variables that are put back afterwards. */
export async function withEnv<T>(values: Values, run: () => T | Promise<T>): Promise<T> {
  const restore = setEnv(values);
  try {
    return await run();
  } finally {
    restore();
  }
}
