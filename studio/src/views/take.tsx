import { signal } from "@preact/signals";
import { download } from "../parts/drop.js";
import { Icon } from "../parts/icons.js";
import { announce } from "../state/announce.js";
import { bestLine, computing, hasWeights, lines, plan } from "../state/training.js";
import { looker } from "../workers/index.js";
import type { Taken } from "../workers/take.js";
import "./take.css";

interface Offer {
  readonly what: Taken;
  readonly title: string;
  readonly text: string;
  /** How it is used, as a command or program. */
  readonly use?: string;
}

const offers: readonly Offer[] = [
  {
    what: "page",
    title: "A page that works offline",
    text: "One HTML file with the network and all it needs. Open it, drop images, see the answer. No server, no installation.",
  },
  {
    what: "onnx",
    title: "ONNX",
    text: "For ONNX Runtime, and whatever else reads ONNX. The file names its classes and how images become inputs.",
    use: 'ort.InferenceSession("resnet20.onnx")',
  },
  {
    what: "onnx-float16",
    title: "ONNX, half the size",
    text: "Weights rounded to 16 bits. The answers are nearly always the same.",
  },
  {
    what: "onnx-int8",
    title: "ONNX, a quarter of the size",
    text: "Weights rounded to 8 bits, with a scale for every channel. Measure it before you rely on it.",
  },
  {
    what: "transformers.js",
    title: "transformers.js",
    text: "A folder for image classification in web pages with @huggingface/transformers.",
    use: 'pipeline("image-classification", "…")',
  },
  {
    what: "safetensors",
    title: "safetensors",
    text: "The weights under their PyTorch names, for Fovea and for Python.",
    use: 'safetensors.torch.load_file("…")',
  },
  {
    what: "run",
    title: "The run folder",
    text: "Everything of the training: settings, curves, maps, weights and a report. The command line goes on from here.",
    use: "npx fovea eval RUN images/",
  },
];

const working = signal<Taken | null>(null);
const trouble = signal<string | null>(null);

async function save(what: Taken): Promise<void> {
  if (working.value !== null) return;
  trouble.value = null;
  working.value = what;
  try {
    await looker().openNetwork(computing());
    const { name, blob } = await looker().take(what);
    download(blob, name);
    announce(`Saved ${name}, ${size(blob.size)}.`);
  } catch (error) {
    trouble.value = (error as Error).message;
  } finally {
    working.value = null;
  }
}

const size = (bytes: number) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export function Take() {
  const best = bestLine.value;
  // A checkpoint has no training to take along.
  const offered = best ? offers : offers.filter(({ what }) => what !== "run");
  return (
    <div class="take">
      <div class="intro">
        <div>
          <h1>Take it</h1>
          {best && (
            <p>
              The weights of epoch {best.epoch} of {lines.value.length}
              {best.top1 !== null && `, with which ${Math.round(100 * best.top1)} % of the held-out images are right`}.
              Classes: {plan.value?.classes.join(", ")}.
            </p>
          )}
        </div>
      </div>
      {trouble.value && (
        <div class="note" role="alert">
          {trouble.value}
        </div>
      )}
      {hasWeights.value ? (
        <ul class="offers">
          {offered.map(({ what, title, text, use }) => (
            <li key={what} class="card offer">
              <h2>{title}</h2>
              <p class="muted">{text}</p>
              {use && <code>{use}</code>}
              <button
                type="button"
                class={`button ${what === "page" ? "primary" : ""}`}
                aria-disabled={working.value !== null}
                aria-label={`Save: ${title}`}
                onClick={() => void save(what)}
              >
                <Icon name="take" />
                {working.value === what ? "Making it …" : "Save"}
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <div class="card nothing">
          <Icon name="take" />
          <p class="muted">There is no trained network yet.</p>
          <a class="button primary" href="#/train">
            Train one
          </a>
        </div>
      )}
    </div>
  );
}
