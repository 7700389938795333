import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../parts/icons.js";
import { comparing } from "../state/comparing.js";
import { project } from "../state/project.js";
import {
  bestLine,
  busy,
  failure,
  features,
  goOn,
  lines,
  loadCatalogue,
  plan,
  preparing,
  start,
  status,
  step,
  stop,
  untrainable,
} from "../state/training.js";
import { RecipeForm } from "./recipe-form.js";
import "./train.css";
import { Watch } from "./watch.js";

/** Whether to begin anew was asked. */
const asked = signal(false);

export function Train() {
  useEffect(() => void loadCatalogue(), []);
  return (
    <div class="train">
      <div class="intro">
        <div>
          <h1>Train</h1>
          <p>The network sees every image once an epoch, and learns a little from each.</p>
        </div>
      </div>
      <div class="train-columns">
        <RecipeForm />
        <div class="train-main">
          <Controls />
          {lines.value.length > 0 || busy.value ? <Watch /> : <Nothing />}
        </div>
      </div>
    </div>
  );
}

const Nothing = () => (
  <div class="card nothing">
    <Icon name="train" />
    <p class="muted">
      Curves and pictures of where the network looks appear here, epoch by epoch. Closing the page loses nothing: a
      training goes on where it was.
    </p>
  </div>
);

function Controls() {
  const now = status.value;
  const why = untrainable.value ?? (comparing.value ? "A comparison is running. Train when it is done." : undefined);
  const begin = () => {
    asked.value = false;
    void start();
  };
  if (busy.value) return <Progress />;
  const canGoOn = ["stopped", "interrupted", "failed"].includes(now) && plan.value !== null;
  return (
    <div class="card controls">
      {failure.value && (
        <div class="note" role="alert">
          The training failed: {failure.value}
        </div>
      )}
      {now === "interrupted" && (
        <p>
          <strong>A training was interrupted</strong> after epoch {lines.value.length} of {plan.value?.settings.epochs}.
          It can go on exactly as if it had not been.
        </p>
      )}
      {now === "stopped" && plan.value && (
        <p>
          <strong>Stopped</strong> after {lines.value.length} of {plan.value?.settings.epochs} epochs.
        </p>
      )}
      {now === "finished" && bestLine.value && <Finished />}
      {why && <p class="muted">{why}</p>}
      <div class="buttons">
        {canGoOn && (
          <button type="button" class="button primary" onClick={() => void goOn()}>
            <Icon name="play" />
            Go on
          </button>
        )}
        <button
          type="button"
          class={`button ${canGoOn ? "" : "primary"}`}
          disabled={why !== undefined}
          onClick={() => (canGoOn && !asked.value ? void (asked.value = true) : begin())}
        >
          <Icon name={canGoOn ? "undo" : "play"} />
          {canGoOn
            ? asked.value
              ? "Forget what it learned, and begin anew"
              : "Begin anew"
            : now === "finished"
              ? "Train again"
              : "Train"}
        </button>
      </div>
    </div>
  );
}

function Finished() {
  const { top1, epoch, validation } = bestLine.value!;
  if (top1 === null) return <p>Finished. No images were held out.</p>;
  const count = validation?.count ?? 0;
  return (
    <div class="finished">
      <strong class="figure">{Math.round(100 * top1)} %</strong>
      <p>
        of {count} held-out images are right, with the weights of epoch {epoch}, which are kept.
        {count < 30 && (
          <span class="muted">
            {" "}
            So few images say little: with other images it might as well be {rough(top1, count)}.
          </span>
        )}
      </p>
    </div>
  );
}

/** Wilson's 95 % interval, in words. */
function rough(share: number, n: number): string {
  const z = 1.96;
  const center = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return `${Math.round(100 * (center - half))} or ${Math.round(100 * Math.min(1, center + half))} %`;
}

/** 75 seconds as 1:15. */
const clock = (seconds: number) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function Progress() {
  const at = step.value;
  const reading = preparing.value;
  const computed = features.value;
  const epochs = plan.value?.settings.epochs ?? 1;
  const share = at ? (at.epoch - 1 + at.batch / at.batches) / at.epochs : 0;
  return (
    <div class="card controls">
      <div class="progress-line">
        <strong>
          {status.value === "stopping"
            ? "Finishing the step …"
            : computed
              ? `Looking at every image once: ${computed.done} of ${computed.total}`
              : at
                ? `Epoch ${at.epoch} of ${at.epochs}`
                : reading
                  ? `Reading images: ${reading.done} of ${reading.total}`
                  : lines.value.length
                    ? `Epoch ${lines.value.length + 1} of ${epochs}`
                    : "Starting the engine …"}
        </strong>
        <span class="muted small">
          {at && `${Math.round(at.imagesPerSecond)} images a second`}
          {at && <Left share={share} />}
        </span>
      </div>
      <progress
        aria-label="How much of the training is done"
        max={1}
        value={at ? share : lines.value.length / epochs}
      />
      <div class="buttons">
        <button type="button" class="button" disabled={status.value === "stopping"} onClick={() => void stop()}>
          <Icon name="stop" />
          Stop
        </button>
        <span class="small muted">
          {project.value.classes.length > 0 && "What it learned is stored after every epoch."}
        </span>
      </div>
    </div>
  );
}

function Left({ share }: { readonly share: number }) {
  const [began] = useState(() => ({ at: performance.now(), share }));
  const passed = (performance.now() - began.at) / 1000;
  const done = share - began.share;
  if (passed < 3 || done <= 0) return null;
  return <>, {clock((passed * (1 - share)) / done)} left</>;
}
