import { signal } from "@preact/signals";
import type { EpochMaps, Look, SeenImage } from "fovea/explain";
import { useMemo } from "preact/hooks";
import { rangeOf, rgba } from "../../logic/colors.js";
import { Chart } from "../parts/chart.js";
import { MapPicture } from "../parts/map-picture.js";
import { followed, lines, mapShare, maps, plan } from "../state/training.js";

const percent = (share: number | null) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);

/** How a training goes: curves, classes, and where the network looks. */
export function Watch() {
  const epochs = plan.value?.settings.epochs ?? 1;
  const x = lines.value.map(({ epoch }) => epoch);
  const measured = lines.value.some(({ top1 }) => top1 !== null);
  const curve = (name: string, color: string, of: (line: (typeof lines.value)[number]) => number | null) => ({
    name,
    color,
    values: lines.value.map(of),
  });
  const both = (heldOut: Parameters<typeof curve>[2], training: Parameters<typeof curve>[2]) => [
    ...(measured ? [curve("held out", "--accent", heldOut)] : []),
    curve("training", "--warm", training),
  ];
  return (
    <>
      <section class="card" aria-label="Curves">
        <div class="charts">
          <Chart
            title="Right answers"
            percent
            end={epochs}
            x={x}
            series={both(
              ({ top1 }) => top1,
              ({ trainTop1 }) => trainTop1,
            )}
          />
          <Chart
            title="Loss"
            end={epochs}
            x={x}
            series={both(
              ({ loss }) => loss,
              ({ trainLoss }) => trainLoss,
            )}
          />
        </div>
        <Numbers />
      </section>
      <Followed />
      <Classes />
    </>
  );
}

const Numbers = () => (
  <details class="more">
    <summary>The numbers</summary>
    {mapShare.value !== null && (
      <p class="small muted">Looking at the six images took {Math.round(100 * mapShare.value)} % of the time.</p>
    )}
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
    <section class="scroll" tabIndex={0} aria-label="Numbers of all epochs">
      <table>
        <thead>
          <tr>
            {["epoch", "loss in training", "right in training", "loss", "right", "images a second"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.value.map(({ epoch, trainLoss, trainTop1, loss, top1, imagesPerSecond }) => (
            <tr key={epoch}>
              <td>{epoch}</td>
              <td>{trainLoss.toFixed(3)}</td>
              <td>{percent(trainTop1)}</td>
              <td>{loss?.toFixed(3) ?? "–"}</td>
              <td>{percent(top1)}</td>
              <td>{Math.round(imagesPerSecond)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  </details>
);

/** The epoch whose maps are shown; null: the last. */
const shown = signal<number | null>(null);
const which = signal<"cam" | "gate">("cam");

function Followed() {
  const all = maps.value;
  const current = all.findLast(({ epoch }) => shown.value === null || epoch <= shown.value) ?? all[0];
  if (!current || followed.value.length === 0) return null;
  const gated = current.gate !== null;
  const kind = gated ? which.value : "cam";
  return (
    <section class="card" aria-label="Where it looks">
      <div class="followed-head">
        <h2>Where it looks</h2>
        {gated && (
          <fieldset class="switch">
            <legend class="hidden">What is shown</legend>
            {(["cam", "gate"] as const).map((one) => (
              <label key={one}>
                <input type="radio" name="kind" checked={kind === one} onChange={() => void (which.value = one)} />
                <span>{one === "cam" ? "Evidence (Grad-CAM)" : "Gate of the module"}</span>
              </label>
            ))}
          </fieldset>
        )}
      </div>
      <p class="muted small">
        {kind === "cam"
          ? `What speaks for each image's own class, on one color scale. Held-out images.`
          : `How far the last spatial gate, ${current.gate}, is open.`}
      </p>
      <div class="followed">
        {followed.value.map((image, i) => (
          <Picture key={image.index} image={image} look={current.looks[i]!} all={current} kind={kind} />
        ))}
      </div>
      {all.length > 1 && (
        <label class="epoch-slider small">
          <span>Epoch {current.epoch}</span>
          <input
            type="range"
            min={all[0]!.epoch}
            max={all.at(-1)!.epoch}
            value={current.epoch}
            onInput={({ currentTarget: { valueAsNumber } }) => {
              shown.value = valueAsNumber === all.at(-1)!.epoch ? null : valueAsNumber;
            }}
          />
        </label>
      )}
    </section>
  );
}

interface PictureProps {
  readonly image: SeenImage;
  readonly look: Look;
  readonly all: EpochMaps;
  readonly kind: "cam" | "gate";
}

function Picture({ image, look, all, kind }: PictureProps) {
  const picture = useMemo(() => ({ ...image.image, data: rgba(image.image) }), [image]);
  const map = kind === "cam" ? look.cam : look.gate;
  // One scale for all images: an empty map must not look sure.
  const highest = Math.max(...all.looks.map(({ cam }) => rangeOf(cam)[1]), 1e-9);
  const right = look.predicted === image.label;
  const empty = kind === "cam" && rangeOf(look.cam)[1] <= 0;
  return (
    <figure class="look">
      <MapPicture
        picture={picture}
        map={map}
        range={kind === "cam" ? [0, highest] : [0, 1]}
        label={`${image.label}, predicted as ${look.predicted}`}
      />
      <figcaption>
        <strong>{image.label}</strong>
        <span class={right ? "muted" : "wrong"}>
          {right ? `${Math.round(100 * look.probability)} %` : `predicted as ${look.predicted}`}
          {empty && ", no evidence"}
        </span>
      </figcaption>
    </figure>
  );
}

function Classes() {
  const validation = lines.value.at(-1)?.validation;
  if (!validation) return null;
  return (
    <section class="card" aria-label="Classes">
      <h2>Class by class, after the last epoch</h2>
      <ul class="classes">
        {validation.classes.map(({ name, count, correct }, i) => (
          <li key={name}>
            <span class="class-label">
              <span class={`dot c${i % 6}`} />
              {name}
            </span>
            <span class="meter" aria-hidden="true">
              <span class={`meter-bar c${i % 6}`} style={{ width: `${count ? (100 * correct) / count : 0}%` }} />
            </span>
            <span class="muted small">
              {correct} of {count} right
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
