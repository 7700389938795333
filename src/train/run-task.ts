import { by, fieldsOf, isObject, oneOf, type Schema } from "../core/schema.js";
import { type MultiLabelTask, multiLabel, multiLabelRecord } from "./multi-label.js";
import { type RegressionTask, regression, regressionRecord } from "./regression.js";
import { type ReidTask, reidentification, reidRecord } from "./reidentification.js";
import { type SegmentationTask, segmentation, segmentationRecord } from "./segmentation.js";
import { classification, type Task } from "./task.js";

/** The task of a run, in plain data, as in `config.json`. Classification has none. */
export type TaskRecord = SegmentationTask | MultiLabelTask | RegressionTask | ReidTask;

/** How a task is recorded, and made from its record. */
interface Recorded<R extends TaskRecord> {
  readonly schema: Schema<R>;
  open(record: R): Task;
}

const tasks: { readonly [N in TaskRecord["name"]]: Recorded<Extract<TaskRecord, { readonly name: N }>> } = {
  segmentation: {
    schema: segmentationRecord,
    open: ({ loss, classWeights }) => segmentation({ loss, ...(classWeights && { classWeights }) }),
  },
  "multi-label": { schema: multiLabelRecord, open: () => multiLabel() },
  regression: {
    schema: regressionRecord,
    open: ({ loss, mean, deviation }) => regression({ loss, mean, deviation }),
  },
  reid: { schema: reidRecord, open: ({ instances, margin }) => reidentification({ instances, margin }) },
};

const unknown = fieldsOf<TaskRecord>({
  name: oneOf(...(Object.keys(tasks) as TaskRecord["name"][])),
} as never);

/** Schema of `task` in `config.json`. */
export const taskRecordSchema: Schema<TaskRecord> = by<TaskRecord>((given) =>
  isObject(given) && typeof given.name === "string" && Object.hasOwn(tasks, given.name)
    ? (tasks[given.name as TaskRecord["name"]].schema as Schema<TaskRecord>)
    : unknown,
);

/** The task of a run. */
export const taskOf = ({ task }: { readonly task?: TaskRecord }): Task =>
  task ? (tasks[task.name] as Recorded<TaskRecord>).open(task) : classification;
