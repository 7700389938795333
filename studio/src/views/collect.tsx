import { useLayoutEffect } from "preact/hooks";
import { asFolder } from "../../logic/project.js";
import { samples } from "../../logic/samples.js";
import { chooseFiles, download, type Found, type Unread, useDrop } from "../parts/drop.js";
import { Icon } from "../parts/icons.js";
import { announce } from "../state/announce.js";
import {
  addClass,
  addFiles,
  addSample,
  arriving,
  project,
  redo,
  redoable,
  removeEverything,
  selection,
  skip,
  skipped,
  split,
  undo,
  undoable,
} from "../state/project.js";
import { change } from "../state/training.js";
import { store } from "../workers/index.js";
import { CameraDialog, openCamera } from "./camera.js";
import "./collect.css";
import { ImageList, moving } from "./image-list.js";
import { Problems } from "./problems.js";
import { SelectionBar } from "./selection-bar.js";

const images = "image/jpeg,image/png,image/webp,image/avif,.zip";

const add = (found: readonly Found[], unread: readonly Unread[] = []) => {
  skip(unread);
  if (found.length) void addFiles(found);
};

/** Files that are pasted, and the keys for undo and redo. */
function usePage(): void {
  useLayoutEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      add(files.map((file, i) => ({ file, path: `pasted-${Date.now()}-${i}-${file.name}` })));
    };
    const key = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).matches?.("input, select, textarea");
      if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      if (event.shiftKey) redo();
      else undo();
    };
    const listeners = { paste, keydown: key } as const;
    for (const [name, listen] of Object.entries(listeners)) addEventListener(name, listen as EventListener);
    return () => {
      for (const [name, listen] of Object.entries(listeners)) removeEventListener(name, listen as EventListener);
    };
  }, []);
}

export function Collect() {
  usePage();
  const held = useDrop(add);
  const empty = project.value.classes.length === 0;
  return (
    <div class="collect">
      <div class="intro">
        <div>
          <h1>Collect</h1>
          <p>A class for each thing that your network should tell apart, with images of it.</p>
        </div>
        {!empty && <Tools />}
      </div>
      <Arriving />
      <Problems />
      {empty ? <Welcome /> : <ImageList />}
      {selection.value.size > 0 && <SelectionBar />}
      <CameraDialog />
      {held && !moving.value && <div class="drop-hint">Drop images, folders or a zip archive</div>}
    </div>
  );
}

const Arriving = () =>
  arriving.value && (
    <label class="arriving small">
      <span>
        Taking in {arriving.value.total > 0 ? `${arriving.value.done} of ${arriving.value.total}` : "images"} …
      </span>
      <progress value={arriving.value.total ? arriving.value.done : undefined} max={arriving.value.total || 1} />
    </label>
  );

const Welcome = () => (
  <div class="welcome">
    <div class="welcome-drop">
      <Icon name="collect" />
      <h2>Drop a folder of images here</h2>
      <p class="muted">One folder inside it for each class. Or a zip archive, or single images; pasting works, too.</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => chooseFiles({ folder: true }).then(add)}>
          <Icon name="folder" />
          Choose a folder
        </button>
        <button type="button" class="button" onClick={() => chooseFiles({ accept: images }).then(add)}>
          <Icon name="files" />
          Choose files
        </button>
        <button type="button" class="button" onClick={() => openCamera(addClass().id)}>
          <Icon name="camera" />
          Use the camera
        </button>
        <button type="button" class="button" onClick={() => addClass()}>
          <Icon name="plus" />
          Start with an empty class
        </button>
      </div>
    </div>
    <section class="samples" aria-label="Samples">
      <h2>Nothing at hand? Try a sample</h2>
      <ul>
        {samples.map((sample, i) => (
          <li key={sample.name}>
            <h3>{sample.title}</h3>
            <p class="muted small">{sample.text}</p>
            <button
              type="button"
              class={`button ${i === 0 ? "primary" : ""}`}
              aria-label={`Try it: ${sample.title}`}
              onClick={() => {
                change({ imageSize: sample.imageSize, pretrained: null });
                void addSample(sample);
              }}
            >
              <Icon name="spark" />
              Try it
            </button>
          </li>
        ))}
      </ul>
    </section>
  </div>
);

async function exportZip(): Promise<void> {
  const { train, validation } = asFolder(project.value, split.value.parts);
  const archive = await store.archive([...train, ...validation]);
  download(archive, "images.zip");
  announce("The images were saved as images.zip.");
}

const Tools = () => (
  <div class="buttons tools">
    <button type="button" class="button" onClick={() => addClass()}>
      <Icon name="plus" />
      Class
    </button>
    <button type="button" class="button" onClick={() => chooseFiles({ folder: true }).then(add)}>
      <Icon name="folder" />
      Folder
    </button>
    <button type="button" class="button" onClick={() => chooseFiles({ accept: images }).then(add)}>
      <Icon name="files" />
      Files
    </button>
    <button
      type="button"
      class="button"
      disabled={project.value.images.length === 0}
      title="Save all images as a zip archive of folders"
      onClick={() => void exportZip()}
    >
      <Icon name="zip" />
      Save as zip
    </button>
    <button
      type="button"
      class="button icon"
      disabled={undoable.value === null}
      title={undoable.value === null ? "Nothing to undo" : `Undo: ${undoable.value}`}
      aria-label={undoable.value === null ? "Undo" : `Undo: ${undoable.value}`}
      onClick={undo}
    >
      <Icon name="undo" />
    </button>
    <button
      type="button"
      class="button icon"
      disabled={redoable.value === null}
      title={redoable.value === null ? "Nothing to redo" : `Redo: ${redoable.value}`}
      aria-label={redoable.value === null ? "Redo" : `Redo: ${redoable.value}`}
      onClick={redo}
    >
      <Icon name="redo" />
    </button>
    <button
      type="button"
      class="button icon"
      title="Remove everything"
      aria-label="Remove everything"
      onClick={() => {
        skipped.value = [];
        removeEverything();
      }}
    >
      <Icon name="bin" />
    </button>
  </div>
);
