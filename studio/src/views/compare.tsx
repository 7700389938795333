import { statistics } from "fovea/web";
import { useEffect } from "preact/hooks";
import { named } from "../../logic/comparison.js";
import { Icon } from "../parts/icons.js";
import {
  chosenModules,
  comparing,
  comparison,
  epochs,
  goOnComparing,
  openComparison,
  rows,
  seeds,
  startComparing,
  stopComparing,
  trouble,
  unit,
  unitsDone,
} from "../state/comparing.js";
import { busy, catalogue, heldOut, loadCatalogue, settings, untrainable } from "../state/training.js";
import "./compare.css";
import { NumberField } from "../parts/number-field.js";

const { points } = statistics;

export function Compare() {
  useEffect(() => {
    void loadCatalogue();
    void openComparison();
  }, []);
  return (
    <div class="compare">
      <div class="intro">
        <div>
          <h1>Compare</h1>
          <p>
            Does a module help on your images? Each is trained with the same seeds, so that they begin alike and see the
            same images in the same order.
          </p>
        </div>
      </div>
      <div class="compare-parts">
        <Setup />
        {comparison.value && <Results />}
      </div>
    </div>
  );
}

function Setup() {
  const { network, imageSize, batch } = settings.value;
  const chosen = chosenModules.value;
  const toggle = (module: string | null) => {
    const next = chosen.includes(module) ? chosen.filter((one) => one !== module) : [...chosen, module];
    chosenModules.value = next;
  };
  const why =
    untrainable.value ??
    (heldOut.value ? undefined : "No images are held out: there is nothing to compare by.") ??
    (chosen.length < 2 ? "Choose two modules or more; “none” is the network without one." : undefined) ??
    (busy.value ? "A training is running. Compare when it is done." : undefined);
  const all = comparison.value ? comparison.value.plan.modules.length * comparison.value.plan.seeds : 0;
  const open = comparison.value !== null && unitsDone.value < all;
  return (
    <section class="card" aria-label="What to compare">
      {trouble.value && (
        <div class="note" role="alert">
          {trouble.value}
        </div>
      )}
      <fieldset class="modules" disabled={comparing.value}>
        <legend class="small">
          Modules; the first is what the others are measured against:{" "}
          <strong>{chosen.length ? named(chosen[0]!) : "–"}</strong>
        </legend>
        {[null, ...(catalogue.value?.modules ?? []).map(({ name }) => name)].map((module) => (
          <label key={named(module)}>
            <input type="checkbox" checked={chosen.includes(module)} onChange={() => toggle(module)} />
            <span>{named(module)}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="numbers" disabled={comparing.value}>
        <legend class="hidden">How often and how long</legend>
        <NumberField label="Seeds" value={seeds.value} min={1} max={20} set={(value) => void (seeds.value = value)} />
        <NumberField
          label="Epochs"
          value={epochs.value}
          min={1}
          max={200}
          set={(value) => void (epochs.value = value)}
        />
      </fieldset>
      <p class="muted small">
        {chosen.length * seeds.value} trainings of {network} on {imageSize} × {imageSize}, {batch} images a step, as set
        under Train.
      </p>
      {why && !comparing.value && <p class="muted">{why}</p>}
      {comparing.value && (
        <label class="arriving small">
          <span>
            {unitsDone.value} of {all} done{unit.value && `; now ${unit.value.unit}`}
          </span>
          <progress max={all} value={unitsDone.value + (unit.value?.share ?? 0)} />
        </label>
      )}
      <div class="buttons">
        {comparing.value ? (
          <button type="button" class="button" onClick={() => void stopComparing()}>
            <Icon name="stop" />
            Stop
          </button>
        ) : (
          <>
            {open && (
              <button type="button" class="button primary" disabled={busy.value} onClick={() => void goOnComparing()}>
                <Icon name="play" />
                Go on
              </button>
            )}
            <button
              type="button"
              class={`button ${open ? "" : "primary"}`}
              disabled={why !== undefined}
              onClick={() => void startComparing()}
            >
              <Icon name="play" />
              {open ? "Compare anew" : "Compare"}
            </button>
          </>
        )}
      </div>
    </section>
  );
}

function Results() {
  const { plan } = comparison.value!;
  const base = named(plan.modules[0]!);
  const shares = rows.value.flatMap(({ units }) => units.map(({ top1 }) => top1));
  const low = Math.min(1, ...shares) - 0.02;
  const high = Math.max(0, ...shares) + 0.02;
  const place = (share: number) => `${(100 * (share - low)) / (high - low)}%`;
  return (
    <section class="card" aria-label="Results">
      <h2>Right answers on {plan.validation.length} held-out images, after the last epoch</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="scroll results" tabIndex={0} aria-label="Table of results">
        <table>
          <thead>
            <tr>
              {["module", "seeds", "top-1 %", "95 % interval", "seed by seed", `vs. ${base}`].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.value.map((row, i) => (
              <tr key={row.entrant}>
                <th scope="row">{row.entrant}</th>
                <td>{row.seeds}</td>
                <td>{row.mean === null ? "–" : points(row.mean)}</td>
                <td>{row.interval === null ? "–" : row.interval.map((end) => points(end)).join(" … ")}</td>
                <td>
                  <span
                    class="strip"
                    role="img"
                    aria-label={
                      row.units.map(({ seed, top1 }) => `seed ${seed}: ${points(top1)} %`).join(", ") || "none yet"
                    }
                  >
                    {row.mean !== null && <span class="strip-mean" style={{ left: place(row.mean) }} />}
                    {row.units.map(({ seed, top1 }) => (
                      <span
                        key={seed}
                        class={`strip-dot c${i % 6}`}
                        style={{ left: place(top1) }}
                        title={`seed ${seed}: ${points(top1)} %`}
                      />
                    ))}
                  </span>
                </td>
                <td class="words">{row.verdict || "what the others are measured against"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {/* On a phone, in place of the table's last column. */}
      <ul class="verdicts small">
        {rows.value.map(({ entrant, verdict }) => verdict && <li key={entrant}>{`${entrant}: ${verdict}`}</li>)}
      </ul>
      <p class="muted small">
        Differences are taken seed by seed, with 95 % intervals of the paired t test; whether they count is judged after
        Holm's correction for as many modules. Seeds differ in weights and order, not in images: other images would add
        to the uncertainty. <code>fovea compare</code> does this on more cores and says more.
      </p>
    </section>
  );
}
