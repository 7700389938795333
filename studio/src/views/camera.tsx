import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { cameraReason, frameOf } from "../parts/camera.js";
import { Icon } from "../parts/icons.js";
import { addBurst, project } from "../state/project.js";

/** The class that is recorded; null when the dialog is closed. */
const recorded = signal<string | null>(null);

export const openCamera = (classId: string) => void (recorded.value = classId);

const [framesPerBurst, framesPerSecond] = [30, 10];
const side = 224;

/** Records bursts: what is taken in one go stays together when images are held out. */
export function CameraDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = recorded.value !== null;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="camera-title" onClose={() => void (recorded.value = null)}>
      {open && <Recorder classId={recorded.value!} />}
    </dialog>
  );
}

function Recorder({ classId }: { readonly classId: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [live, setLive] = useState(false);
  const [count, setCount] = useState<number | null>(null);
  const [total, setTotal] = useState(0);
  const recording = useRef(false);

  useEffect(() => {
    let stream: MediaStream | undefined;
    let closed = false;
    navigator.mediaDevices
      ?.getUserMedia({ video: { width: { ideal: 640 }, facingMode: "environment" } })
      .then(async (found) => {
        stream = found;
        if (closed) return end();
        found.getVideoTracks()[0]?.addEventListener("ended", () => {
          recording.current = false;
          setLive(false);
          setProblem("The camera was unplugged, or taken by another program. What was recorded is kept.");
        });
        video.current!.srcObject = found;
        await video.current!.play();
        setLive(true);
      })
      .catch((error) => setProblem(cameraReason(error)));
    if (!navigator.mediaDevices) setProblem("This browser gives pages no camera.");
    const end = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    return () => {
      closed = true;
      recording.current = false;
      end();
    };
  }, []);

  async function record(): Promise<void> {
    if (recording.current) return void (recording.current = false);
    recording.current = true;
    const frames: Blob[] = [];
    const started = performance.now();
    setCount(0);
    while (recording.current && frames.length < framesPerBurst) {
      frames.push(await frameOf(video.current!, side));
      setCount(frames.length);
      const due = started + (1000 * frames.length) / framesPerSecond;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    recording.current = false;
    if (frames.length) await addBurst(frames, classId);
    setTotal((before) => before + frames.length);
    setCount(null);
  }

  const name = project.value.classes.find(({ id }) => id === classId)?.name;
  return (
    <div class="camera">
      <div class="camera-head">
        <h2 id="camera-title">Record “{name}”</h2>
        <button type="button" class="button quiet icon" aria-label="Close" onClick={() => void (recorded.value = null)}>
          <Icon name="close" />
        </button>
      </div>
      {problem && (
        <div class="note" role="alert">
          {problem}
        </div>
      )}
      <div class="viewfinder">
        <video ref={video} muted playsInline />
      </div>
      <div class="buttons">
        <button type="button" class="button primary" disabled={!live} onClick={() => void record()}>
          <Icon name={count === null ? "camera" : "stop"} />
          {count === null ? `Record ${framesPerBurst} frames` : `Stop (${count})`}
        </button>
        <span class="small muted" role="status">
          {total > 0 ? `${total} frames recorded` : "Three seconds. Turn the thing, and move a little."}
        </span>
      </div>
    </div>
  );
}
