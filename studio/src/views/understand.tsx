import { useEffect } from "preact/hooks";
import { Icon } from "../parts/icons.js";
import { StoredPicture } from "../parts/stored-image.js";
import { busy, hasWeights, settings, version } from "../state/training.js";
import {
  cell,
  classes,
  confusion,
  judged,
  judging,
  listed,
  lookAt,
  openNetwork,
  subject,
  trouble,
} from "../state/understanding.js";
import { ComputedBy } from "./computed-by.js";
import { Inspector } from "./inspector.js";
import "./understand.css";

export function Understand() {
  const trained = hasWeights.value;
  const [training, at, { device }] = [busy.value, version.value, settings.value];
  // Opened again when there are new weights, or something else computes.
  useEffect(() => {
    if (trained && !training) void openNetwork();
    else if (trained && classes.value === null) void openNetwork();
  }, [trained, training, at, device]);
  return (
    <div class="understand">
      <div class="intro">
        <div>
          <h1>Understand</h1>
          <p>What it gets wrong, where it looks, and what it does with images it has never seen.</p>
        </div>
        {trained && <ComputedBy ifAny />}
      </div>
      {trained ? <Everything /> : <NotYet />}
    </div>
  );
}

const NotYet = () => (
  <div class="card nothing">
    <Icon name="understand" />
    <p class="muted">There is no trained network yet.</p>
    <a class="button primary" href="#/train">
      Train one
    </a>
  </div>
);

const Everything = () => (
  <>
    {trouble.value && (
      <div class="note" role="alert">
        {trouble.value}
      </div>
    )}
    <div class="understand-columns">
      <div class="understand-main">
        <Confusion />
        <Listed />
      </div>
      <Inspector />
    </div>
  </>
);

function Confusion() {
  const names = classes.value;
  if (!names) return trouble.value ? null : <div class="card muted">Opening the network …</div>;
  const right = judged.value.filter(({ label, predicted }) => label === predicted).length;
  return (
    <section class="card" aria-label="Confusion">
      <h2>
        {judged.value.length === 0 && !judging.value
          ? "No images are held out"
          : `${right} of ${judged.value.length} held-out images are right`}
        {judging.value && " so far"}
      </h2>
      {names.length <= mostInMatrix && <Matrix names={names} />}
    </section>
  );
}

/** With more classes, a matrix shows nothing any more. */
const mostInMatrix = 50;

function Matrix({ names }: { readonly names: readonly string[] }) {
  const largest = Math.max(1, ...confusion.value.flat());
  return (
    <>
      <p class="muted small">Rows are true classes, columns predicted ones. Choose a number to see the images.</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Confusion matrix">
        <table class="confusion">
          <thead>
            <tr>
              <td />
              {names.map((name) => (
                <th key={name} scope="col">
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusion.value.map((row, label) => (
              <tr key={names[label]}>
                <th scope="row">{names[label]}</th>
                {row.map((count, predicted) => (
                  <td key={names[predicted]}>
                    <Cell {...{ count, label, predicted, names, largest }} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

interface CellProps {
  readonly count: number;
  readonly label: number;
  readonly predicted: number;
  readonly names: readonly string[];
  readonly largest: number;
}

function Cell({ count, label, predicted, names, largest }: CellProps) {
  const chosen = cell.value?.label === label && cell.value.predicted === predicted;
  if (count === 0) return <span class="cell none">0</span>;
  const right = label === predicted;
  const what = right ? `${names[label]}, right` : `${names[label]}, predicted as ${names[predicted]}`;
  return (
    <button
      type="button"
      class={`cell ${right ? "right" : "mistake"}`}
      aria-pressed={chosen}
      aria-label={`${count} ${count === 1 ? "image" : "images"}: ${what}`}
      style={{ "--share": String(count / largest) }}
      onClick={() => void (cell.value = chosen ? null : { label, predicted })}
    >
      {count}
    </button>
  );
}

/** At most so many images are listed. */
const mostListed = 200;

function Listed() {
  const names = classes.value;
  if (!names) return null;
  const wanted = cell.value;
  const shown = listed.value.slice(0, mostListed);
  const title = !wanted
    ? "Most wrong: it was sure, and mistaken"
    : wanted.label === wanted.predicted
      ? `${names[wanted.label]}, right`
      : `${names[wanted.label]}, predicted as ${names[wanted.predicted]}`;
  return (
    <section class="card" aria-label="Images">
      <h2>{title}</h2>
      {shown.length === 0 && !judging.value && (
        <p class="muted">No mistakes among these images. Others may have some.</p>
      )}
      <ul class="listed">
        {shown.map(({ id, label, predicted, probability }) => {
          const { source } = subject.value ?? {};
          const said = `${Math.round(100 * probability)} % ${names[predicted]}`;
          return (
            <li key={id}>
              <button
                type="button"
                class="thumb"
                aria-pressed={source !== undefined && "id" in source && source.id === id}
                aria-label={`${names[label]}: ${said}`}
                onClick={() => void lookAt({ id }, `${names[label]}`, label)}
              >
                <StoredPicture id={id} alt="" />
              </button>
              <span class="small" aria-hidden="true">
                <span class="muted">{Math.round(100 * probability)} %</span> {names[predicted]}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
