import { Icon } from "../parts/icons.js";
import { moveImages, project, removeImages, selection } from "../state/project.js";

/** What can be done with the images that are selected. */
export function SelectionBar() {
  const count = selection.value.size;
  return (
    <section class="selection-bar" aria-label="Selected images">
      <strong>{count} selected</strong>
      <label>
        <span class="hidden">Move to class</span>
        <select
          value=""
          onChange={({ currentTarget }) => {
            moveImages(selection.value, currentTarget.value);
            selection.value = new Set();
          }}
        >
          <option value="" disabled>
            Move to …
          </option>
          {project.value.classes.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="button" onClick={() => removeImages(selection.value)}>
        <Icon name="bin" />
        Remove
      </button>
      <button
        type="button"
        class="button icon quiet"
        aria-label="Select none"
        title="Select none"
        onClick={() => void (selection.value = new Set())}
      >
        <Icon name="close" />
      </button>
    </section>
  );
}
