import assert from "node:assert/strict";
import type { lookup } from "node:dns";
import { test } from "node:test";
import { DownloadError } from "../../src/hub/index.js";
import { type Network, type Reach, reachOf } from "../../src/hub/network.js";
import { dismiss, request } from "../../src/hub/request.js";
import { Watch } from "../../src/hub/watch.js";
import { content, type Handler, sendFile, serve } from "./server.js";

const addresses: Record<Reach, readonly string[]> = {
  "this computer": [
    ...[
      "127.0.0.1",
      "127.255.255.254",
      "0.0.0.0",
      "0.1.2.3",
      "::1",
      "::",
      "[::1]",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
    ],
    ...["[::ffff:7f00:1]", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "0:0:0:0:0:ffff:7f00:0001"],
  ],
  "the local link": [
    ...["169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::169.254.169.254", "fe80::1", "fe80::1%lo", "febf::1"],
    ...["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"],
  ],
  "a private network": [
    ...["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "198.18.0.1"],
    ...["240.0.0.1", "192.0.2.1", "fc00::1", "fd12:3456::1", "fec0::1", "::ffff:10.0.0.1", "::ffff:c0a8:101"],
    ...["64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::", "2001:db8::1"],
  ],
  "the internet": [
    ...["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"],
    ...["100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.0.1", "223.255.255.255"],
    ...["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111", "2a00:1450::1"],
  ],
};

test("how far an address reaches, in all its spellings", () => {
  for (const [reach, list] of Object.entries(addresses))
    for (const address of list) assert.equal(reachOf(address), reach, address);
  // Addresses are read as fetch and browsers do: decimal, hexadecimal, octal and shortened forms are the same.
  for (const host of ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "①②⑦.0.0.1"])
    assert.equal(reachOf(new URL(`http://${host}/`).hostname), "this computer", host);
  for (const host of ["0xa9fea9fe", "2852039166", "169.254.43518"])
    assert.equal(reachOf(new URL(`http://${host}/`).hostname), "the local link", host);
  for (const name of ["localhost", "example.org", "10.0.0.1.example.org"]) assert.equal(reachOf(name), undefined, name);
});

/** A network on loopback: 127.0.0.2 plays a server of the internet, 127.0.0.3 one of a private network; names lead where they are said to. */
function play(names: Record<string, readonly string[]>): Network {
  const asked = new Map<string, number>();
  return {
    reachOf: (host) =>
      host === "127.0.0.2" ? "the internet" : host === "127.0.0.3" ? "a private network" : reachOf(host),
    lookup: ((host: string, _: unknown, done: (error: Error | null, found: unknown) => void) => {
      const answers = names[host];
      if (!answers) return done(new Error(`${host} is not in this play`), []);
      const count = asked.get(host) ?? 0;
      asked.set(host, count + 1);
      const answer = answers[Math.min(count, answers.length - 1)]!.split(",");
      done(
        null,
        answer.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    }) as unknown as typeof lookup,
  };
}

const ask = async (start: string, network: Network): Promise<number> => {
  const watch = new Watch(2000);
  try {
    const { response } = await request(start, { endpoint: "https://hub.invalid", watch, network });
    dismiss(response);
    return response.status;
  } finally {
    watch.stop();
  }
};

const to =
  (location: string): Handler =>
  (_, response) =>
    response.writeHead(302, { location }).end();
const port = ({ origin }: { readonly origin: string }): string => new URL(origin).port;
const file: Handler = (incoming, response) => sendFile(incoming, response, content(100));

test("a redirect from the internet to a nearer network is refused before anybody is asked", async () => {
  const inner = await serve(file, "0.0.0.0");
  const network = play({
    "models.example": ["127.0.0.2"],
    localhost: ["127.0.0.1"],
    "inner.example": ["127.0.0.1"],
    "lan.example": ["127.0.0.3"],
    "both.example": ["127.0.0.2,127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
  });
  const hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"].concat(
    ...["169.254.169.254", "10.0.0.1", "192.168.0.1", "[fd00::1]", "[fe80::1]", "100.64.0.1", "127.0.0.3"],
    ...["inner.example", "lan.example", "both.example", "mapped.example"],
  );
  for (const host of hosts)
    for (const scheme of ["http", "https"]) {
      const outer = await serve(to(`${scheme}://${host}:${port(inner)}/latest/meta-data?secret=1`), "127.0.0.2");
      await assert.rejects(ask(`http://models.example:${port(outer)}/w.bin`, network), (error: unknown) => {
        assert.ok(error instanceof DownloadError && !error.retry, host);
        assert.match(error.message, /^http:\/\/models\.example:\d+\/w\.bin: redirect to \S+ refused: /, host);
        assert.doesNotMatch(error.message, /secret|\n/);
        return true;
      });
      assert.equal(outer.seen.length, 1);
    }
  assert.equal(inner.seen.length, 0);
});

test("a name that leads elsewhere the second time gains nothing", async () => {
  const inner = await serve(file, "127.0.0.1");
  // To its own name, which has moved to this computer since.
  const outer = await serve(to(`https://rebound.example:${port(inner)}/x`), "127.0.0.2");
  const network = play({ "rebound.example": ["127.0.0.2", "127.0.0.1"] });
  await assert.rejects(
    ask(`http://rebound.example:${port(outer)}/x`, network),
    /redirect to rebound\.example:\d+ refused: 127\.0\.0\.1 is an address of this computer, and a server of the internet led there/,
  );
  assert.equal(inner.seen.length, 0);
});

test("several redirects do not lead in either, and a connection that is open is no way around", async () => {
  const inner = await serve(file, "127.0.0.1");
  const network = play({ localhost: ["127.0.0.1"], "models.example": ["127.0.0.2"] });
  // The connection to localhost stays open after this.
  assert.equal(await ask(`http://localhost:${port(inner)}/x`, network), 200);
  const last = await serve(to(`http://localhost:${port(inner)}/x`), "127.0.0.2");
  const middle = await serve(to(`http://127.0.0.2:${port(last)}/x`), "127.0.0.2");
  await assert.rejects(ask(`http://models.example:${port(middle)}/x`, network), /redirect to localhost:\d+ refused/);
  assert.equal(inner.seen.length, 1);
  assert.equal(last.seen.length, 1);
});

test("an address that the user gave may be anywhere, and lead to its own network and outward", async () => {
  const network = play({ localhost: ["127.0.0.1"], "lan.example": ["127.0.0.3"], "models.example": ["127.0.0.2"] });
  const here = await serve(file, "127.0.0.1");
  const outside = await serve(file, "127.0.0.2");
  assert.equal(await ask(`http://localhost:${port(here)}/x`, network), 200);
  assert.equal(await ask(`http://lan.example:${port(await serve(file, "127.0.0.3"))}/x`, network), 200);
  const leads = async (host: string, location: string) =>
    ask(`http://${host}:${port(await serve(to(location), host))}/x`, network);
  assert.equal(await leads("127.0.0.1", `http://localhost:${port(here)}/x`), 200);
  assert.equal(await leads("127.0.0.1", `http://127.0.0.2:${port(outside)}/x`), 200);
  assert.equal(await leads("127.0.0.3", `http://127.0.0.2:${port(outside)}/x`), 200);
  await assert.rejects(
    leads("127.0.0.3", `http://127.0.0.1:${port(here)}/x`),
    /127\.0\.0\.1 is an address of this computer, and a server of a private network led there/,
  );
  assert.equal(here.seen.length, 2);
});
