import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** How far an address reaches, from this computer only to everybody. */
export const reaches = ["this computer", "the local link", "a private network", "the internet"] as const;
export type Reach = (typeof reaches)[number];

/** Networks that are not the internet (IANA's registries of special-purpose addresses), narrowest first. */
const networks: readonly (readonly [Exclude<Reach, "the internet">, readonly string[]])[] = [
  ["this computer", ["127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"]],
  ["the local link", ["169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "255.255.255.255/32", "ff00::/8"]],
  [
    "a private network",
    [
      // RFC 1918, shared by carriers' customers, assigned to protocols, documentation, benchmarks, reserved.
      ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"],
      ...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4"],
      // Unique local, site-local, local NAT64, discard, tunnels, benchmarks, documentation, segment routing.
      ...["fc00::/7", "fec0::/10", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "2001:db8::/32"],
      ...["3fff::/20", "5f00::/16"],
    ],
  ],
];

const lists = networks.map(([reach, subnets]) => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address, bits] = subnet.split("/") as [string, string];
    if (isIP(address) === 6) list.addSubnet(address, Number(bits), "ipv6");
    else {
      list.addSubnet(address, Number(bits), "ipv4");
      // The same inside IPv6: compatible (obsolete, but some systems still connect), translated, and by NAT64.
      for (const prefix of ["::", "::ffff:0:", "64:ff9b::"])
        list.addSubnet(`${prefix}${address}`, 96 + Number(bits), "ipv6");
    }
  }
  return [reach, list] as const;
});

/**
 * How far an IP address reaches. Undefined for a name, which may resolve to anything.
 *
 * @example
 * reachOf("192.168.0.1"); // "a private network"
 */
export function reachOf(host: string): Reach | undefined {
  // IPv6 is in brackets in a URL, and may name an interface.
  const address = host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const family = isIP(address);
  if (family === 0) return undefined;
  // The list also matches IPv4 addresses in mapped form, ::ffff:a.b.c.d.
  return lists.find(([, list]) => list.check(address, family === 6 ? "ipv6" : "ipv4"))?.[0] ?? "the internet";
}

/** How names are looked up and addresses judged. Tests bring their own. */
export interface Network {
  readonly lookup: typeof lookup;
  readonly reachOf: (host: string) => Reach | undefined;
}

export const systemNetwork: Network = { lookup, reachOf };

/** An address that reaches less far than the one that redirected to it. */
export class InwardError extends Error {
  constructor(address: string, reach: Reach, from: Reach) {
    super(`${address} is an address of ${reach}, and a server of ${from} led there`);
  }
}

/** @throws InwardError if an IP address reaches less far than `from`: otherwise servers could use this computer to reach what they cannot. */
export function refuseInward(address: string, from: Reach | undefined, network: Network): void {
  const reach = network.reachOf(address);
  if (from && reach && reaches.indexOf(reach) < reaches.indexOf(from)) throw new InwardError(address, reach, from);
}

/** Looks up names for a connection, which then goes to the address that was checked: a second lookup could give another. */
export const lookupFrom =
  (from: Reach | undefined, network: Network): LookupFunction =>
  (host, options, done) =>
    network.lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return done(error, []);
      try {
        for (const { address } of found) refuseInward(address, from, network);
      } catch (refusal) {
        return done(refusal as Error, []);
      }
      const [first] = found;
      if (options.all || !first) done(null, found);
      else done(null, first.address, first.family);
    });
