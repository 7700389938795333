import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { checkpointTypes, chooseFiles, type Found, type Unread, useDrop } from "../parts/drop.js";
import { Icon } from "../parts/icons.js";
import { MapPicture } from "../parts/map-picture.js";
import { listRuns, type MachineRun, machineThreads } from "../state/machine.js";
import { busy, catalogue, hasWeights, loadCatalogue, openRun, plan } from "../state/training.js";
import { classes, openNetwork, subject, trouble as unopened } from "../state/understanding.js";
import type { ModulePage } from "../workers/around.js";
import { looker, trainer } from "../workers/index.js";
import type { Layers } from "../workers/look.js";
import { ComputedBy } from "./computed-by.js";
import "./look-around.css";

const chosen = signal("cbam");

export function LookAround() {
  useEffect(() => void loadCatalogue(), []);
  return (
    <div class="around">
      <div class="intro">
        <div>
          <h1>Look around</h1>
          <p>What attention modules compute, and what your network sees at each of its layers.</p>
        </div>
      </div>
      <div class="around-parts">
        <Modules />
        <YourNetwork />
        <OpenRun />
      </div>
    </div>
  );
}

const short = (n: number) =>
  n < 1e4 ? n.toLocaleString("en-US") : n < 1e6 ? `${(n / 1e3).toFixed(1)} k` : `${(n / 1e6).toFixed(1)} M`;

const weighs: Readonly<Record<string, string>> = {
  channel: "channels: what",
  spatial: "positions: where",
  both: "channels and positions: what and where",
};

function Modules() {
  const [page, setPage] = useState<ModulePage | null>(null);
  const name = chosen.value;
  // A drawing has styles of its own, which only an image may have here.
  const [drawing, setDrawing] = useState("");
  useEffect(() => {
    let current = true;
    void trainer()
      .modulePage(name)
      .then((found) => current && setPage(found as ModulePage));
    return () => {
      current = false;
    };
  }, [name]);
  useEffect(() => {
    if (!page) return;
    const address = URL.createObjectURL(new Blob([page.drawing], { type: "image/svg+xml" }));
    setDrawing(address);
    return () => URL.revokeObjectURL(address);
  }, [page]);
  return (
    <section class="card" aria-label="Modules">
      <fieldset class="modules">
        <legend class="hidden">Module</legend>
        {(catalogue.value?.modules ?? []).map((one) => (
          <label key={one.name} title={one.title}>
            <input
              type="radio"
              name="module"
              checked={one.name === name}
              onChange={() => void (chosen.value = one.name)}
            />
            <span>{one.name}</span>
          </label>
        ))}
      </fieldset>
      {page && (
        <div class="module">
          <div class="module-text">
            <h2>{page.title}</h2>
            <p class="muted small">
              {page.paper.title}, {page.paper.venue}
            </p>
            <ul class="formula" aria-label="Formula">
              {page.formula.map((line) => (
                <li key={line}>
                  <code>{line.replaceAll("`", "")}</code>
                </li>
              ))}
            </ul>
            <p>
              It weighs {weighs[page.attends] ?? page.attends}. For 64 maps of 32 × 32 it has{" "}
              {short(page.cost.parameters)} parameters and takes {short(page.cost.macs)} multiply-accumulates.
            </p>
            {page.options.length > 0 && (
              <details class="more">
                <summary>Options</summary>
                <dl>
                  {page.options.map(({ name: option, usual, doc }) => (
                    <div key={option}>
                      <dt>
                        <code>{option}</code> <span class="muted small">{usual}</span>
                      </dt>
                      <dd class="small">{doc}</dd>
                    </div>
                  ))}
                </dl>
              </details>
            )}
            {page.notes.length > 0 && (
              <details class="more">
                <summary>Where paper and code disagree</summary>
                <ul class="small">
                  {page.notes.map((note) => (
                    <li key={note}>{note}</li>
                  ))}
                </ul>
              </details>
            )}
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
          <section class="drawing" tabIndex={0} aria-label="Drawing">
            {drawing && <img src={drawing} alt={`${page.title} as a flow chart`} />}
          </section>
        </div>
      )}
    </section>
  );
}

function YourNetwork() {
  const [found, setFound] = useState<Layers | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [working, setWorking] = useState(false);
  if (!hasWeights.value) return null;
  const name = plan.value?.settings.network;
  const show = async () => {
    if (working) return;
    setWorking(true);
    setTrouble(null);
    try {
      await openNetwork();
      if (classes.value === null)
        throw new Error(unopened.value ?? "The network is being opened. Try again in a moment.");
      const source = subject.value?.source;
      const id = plan.value?.validation[0]?.id ?? plan.value?.train[0]?.id;
      const wanted = source && !("frame" in source) ? source : id ? { id } : null;
      if (wanted) setFound((await looker().layers(wanted)) as Layers);
      else setTrouble("There is no image to look at. Try one under Understand first.");
    } catch (error) {
      setTrouble((error as Error).message);
    } finally {
      setWorking(false);
    }
  };
  return (
    <section class="card" aria-label="Your network">
      <div class="followed-head">
        <h2>{name}, layer by layer</h2>
        <button type="button" class="button" aria-disabled={working} onClick={() => void show()}>
          <Icon name="understand" />
          {working ? "Looking …" : "Show what each layer sees"}
        </button>
      </div>
      <p class="muted small">
        Grad-CAM at each layer, from the first to the last, for the image that you looked at last. Each has a color
        scale of its own, from zero to its largest value.
      </p>
      <ComputedBy ifAny />
      {trouble && <p role="alert">{trouble}</p>}
      {found && (
        <div class="followed">
          {found.layers.map(({ path, map, range }) => (
            <figure key={path} class="look">
              <MapPicture
                picture={found.picture}
                map={map}
                range={[0, Math.max(0, range[1])]}
                label={`What speaks for ${classes.value?.[found.said]} at ${path}`}
              />
              <figcaption>
                <strong>{path}</strong>
                <span class="muted">
                  {map.width} × {map.height}
                  {range[1] <= 0 && ", no evidence"}
                </span>
              </figcaption>
            </figure>
          ))}
        </div>
      )}
    </section>
  );
}

function OpenRun() {
  const [runs, setRuns] = useState<readonly MachineRun[]>([]);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    if (machineThreads) void listRuns().then(setRuns, (error: Error) => setTrouble(error.message));
  }, []);
  const open = (source: readonly Found[] | string, [unread]: readonly Unread[] = []) => {
    if (source.length === 0 && !unread) return;
    setTrouble(null);
    // The message of the last that was dropped stays.
    openRun(source, unread).then(
      () => setTrouble(null),
      (error: Error) => setTrouble(`It cannot be opened: ${error.message}`),
    );
  };
  const held = useDrop(open);
  return (
    <section class="card" aria-label="Open a run">
      <h2>Open a run or a checkpoint</h2>
      <p class="muted small">
        Drop a run folder here, as it is or as a zip archive, or a file with the weights of a network in the catalogue
        {machineThreads ? ". Or choose a run on this machine" : ""}. It replaces the last training here; save that first
        if you need it.
      </p>
      {held && <div class="drop-hint">Drop a run folder, an archive or a checkpoint</div>}
      {trouble && (
        <p class="wrong" role="alert">
          {trouble}
        </p>
      )}
      <div class="buttons">
        <button
          type="button"
          class="button"
          disabled={busy.value}
          onClick={() => chooseFiles({ accept: `.zip,${checkpointTypes}` }).then(open)}
        >
          <Icon name="zip" />
          Choose an archive or a checkpoint
        </button>
        <button
          type="button"
          class="button"
          disabled={busy.value}
          onClick={() => chooseFiles({ folder: true }).then(open)}
        >
          <Icon name="folder" />
          Choose a run folder
        </button>
        {runs.map(({ name, network, classes: names }) => (
          <button key={name} type="button" class="button" disabled={busy.value} onClick={() => open(name)}>
            <Icon name="folder" />
            {name}: {network}, {names.length} classes
          </button>
        ))}
      </div>
    </section>
  );
}
