import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionError } from "../../src/core/errors.js";
import { parseSource, type RemoteSource, urlsOf } from "../../src/hub/source.js";

const digest = "0123456789abcdef".repeat(4);

test("paths stay paths", () => {
  for (const path of ["resnet18.safetensors", "./a b/c#1.pt", "/tmp/x.th", "C:\\weights\\x.pt", "timm/resnet18"])
    assert.deepEqual(parseSource(path), { kind: "file", path });
  assert.deepEqual(parseSource(`a.pt#sha256=${digest.toUpperCase()}`), { kind: "file", path: "a.pt", sha256: digest });
});

test("addresses: https, and http on this computer only", () => {
  assert.deepEqual(parseSource("https://example.com/a.pt?x=1#part"), {
    kind: "url",
    url: "https://example.com/a.pt?x=1",
  });
  assert.deepEqual(parseSource(`https://example.com/a.pt#sha256=${digest}`), {
    kind: "url",
    url: "https://example.com/a.pt",
    sha256: digest,
  });
  for (const host of ["127.0.0.1:8000", "localhost", "[::1]:1", "127.1"])
    assert.equal(parseSource(`http://${host}/a`).kind, "url");
  for (const host of ["example.com", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "[::2]"])
    assert.throws(() => parseSource(`http://${host}/a`), /http:\/\/ is not safe, only https:\/\/ is/);
});

test("hf: is an address of the hub", () => {
  const urls = (text: string, endpoint?: string) => urlsOf(parseSource(text) as RemoteSource, endpoint);
  const base = "https://huggingface.co/timm/resnet18.a1_in1k/resolve";
  assert.deepEqual(urls("hf:timm/resnet18.a1_in1k"), [
    `${base}/main/model.safetensors`,
    `${base}/main/model.safetensors.index.json`,
    `${base}/main/pytorch_model.bin`,
    `${base}/main/pytorch_model.bin.index.json`,
  ]);
  assert.deepEqual(urls("hf:timm/resnet18.a1_in1k@v2/sub/w%1 x.pt"), [`${base}/v2/sub/w%251%20x.pt`]);
  assert.deepEqual(urls("hf:timm/resnet18.a1_in1k@refs%2Fpr%2F1/m.bin"), [`${base}/refs%2Fpr%2F1/m.bin`]);
  assert.deepEqual(urls(`hf:a/b/c#sha256=${digest}`, "http://127.0.0.1:9/hub/"), [
    "http://127.0.0.1:9/hub/a/b/resolve/main/c",
  ]);
  assert.equal(parseSource(`hf:a/b#sha256=${digest}`).sha256, digest);
});

test("what is no source is refused in one line, without repeating a password", () => {
  const wrong: Record<string, RegExp> = {
    "": /got nothing/,
    "hf:resnet18": /expected hf:OWNER\/NAME\[@REVISION\]\[\/FILE\].*got hf:resnet18/,
    "hf:a/b/../../c": /expected hf:/,
    "hf:a/b@..": /expected hf:/,
    "hf:a/b@%2e%2e/x": /expected hf:/,
    "hf:a/b/x\\y": /expected hf:/,
    "hf:a/b/": /expected hf:/,
    "hf://a/b": /expected hf:/,
    "hf:a/..": /expected hf:/,
    "ftp://a/b": /expected a file, https:/,
    "file:///etc/x": /expected a file, https:/,
    "https://": /not a valid address/,
    "https://ada:secret@example.com/a.pt": /must not contain a user name or password/,
    "a.pt#sha256=12": /sha256 must be 64 hexadecimal digits, got "12"/,
  };
  for (const [text, message] of Object.entries(wrong))
    assert.throws(
      () => parseSource(text),
      (error: unknown) => {
        assert.ok(error instanceof OptionError, text);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret|\n/);
        return true;
      },
    );
});
