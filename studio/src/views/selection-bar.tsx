import { signal } from "@preact/signals";
import { Icon } from "../parts/icons.js";
import { moveImages, project, removeImages, selection } from "../state/project.js";

/** The class to move to. */
const target = signal("");

/** Back to the image that the keyboard was at. */
const backToImages = () =>
  requestAnimationFrame(() => document.querySelector<HTMLElement>(".thumb[tabindex='0']")?.focus());

/** The key that leads from an image to what can be done with those that are selected. */
export const moveKey = "m";
export const goToSelectionBar = () => document.querySelector<HTMLElement>(".selection-bar select")?.focus();

/** What can be done with the images that are selected. */
export function SelectionBar() {
  const count = selection.value.size;
  const { classes } = project.value;
  const chosen = classes.some(({ id }) => id === target.value) ? target.value : "";
  const done = () => {
    selection.value = new Set();
    backToImages();
  };
  return (
    <section
      class="selection-bar"
      aria-label="Selected images"
      onKeyDown={({ key }) => {
        if (key === "Escape") backToImages();
      }}
    >
      <strong>
        {count} <span class="wide">selected</span>
      </strong>
      <label>
        <span class="hidden">Move to class</span>
        <select
          value={chosen}
          aria-keyshortcuts={moveKey}
          onChange={({ currentTarget }) => void (target.value = currentTarget.value)}
        >
          <option value="" disabled>
            Move to …
          </option>
          {classes.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="button"
        disabled={chosen === ""}
        onClick={() => {
          moveImages(selection.value, chosen);
          target.value = "";
          done();
        }}
      >
        Move
      </button>
      <button
        type="button"
        class="button"
        aria-label="Remove"
        onClick={() => {
          removeImages(selection.value);
          done();
        }}
      >
        <Icon name="bin" />
        <span class="wide">Remove</span>
      </button>
      <button type="button" class="button icon quiet" aria-label="Select none" title="Select none" onClick={done}>
        <Icon name="close" />
      </button>
    </section>
  );
}
