/** The page that a network is taken away as: says of images which class they are. Everything it needs is in it. */

import { inputWriter } from "fovea/engine";
import type { Preprocessing } from "fovea/web";
import * as ort from "onnxruntime-web/wasm";
import { decode, pixelsOf, whyNotAnImage } from "../src/workers/decode.js";
import "./standalone.css";

interface About {
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly network: string;
}

const content = (id: string) => document.getElementById(id)!.textContent ?? "";
const about = JSON.parse(content("about")) as About;
const main = document.querySelector("main")!;

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function openSession(): Promise<ort.InferenceSession> {
  const stream = new Blob([bytesOf(content("engine"))]).stream().pipeThrough(new DecompressionStream("gzip"));
  ort.env.wasm.wasmBinary = await new Response(stream).arrayBuffer();
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return ort.InferenceSession.create(bytesOf(content("model")));
}

const { imageSize } = about.preprocessing;
const write = inputWriter(about.preprocessing);

async function classify(session: ort.InferenceSession, file: Blob): Promise<number[]> {
  const reason = await whyNotAnImage(file);
  if (reason) throw new Error(reason);
  const bitmap = await decode(file);
  const image = pixelsOf(bitmap);
  bitmap.close();
  const data = new Float32Array(3 * imageSize ** 2);
  write(image, data, 0);
  const { output } = await session.run({ input: new ort.Tensor("float32", data, [1, 3, imageSize, imageSize]) });
  const logits = Array.from(output!.data as Float32Array);
  const top = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function element(tag: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** An image with its classes, most probable first. */
function answer(file: File, shares: readonly number[]): HTMLElement {
  const item = element("li", "answer");
  const image = document.createElement("img");
  image.src = URL.createObjectURL(file);
  image.alt = file.name;
  const bars = element("div", "bars");
  const order = shares.map((_, i) => i).sort((a, b) => shares[b]! - shares[a]!);
  for (const i of order.slice(0, 5)) {
    const row = element("div", "bar");
    const meter = document.createElement("meter");
    meter.value = shares[i]!;
    meter.setAttribute("aria-label", about.classes[i]!);
    row.append(
      element("span", "name", about.classes[i]),
      meter,
      element("span", "share", `${(100 * shares[i]!).toFixed(1)} %`),
    );
    bars.append(row);
  }
  item.dataset.answer = about.classes[order[0]!];
  item.append(image, bars);
  return item;
}

async function start(): Promise<void> {
  main.append(
    element("h1", "", "Which is it?"),
    element("p", "muted", `${about.classes.join(", ")}: ${about.network} says. Nothing leaves this page.`),
  );
  const label = element("label", "choose", "Choose images, or drop them here");
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.multiple = true;
  label.append(input);
  const list = element("ul", "answers");
  const status = element("p", "muted", "Starting …");
  status.setAttribute("role", "status");
  main.append(label, status, list);
  const session = await openSession();
  status.textContent = `Ready. It sees the middle of an image, as ${imageSize} × ${imageSize} pixels.`;
  const show = async (files: Iterable<File>) => {
    list.textContent = "";
    for (const file of files) {
      try {
        list.append(answer(file, await classify(session, file)));
      } catch (error) {
        list.append(element("li", "answer", `${file.name} was skipped: ${(error as Error).message}.`));
      }
    }
    list.dataset.done = String(list.children.length);
  };
  input.addEventListener("change", () => void show(input.files ?? []));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    void show(event.dataTransfer?.files ?? []);
  });
}

start().catch((error: Error) => main.append(element("p", "", `It cannot start: ${error.message}`)));
