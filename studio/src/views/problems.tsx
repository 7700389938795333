import { batch } from "@preact/signals";
import { project, repeated, selection, skipped, split } from "../state/project.js";

/** At most so many files are named. */
const mostNamed = 100;

/** What is odd about the images, and what to do about it. */
export function Problems() {
  const conflicts = repeated.value.filter(({ conflict }) => conflict);
  const names = new Map(project.value.classes.map(({ id, name }) => [id, name]));
  const { single } = split.value;
  return (
    <>
      {skipped.value.length > 0 && (
        <div class="note">
          <details open={skipped.value.length <= 3}>
            <summary>
              {skipped.value.length} {skipped.value.length === 1 ? "file was" : "files were"} skipped
            </summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reached by keyboard */}
            <ul tabIndex={0} aria-label="Skipped files">
              {skipped.value.slice(0, mostNamed).map(({ file, reason }, i) => (
                <li key={`${i} ${file}`}>
                  <strong>{file}</strong>: {reason}
                </li>
              ))}
            </ul>
          </details>
          <button type="button" class="button quiet" onClick={() => void (skipped.value = [])}>
            Got it
          </button>
        </div>
      )}
      {conflicts.length > 0 && (
        <div class="note">
          <span>
            {conflicts.length === 1 ? "One image is" : `${conflicts.length} images are`} in two classes:{" "}
            {[...new Set(conflicts[0]!.images.map(({ classId }) => `“${names.get(classId)}”`))].join(" and ")}. One of
            them must be wrong.
          </span>
          <button
            type="button"
            class="button"
            onClick={() =>
              batch(() => {
                selection.value = new Set(conflicts.flatMap(({ images }) => images.map(({ id }) => id)));
              })
            }
          >
            Select them
          </button>
        </div>
      )}
      {single.length > 0 && (
        <div class="note plain">
          <span>
            All images of {single.map(({ classId }) => `“${names.get(classId)}”`).join(", ")} are one burst. The last of
            them are held out, but they are nearly what the network is trained on. Record a second burst, in another
            place.
          </span>
        </div>
      )}
    </>
  );
}
