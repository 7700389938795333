import { signal } from "@preact/signals";
import { smallNetworks } from "../../logic/recipe.js";
import { checkpointTypes, chooseFiles } from "../parts/drop.js";
import { NumberField } from "../parts/number-field.js";
import { machineThreads, where } from "../state/machine.js";
import {
  busy,
  catalogue,
  change,
  fetching,
  mostThreads,
  settings,
  startFrom,
  startFromHub,
  suggestedBatch,
  weightsTrouble,
} from "../state/training.js";
import { ComputedBy } from "./computed-by.js";

const weighs: Readonly<Record<string, string>> = {
  channel: "what",
  spatial: "where",
  both: "what and where",
  none: "",
};

/** Random weights, or those of a file. */
function Start() {
  const { pretrained, headOnly } = settings.value;
  const choose = () =>
    chooseFiles({ accept: checkpointTypes }).then(([found]) => {
      if (found) void startFrom(found.file);
    });
  return (
    <>
      <div class="field">
        <span>Start from</span>
        <div class="buttons start">
          <button
            type="button"
            class="button"
            aria-pressed={pretrained === null}
            onClick={() => change({ pretrained: null, imageSize: 32 })}
          >
            Nothing
          </button>
          <button type="button" class="button" aria-pressed={pretrained !== null} onClick={() => void choose()}>
            Weights in a file
          </button>
        </div>
        {weightsTrouble.value && (
          <span class="wrong" role="alert">
            {weightsTrouble.value}
          </span>
        )}
        {pretrained && (
          <span class="hint">
            {pretrained.network}, from {pretrained.file}
          </span>
        )}
      </div>
      {machineThreads !== null && <Hub />}
      {pretrained && (
        <label class="check">
          <input
            type="checkbox"
            checked={headOnly}
            onChange={({ currentTarget }) =>
              change({ headOnly: currentTarget.checked, lr: currentTarget.checked ? 0.003 : 0.0003 })
            }
          />
          Train the classifier alone, in seconds
        </label>
      )}
    </>
  );
}

const repository = signal("");

/** Weights that the machine fetches, once it is told to. */
function Hub() {
  const name = repository.value.trim();
  const wanted = () => void (name && startFromHub(name));
  return (
    <details class="more">
      <summary>Weights from the hub</summary>
      <label class="field">
        Repository on Hugging Face
        <input
          type="text"
          value={repository.value}
          placeholder="timm/resnet18.a1_in1k"
          onInput={({ currentTarget }) => void (repository.value = currentTarget.value)}
          onKeyDown={({ key }) => key === "Enter" && wanted()}
        />
        <span class="hint">This machine asks the hub for it when you press Fetch. Your images stay here.</span>
      </label>
      <button type="button" class="button" aria-disabled={fetching.value} onClick={wanted}>
        {fetching.value ? "Fetching …" : "Fetch"}
      </button>
    </details>
  );
}

/** What is trained, and how. */
export function RecipeForm() {
  const {
    network,
    attention,
    placement,
    imageSize,
    epochs,
    batch,
    optimizer,
    lr,
    augment,
    seed,
    device,
    threads,
    pretrained,
  } = settings.value;
  const { modules = [], networks = [] } = catalogue.value ?? {};
  const small = networks.filter(({ name }) => (smallNetworks as readonly string[]).includes(name));
  const module = modules.find(({ name }) => name === attention);
  return (
    <form class="card recipe" aria-label="What to train" onSubmit={(event) => event.preventDefault()}>
      <fieldset disabled={busy.value}>
        <legend class="hidden">What to train</legend>
        <Start />
        {pretrained === null && (
          <label class="field">
            Network
            <select
              value={network}
              onChange={({ currentTarget: { value } }) => {
                const found = networks.find(({ name }) => name === value);
                change({
                  network: value,
                  ...(found ? { optimizer: found.optimizer, lr: found.optimizer === "sgd" ? 0.05 : 0.002 } : {}),
                });
              }}
            >
              {networks.length === 0 && <option value={network}>{network}</option>}
              <optgroup label="Small, for a page">
                {small.map(({ name }) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </optgroup>
              <optgroup label="All">
                {networks
                  .filter((one) => !small.includes(one))
                  .map(({ name }) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
              </optgroup>
            </select>
          </label>
        )}
        <label class="field">
          Attention module
          <select
            value={attention ?? ""}
            onChange={({ currentTarget: { value } }) => change({ attention: value === "" ? null : value })}
          >
            <option value="">none</option>
            {modules.length === 0 && attention && <option value={attention}>{attention}</option>}
            {modules.map(({ name, attends }) => (
              <option key={name} value={name}>
                {name}: {weighs[attends]}
              </option>
            ))}
          </select>
          {module && <span class="hint">{module.title}</span>}
        </label>
        {attention && pretrained === null && (
          <label class="field">
            Its place
            <select
              value={placement}
              onChange={({ currentTarget: { value } }) => change({ placement: value as typeof placement })}
            >
              <option value="built in">built into every block</option>
              <option value="inserted">inserted, begins as if it were not there</option>
            </select>
          </label>
        )}
        <div class="two">
          <label class="field">
            Image size
            <select value={imageSize} onChange={({ currentTarget: { value } }) => change({ imageSize: Number(value) })}>
              {[...new Set([32, 48, 64, 96, 128, 160, 224, imageSize])]
                .sort((a, b) => a - b)
                .map((side) => (
                  <option key={side} value={side}>
                    {side} × {side}
                  </option>
                ))}
            </select>
          </label>
          <NumberField label="Epochs" value={epochs} min={1} max={1000} set={(value) => change({ epochs: value })} />
        </div>
        {machineThreads !== null && (
          <label class="field">
            Trained
            <select
              value={where.value}
              onChange={({ currentTarget: { value } }) => void (where.value = value as typeof where.value)}
            >
              <option value="page">in this page</option>
              <option value="machine">on this machine, by its native engine</option>
            </select>
          </label>
        )}
        {where.value === "page" && <ComputedBy />}
        <details class="more">
          <summary>More settings</summary>
          <div class="two">
            <NumberField
              label="Images per step"
              hint={`usual: ${suggestedBatch.value}`}
              value={batch}
              min={2}
              max={512}
              set={(value) => change({ batch: value })}
            />
            <NumberField
              label="Learning rate"
              value={lr}
              min={0.000001}
              max={10}
              step="any"
              set={(value) => change({ lr: value })}
            />
            <label class="field">
              Optimizer
              <select
                value={optimizer}
                onChange={({ currentTarget: { value } }) =>
                  change({ optimizer: value as typeof optimizer, lr: value === "sgd" ? 0.05 : 0.002 })
                }
              >
                <option value="adamw">adamw</option>
                <option value="sgd">sgd</option>
              </select>
            </label>
            <NumberField label="Seed" value={seed} min={0} max={2 ** 31} set={(value) => change({ seed: value })} />
          </div>
          <label class="check">
            <input
              type="checkbox"
              checked={augment}
              onChange={({ currentTarget }) => change({ augment: currentTarget.checked })}
            />
            Vary the images: crops and mirroring
          </label>
          {where.value === "machine" ? (
            <p class="small muted">The machine uses all its {machineThreads} processors.</p>
          ) : device === "webgpu" ? null : mostThreads > 1 ? (
            <NumberField
              label="Threads"
              value={threads}
              min={1}
              max={mostThreads}
              set={(value) => change({ threads: value })}
            />
          ) : (
            <p class="small muted">
              One thread: this page is not isolated from others. “fovea studio” serves it so that it may use more.
            </p>
          )}
        </details>
      </fieldset>
    </form>
  );
}
