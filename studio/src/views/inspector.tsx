import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { overlay } from "../../logic/colors.js";
import { cameraReason, drawSquare } from "../parts/camera.js";
import { chooseFiles } from "../parts/drop.js";
import { Icon } from "../parts/icons.js";
import { onCanvas } from "../parts/map-picture.js";
import {
  classes,
  cover,
  covered,
  coverSize,
  explained,
  lookAgain,
  lookAt,
  lookAtFrame,
  method,
  methods,
  sight,
  subject,
  uncover,
} from "../state/understanding.js";
import type { Opinion } from "../workers/look.js";

const live = signal(false);
const liveProblem = signal<string | null>(null);
const showMap = signal(true);
/** Where the cover is, as shares of the sides. */
const coverAt = signal<readonly [number, number] | null>(null);
const framesPerSecond = signal(0);

/** One image: what the network says, where it looks, and what happens when a part is covered. */
export function Inspector() {
  return (
    <section class="card inspector" aria-label="Look at an image">
      <div class="buttons">
        <button
          type="button"
          class="button"
          onClick={() =>
            chooseFiles({ accept: "image/*" }).then(([found]) => {
              live.value = false;
              if (found) void lookAt({ file: found.file }, found.file.name, null);
            })
          }
        >
          <Icon name="files" />
          Try an image
        </button>
        <button
          type="button"
          class="button"
          aria-pressed={live.value}
          onClick={() => {
            liveProblem.value = null;
            live.value = !live.value;
          }}
        >
          <Icon name={live.value ? "stop" : "camera"} />
          {live.value ? "Stop the camera" : "Camera"}
        </button>
      </div>
      {liveProblem.value && (
        <div class="note" role="alert">
          {liveProblem.value}
        </div>
      )}
      {live.value && <Live />}
      {sight.value ? (
        <Seen />
      ) : (
        <p class="muted hint">Choose an image, try one of your own, or hold something up to the camera.</p>
      )}
    </section>
  );
}

const canvasSide = 360;

function Seen() {
  const { picture, map, range, explained: about, notes, layer } = sight.value!;
  const names = classes.value ?? [];
  const at = coverAt.value;
  return (
    <>
      {subject.value && !live.value && (
        <p class="small">
          <strong>{subject.value.name}</strong>
          {at && <span class="muted"> with a part covered</span>}
        </p>
      )}
      <Canvas />
      <p class="small muted hint">
        {live.value
          ? `${Math.round(framesPerSecond.value)} images a second`
          : "Hold the pointer over the image to cover a part of it, or move the cover with the arrow keys."}
      </p>
      <Bars />
      <Unusual />
      <div class="two">
        <label class="field">
          Method
          <select
            value={method.value}
            onChange={({ currentTarget }) => {
              method.value = currentTarget.value;
              void lookAgain();
            }}
          >
            {methods.value.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          What speaks for
          <select
            value={explained.value ?? ""}
            onChange={({ currentTarget: { value } }) => {
              explained.value = value === "" ? null : Number(value);
              void lookAgain();
            }}
          >
            <option value="">what it says</option>
            {names.map((name, i) => (
              <option key={name} value={i}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={showMap.value}
          onChange={({ currentTarget }) => void (showMap.value = currentTarget.checked)}
        />
        Show the map
      </label>
      {map && (
        <p class="small muted">
          Evidence for {names[about]}
          {layer && <> at {layer}</>}, from {digits(range[0])} to {digits(range[1])}; what speaks against it is not
          colored.
        </p>
      )}
      {methods.value.find(({ name }) => name === method.value)?.insensitive && (
        <p class="small muted">This method draws much the same map for a network that has learned nothing.</p>
      )}
      {notes.map((note) => (
        <p key={note} class="small muted">
          Note: {note}.
        </p>
      ))}
      {picture.width === 0 && <p>There is no image.</p>}
    </>
  );
}

const digits = (value: number) => String(Number(value.toPrecision(3)));

function Canvas() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { picture, map, range } = sight.value!;
  const [shown, at] = [showMap.value, coverAt.value];
  const names = classes.value ?? [];
  const { probabilities } = sight.value!;
  const best = probabilities.indexOf(Math.max(...probabilities));
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.imageSmoothingEnabled = picture.width > canvasSide / 2;
    context.drawImage(onCanvas(picture), 0, 0, canvasSide, canvasSide);
    if (map && shown) {
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      const { width, height } = map;
      const data = overlay(map, Math.max(0, range[0]), Math.max(0, range[1]));
      context.drawImage(onCanvas({ width, height, data }), 0, 0, canvasSide, canvasSide);
    }
    if (!at) return;
    const side = coverSize * canvasSide;
    context.fillStyle = "#7c7672";
    context.fillRect(at[0] * canvasSide - side / 2, at[1] * canvasSide - side / 2, side, side);
  }, [picture, map, range, shown, at]);

  const put = (x: number, y: number) => {
    const inside = (share: number) => Math.min(1, Math.max(0, share));
    coverAt.value = [inside(x), inside(y)];
    void cover(inside(x), inside(y));
  };
  const lift = () => {
    coverAt.value = null;
    uncover();
  };
  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the pointer and keys itself
    <canvas
      ref={canvas}
      class="map-picture large"
      width={canvasSide}
      height={canvasSide}
      role="application"
      aria-roledescription="image with a movable cover"
      aria-label={`The image with its map; it says ${names[best]}. Arrow keys move a cover over it, Escape lifts it.`}
      tabIndex={0}
      onPointerMove={({ offsetX, offsetY, currentTarget }) => {
        if (!live.value) put(offsetX / currentTarget.clientWidth, offsetY / currentTarget.clientHeight);
      }}
      onPointerLeave={lift}
      onKeyDown={(event) => {
        const steps: Record<string, readonly [number, number]> = {
          ArrowLeft: [-0.1, 0],
          ArrowRight: [0.1, 0],
          ArrowUp: [0, -0.1],
          ArrowDown: [0, 0.1],
        };
        const step = steps[event.key];
        if (event.key === "Escape") lift();
        if (!step || live.value) return;
        event.preventDefault();
        const [x, y] = coverAt.value ?? [0.5, 0.5];
        put(x + (coverAt.value ? step[0] : 0), y + (coverAt.value ? step[1] : 0));
      }}
      onBlur={lift}
    />
  );
}

/** At most so many classes have a bar. */
const mostBars = 6;

function Bars() {
  const names = classes.value ?? [];
  const before = sight.value!.probabilities;
  const now: Opinion = covered.value ?? sight.value!;
  const order = before
    .map((_, i) => i)
    .sort((a, b) => before[b]! - before[a]!)
    .slice(0, mostBars);
  return (
    <ul class="classes bars">
      {order.map((i) => (
        <li key={names[i]}>
          <span class="class-label">
            <span class={`dot c${i % 6}`} />
            {names[i]}
          </span>
          <span class="meter" aria-hidden="true">
            <span class={`meter-bar c${i % 6}`} style={{ width: `${100 * now.probabilities[i]!}%` }} />
          </span>
          <span class="small">
            {(100 * now.probabilities[i]!).toFixed(0)} %
            {covered.value && <span class="muted"> from {(100 * before[i]!).toFixed(0)}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Below this share of the held-out images, an image is unlike them. */
const unusualShare = 0.03;
const unsureBelow = 0.6;

function Unusual() {
  const { stronger, probabilities } = covered.value ?? sight.value!;
  const best = Math.max(...probabilities);
  if (stronger !== null && stronger < unusualShare)
    return (
      <p class="note" role="status">
        Little speaks for any class: less than for nearly all held-out images. It may be something the network never
        saw, and the percentages say nothing then. A class “something else” teaches it the difference.
      </p>
    );
  if (best < unsureBelow)
    return (
      <p class="note plain" role="status">
        It is not sure.
      </p>
    );
  return null;
}

/** Side of the frames, as the camera's images in the project have it. */
const frameSide = 224;

function Live() {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    let [stream, closed]: [MediaStream | undefined, boolean] = [undefined, false];
    const canvas = new OffscreenCanvas(frameSide, frameSide);
    const context = canvas.getContext("2d")!;
    const loop = async () => {
      let last = performance.now();
      while (!closed) {
        drawSquare(context, video.current!, frameSide);
        await lookAtFrame(canvas.transferToImageBitmap());
        const now = performance.now();
        framesPerSecond.value = 0.8 * framesPerSecond.value + 200 / (now - last);
        last = now;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    };
    const fail = (words: string) => {
      liveProblem.value = words;
      live.value = false;
    };
    if (!navigator.mediaDevices) fail("This browser gives pages no camera.");
    navigator.mediaDevices
      ?.getUserMedia({ video: { width: { ideal: 640 } } })
      .then(async (found) => {
        stream = found;
        if (closed) return;
        found.getVideoTracks()[0]?.addEventListener("ended", () => fail("The camera was unplugged."));
        video.current!.srcObject = found;
        await video.current!.play();
        subject.value = null;
        await loop();
      })
      .catch((error) => !closed && fail(cameraReason(error)))
      .finally(() => {
        if (closed) for (const track of stream?.getTracks() ?? []) track.stop();
      });
    return () => {
      closed = true;
      framesPerSecond.value = 0;
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, []);
  return <video ref={video} class="hidden" muted playsInline />;
}
