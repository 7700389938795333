import { appendFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EpochMaps, SeenImage } from "../core/findings.js";
import { scoreNames, taskScores } from "../core/tasks.js";
import { drawMapGridPng } from "../explain.js";
import { FoveaError, writeFileAtomic } from "../index.js";
import {
  eventFile,
  eventRecords,
  planarOf,
  type RecordedEpoch,
  type RunFolder,
  runMapCell,
  type StepSummaries,
} from "../internal.js";

type Epoch = Omit<RecordedEpoch, "validation">;

/** Files of this name are ours: a run that is resumed, or reported again, rewrites its own. TensorBoard looks for `tfevents`. */
const eventsFile = "events.out.tfevents.0.fovea";

/** The epochs of a run as a TensorBoard event file: curves, and maps of the followed images. */
export class Events {
  #time: number;

  private constructor(
    private readonly path: string,
    start: number,
    private readonly followed: readonly SeenImage[],
  ) {
    this.#time = start;
  }

  /** Writes what there is so far. */
  static async create(
    folder: string,
    run: RunFolder,
    epochs: readonly Epoch[],
    followed: readonly SeenImage[],
    maps: readonly EpochMaps[],
  ): Promise<Events> {
    const start = (await stat(join(run.path, "config.json"))).mtimeMs / 1000;
    const events = new Events(join(folder, eventsFile), start, followed);
    const steps = epochs.map((epoch) =>
      events.#step(
        epoch,
        maps.find((one) => one.epoch === epoch.epoch),
      ),
    );
    await writeFileAtomic(events.path, eventFile(steps, start));
    return events;
  }

  /** Appends an epoch, so that a TensorBoard that is watching sees it. */
  async add(epoch: Epoch, maps: EpochMaps | undefined): Promise<void> {
    await appendFile(this.path, eventRecords([this.#step(epoch, maps)])).catch((error: Error) => {
      throw new FoveaError(`cannot write ${this.path}: ${error.message}`);
    });
  }

  #step(epoch: Epoch, maps: EpochMaps | undefined): StepSummaries {
    this.#time += epoch.seconds;
    const { trainLoss, trainTop1, loss, top1, top5, lr, imagesPerSecond } = epoch;
    const curves = {
      "loss/training": trainLoss,
      "loss/validation": loss,
      "top-1/training": trainTop1,
      "top-1/validation": top1,
      "top-5/validation": top5,
      ...Object.fromEntries(taskScores.map((field) => [`${scoreNames[field]}/validation`, epoch[field] ?? null])),
      "learning rate": lr,
      "images per second": imagesPerSecond,
    };
    const scalars = Object.entries(curves).flatMap(([tag, value]) => (value === null ? [] : [{ tag, value }]));
    const picture = maps?.looks.length === this.followed.length ? [pictureOf(this.followed, maps)] : [];
    return { step: epoch.epoch, time: this.#time, summaries: [...scalars, ...picture] };
  }
}

function pictureOf(followed: readonly SeenImage[], { looks, gate, layer }: EpochMaps) {
  const images = followed.map(({ image }) => planarOf(image));
  const png = drawMapGridPng(
    {
      title: "maps",
      columns: followed.map(({ label }) => label),
      rows: ["images", `Grad-CAM at ${layer}`, ...(gate === null ? [] : [gate])],
      cells: [
        images.map((image) => ({ image })),
        looks.map(({ cam }, i) => runMapCell(cam, images[i]!)),
        ...(gate === null ? [] : [looks.map((look, i) => runMapCell(look.gate, images[i]!, true))]),
      ],
    },
    { scale: "cell", density: 1, cellSize: 48 },
  );
  const header = new DataView(png.buffer, png.byteOffset);
  return { tag: "maps", png, width: header.getUint32(16), height: header.getUint32(20) };
}
