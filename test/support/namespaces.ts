import { execFileSync } from "node:child_process";
import process from "node:process";
import { after } from "node:test";

/** Computers of their own, as far as the network goes: each in a namespace, with a cable to this one. */
export interface Namespaces {
  /** Where they find this computer. */
  readonly address: string;
  /** The program and first arguments that run something in one of them. */
  readonly in: readonly (readonly [program: string, ...args: string[]])[];
}

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"] });

/** Makes namespaces that are gone when the test file ends; or says why not. */
export function makeNamespaces(count: number): Namespaces | string {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need root on Linux";
  const id = process.pid % 10_000;
  const [subnet, bridge] = [`10.231.${id % 250}`, `fv${id}`];
  const names = Array.from({ length: count }, (_, i) => `fovea-${id}-${i}`);
  const clean = () => {
    for (const name of names)
      try {
        ip("netns", "delete", name);
      } catch {}
    try {
      ip("link", "delete", bridge);
    } catch {}
  };
  try {
    ip("link", "add", bridge, "type", "bridge");
    ip("address", "add", `${subnet}.1/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (const [i, name] of names.entries()) {
      ip("netns", "add", name);
      ip("link", "add", `${bridge}h${i}`, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("link", "set", `${bridge}h${i}`, "master", bridge, "up");
      ip("-n", name, "address", "add", `${subnet}.${i + 2}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
    }
  } catch (error) {
    clean();
    return `network namespaces cannot be made here: ${(error as Error).message.split("\n").at(-2) ?? "ip failed"}`;
  }
  after(clean);
  return { address: `${subnet}.1`, in: names.map((name) => ["ip", "netns", "exec", name] as const) };
}
