import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ImageClass, StoredImage } from "../../logic/project.js";
import { chooseFiles, dropped } from "../parts/drop.js";
import { useEdited } from "../parts/edited.js";
import { Icon } from "../parts/icons.js";
import { StoredPicture } from "../parts/stored-image.js";
import {
  addFiles,
  colorOf,
  imagesByClass,
  moveImages,
  project,
  removeClass,
  removeImages,
  renameClass,
  selection,
  skip,
  split,
} from "../state/project.js";
import { openCamera } from "./camera.js";
import { goToSelectionBar, moveKey } from "./selection-bar.js";

/** Whether images are being dragged. */
export const moving = signal(false);
/** The image that the keyboard is at. */
const cursor = signal<string | null>(null);
/** The class that images or files are held over. */
const over = signal<string | null>(null);

const gap = 8;
const headHeight = 66;
const endHeight = 28;
/** Rows outside of the window that are kept, in pixels. */
const margin = 500;

/** A row of the list: a class's head, some of its images, or the end of its box. */
type Row = { readonly top: number; readonly height: number; readonly owner: ImageClass } & (
  | { readonly kind: "head" | "end" }
  | { readonly kind: "images"; readonly images: readonly StoredImage[] }
);

/** The rows of the list from the top down, its height, and all images in its order. */
function rowsOf(columns: number, cell: number): { rows: Row[]; height: number; all: StoredImage[] } {
  const rows: Row[] = [];
  const all: StoredImage[] = [];
  let top = 0;
  const add = (
    row: { kind: "head" | "end" } | { kind: "images"; images: StoredImage[] },
    height: number,
    owner: ImageClass,
  ) => {
    rows.push({ ...row, top, height, owner } as Row);
    top += height;
  };
  for (const owner of project.value.classes) {
    const images = imagesByClass.value.get(owner.id) ?? [];
    for (const image of images) all.push(image);
    add({ kind: "head" }, headHeight, owner);
    for (let i = 0; i < images.length; i += columns)
      add({ kind: "images", images: images.slice(i, i + columns) }, cell, owner);
    add({ kind: "end" }, endHeight, owner);
  }
  return { rows, height: top, all };
}

/** What of the list the window shows, from its own top. */
function useWindow(list: { readonly current: HTMLElement | null }) {
  const [view, setView] = useState({ from: 0, to: innerHeight, width: Math.min(innerWidth - 48, 1132) });
  useLayoutEffect(() => {
    let waiting = false;
    const look = () => {
      waiting = false;
      const box = list.current?.getBoundingClientRect();
      if (!box) return;
      const step = margin / 2;
      // In steps, so that scrolling a little draws nothing.
      const from = Math.floor((-box.top - margin) / step) * step;
      setView((old) => {
        const next = { from, to: from + innerHeight + 2 * margin + step, width: box.width };
        return old.from === next.from && old.to === next.to && old.width === next.width ? old : next;
      });
    };
    const later = () => {
      if (!waiting) requestAnimationFrame(look);
      waiting = true;
    };
    look();
    addEventListener("scroll", later, { passive: true });
    const observer = new ResizeObserver(later);
    observer.observe(document.body);
    return () => {
      removeEventListener("scroll", later);
      observer.disconnect();
    };
  }, [list]);
  return view;
}

/** All classes with their images. Only the rows near the window exist: there may be tens of thousands of images. */
export function ImageList() {
  const list = useRef<HTMLDivElement>(null);
  const { from, to, width } = useWindow(list);
  const wanted = width < 500 ? 74 : 92;
  const inner = width - 32 + gap;
  const columns = Math.max(3, Math.floor(inner / (wanted + gap)));
  const cell = Math.floor(inner / columns);
  const { value: known } = imagesByClass;
  const { rows, height, all } = useMemo(() => rowsOf(columns, cell), [known, columns, cell]);
  const wantedImage = cursor.value;
  const at = useMemo(() => all.find(({ id }) => id === wantedImage)?.id ?? all[0]?.id, [all, wantedImage]);
  useFocus(list, rows);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the images inside, which are buttons
    <div
      class="image-list"
      ref={list}
      style={{ height: `${height}px` }}
      onKeyDown={(event) => onKey(event, all, columns)}
      onDragEnd={() => {
        moving.value = false;
        over.value = null;
      }}
    >
      {rows
        .filter((row) => row.top + row.height >= from && row.top <= to)
        .map((row) => (
          <RowOf key={`${row.owner.id} ${row.kind} ${row.top}`} row={row} cell={cell} current={at} />
        ))}
    </div>
  );
}

/** Puts the focus where the keyboard went, once it is drawn. */
function useFocus(list: { readonly current: HTMLElement | null }, rows: readonly Row[]): void {
  const wanted = cursor.value;
  const last = useRef(wanted);
  useEffect(() => {
    if (!wanted || wanted === last.current) return;
    last.current = wanted;
    const row = rows.find((one) => one.kind === "images" && one.images.some(({ id }) => id === wanted));
    if (!row || !list.current) return;
    const top = list.current.getBoundingClientRect().top + row.top;
    if (top < 80 || top + row.height > innerHeight - 90) scrollBy(0, top - innerHeight / 2);
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        document.querySelector<HTMLElement>(`[data-image="${wanted}"]`)?.focus({ preventScroll: true }),
      ),
    );
  });
}

function onKey(event: KeyboardEvent, all: readonly StoredImage[], columns: number): void {
  const id = (event.target as HTMLElement).dataset?.image;
  if (!id) return;
  const at = all.findIndex((image) => image.id === id);
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const move = steps[event.key];
  if (move !== undefined) {
    event.preventDefault();
    cursor.value = all[Math.min(all.length - 1, Math.max(0, at + move))]!.id;
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    const chosen = selection.value.size ? selection.value : new Set([id]);
    cursor.value = all.slice(at).find((image) => !chosen.has(image.id))?.id ?? null;
    removeImages(chosen);
  } else if (event.key === "Escape") selection.value = new Set();
  else if (event.key.toLowerCase() === moveKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    if (selection.value.size === 0) selection.value = new Set([id]);
    // Once it is drawn.
    requestAnimationFrame(goToSelectionBar);
  }
}

function RowOf({
  row,
  cell,
  current,
}: {
  readonly row: Row;
  readonly cell: number;
  readonly current: string | undefined;
}) {
  const { owner, kind, top, height } = row;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: images can be moved with the selection bar, too
    <div
      class={`row ${kind} ${over.value === owner.id ? "over" : ""}`}
      style={{ transform: `translateY(${top}px)`, height: `${height}px` }}
      onDragOver={(event) => {
        event.preventDefault();
        event.stopPropagation();
        over.value = owner.id;
      }}
      onDragLeave={() => {
        if (over.value === owner.id) over.value = null;
      }}
      onDrop={(event) => onDrop(event, owner.id)}
    >
      {kind === "head" && <Head owner={owner} />}
      {kind === "images" && row.images.map((image) => <Thumb key={image.id} {...{ image, cell, current }} />)}
    </div>
  );
}

function onDrop(event: DragEvent, classId: string): void {
  event.preventDefault();
  over.value = null;
  if (moving.value) {
    moving.value = false;
    moveImages(selection.value, classId);
    selection.value = new Set();
  } else if (event.dataTransfer)
    void dropped(event.dataTransfer).then(({ found: files, unread }) => {
      skip(unread);
      // Folders bring classes of their own.
      const folders = files.some(({ path }) => path.includes("/"));
      if (files.length) void addFiles(files, folders ? undefined : classId);
    });
}

function Head({ owner }: { readonly owner: ImageClass }) {
  const images = imagesByClass.value.get(owner.id) ?? [];
  const kept = images.filter(({ id }) => split.value.parts.get(id) === "validation").length;
  const edited = useEdited(owner.name, (name) => renameClass(owner.id, name));
  return (
    <>
      <span class={`dot c${colorOf(owner.id)}`} />
      <input
        type="text"
        class="class-name"
        {...edited}
        aria-label="Name of the class"
        maxLength={60}
        onKeyDown={({ key, currentTarget }) => key === "Enter" && currentTarget.blur()}
      />
      <span class="count small muted">
        {images.length} {images.length === 1 ? "image" : "images"}
        {kept > 0 && <span class="wide">, {kept} of them held out</span>}
      </span>
      <button
        type="button"
        class="button quiet icon"
        aria-label={`Record ${owner.name} with the camera`}
        title="Record with the camera"
        onClick={() => openCamera(owner.id)}
      >
        <Icon name="camera" />
      </button>
      <button
        type="button"
        class="button quiet icon"
        aria-label={`Add files to ${owner.name}`}
        title="Add files"
        onClick={() =>
          chooseFiles({ accept: "image/*" }).then((found) => {
            if (found.length) void addFiles(found, owner.id);
          })
        }
      >
        <Icon name="plus" />
      </button>
      <button
        type="button"
        class="button quiet icon"
        aria-label={`Remove the class ${owner.name}`}
        title="Remove the class"
        onClick={() => removeClass(owner.id)}
      >
        <Icon name="bin" />
      </button>
    </>
  );
}

interface ThumbProps {
  readonly image: StoredImage;
  readonly cell: number;
  readonly current: string | undefined;
}

function Thumb({ image, cell, current }: ThumbProps) {
  const { id, name } = image;
  const chosen = selection.value.has(id);
  const measures = split.value.parts.get(id) === "validation";
  return (
    <button
      type="button"
      class="thumb"
      data-image={id}
      aria-pressed={chosen}
      aria-label={`${name}${measures ? ", held out" : ""}`}
      title={`${name}${measures ? " (held out)" : ""}`}
      tabIndex={id === current ? 0 : -1}
      style={{ width: `${cell - gap}px`, height: `${cell - gap}px` }}
      draggable
      onClick={(event) => {
        cursor.value = id;
        const next = new Set(selection.value);
        if (event.shiftKey) for (const one of between(id)) next.add(one);
        else if (!next.delete(id)) next.add(id);
        last = id;
        selection.value = next;
      }}
      onDragStart={(event) => {
        if (!selection.value.has(id)) selection.value = new Set([id]);
        moving.value = true;
        event.dataTransfer?.setData("text/plain", `${selection.value.size} images`);
      }}
    >
      <StoredPicture id={id} alt="" />
      {measures && <span class="measures" />}
    </button>
  );
}

/** The image that was clicked last. */
let last: string | null = null;

/** The images from the one that was clicked last to this one. */
function between(id: string): string[] {
  const all = project.value.classes.flatMap((one) => imagesByClass.value.get(one.id) ?? []).map((image) => image.id);
  const [a, b] = [all.indexOf(last ?? id), all.indexOf(id)];
  return a < 0 ? [id] : all.slice(Math.min(a, b), Math.max(a, b) + 1);
}
