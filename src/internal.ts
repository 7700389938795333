/** What the command line, the tools and the benchmarks share with the library beyond its entry points. The package does not export it. */

export { attentionModules } from "./attention/index.js";
export { csv } from "./core/csv.js";
export { recordedIn } from "./core/settings.js";
export { alignmentNotes, classDifference, className } from "./data/align.js";
export { augmentationSettings, augmentedBy } from "./data/augment/settings.js";
export { preprocessingSchema } from "./data/checks.js";
export { cifar10, cifar100 } from "./data/cifar.js";
export { describeSplits } from "./data/dataset.js";
export { decodeWithBits } from "./data/decode.js";
export { imagesBelow } from "./data/folder-listing.js";
export { sightingIn, stretched } from "./data/market.js";
export { datasetMask, seenMask } from "./data/masks.js";
export { photoResize } from "./data/recipe.js";
export { parseClasses } from "./data/segmentation/class-list.js";
export { resampleLabels } from "./data/segmentation/label-map.js";
export { dimNote } from "./data/significant-bits.js";
export { ofSeen } from "./data/transforms.js";
export { describeLowering, type LayerLowering, webgpuKernels } from "./engines/ort/lowering-report.js";
export { openOnnxNetwork } from "./engines/ort/onnx-file.js";
export { cpuBackend } from "./engines/ort/targets/cpu.js";
export { type EnginePrecision, enginePrecisions } from "./engines/ort/tuning.js";
export { hasFastLayers } from "./engines/ort/winograd/fast-layers.js";
export { isSpatial, planeOf } from "./explain/epoch-maps.js";
export { fiveDigits, resizeHeatmap, storedMap } from "./explain/heatmap.js";
export { centerMap, meanIntervals, randomMap, road } from "./explain/metrics/index.js";
export { readWhole } from "./files/read.js";
export { makeFolder } from "./files/write.js";
export { classNames } from "./formats/class-names.js";
export { encodeNpy } from "./formats/npy.js";
export { readOnnxMetadata } from "./formats/onnx/read-metadata.js";
export { formatScope } from "./graph/scope.js";
export { cacheFolder } from "./hub/cache.js";
export { withClasses } from "./inference/create-pretrained.js";
export { buildNetwork } from "./inference/load-run.js";
export { pretrainedFor, pretrainedOf } from "./inference/pretrained-weights.js";
export { openTargetPredictor } from "./inference/targets.js";
export { classifierInfo, models, settled } from "./models/index.js";
export { type ComparedRun, renderComparison } from "./report/comparison.js";
export type { Cell, ImageCell } from "./report/index.js";
export { encodePng } from "./report/index.js";
export { labelColors, overlay } from "./report/label-colors.js";
export { planarOf, runMapCell } from "./report/looks.js";
export { imageLayer, planarLayer } from "./report/maps/layers.js";
export { renderSegmentationReport } from "./report/segmentation-report.js";
export { renderTargetsReport } from "./report/targets-report.js";
export { eventFile, eventRecords, type StepSummaries } from "./report/tensorboard.js";
export { defaultBatch } from "./train/batches.js";
export { distances, nearest } from "./train/distances.js";
export { forEachLogits } from "./train/evaluate.js";
export { extractFeatures } from "./train/extract-features.js";
export { bestRecord } from "./train/history.js";
export { forEachTensor } from "./train/load-weights.js";
export { logSumExp, probabilities, topIndices } from "./train/metrics.js";
export { optimizerNames, optimizers } from "./train/optimizers.js";
export { batchOf } from "./train/plan.js";
export { type Recipe, recipeNamed, recipeNames, recipes, requireEffect, withoutOverruled } from "./train/recipes.js";
export {
  forOutputsInUnits,
  type RegressionLoss,
  regressionLosses,
  traceInUnits,
} from "./train/regression.js";
export { forOutputs, type ReidOptions, reidDefaults, traceFeatures } from "./train/reidentification.js";
export { requireSizes, sizePhases } from "./train/resizing.js";
export { type RecordedEpoch, RunFolder } from "./train/run-folder.js";
export { type TaskRecord, taskOf, taskRecordSchema } from "./train/run-task.js";
export { scheduleBy, scheduleNames } from "./train/schedules.js";
export { type SegmentationLoss, segmentationLosses } from "./train/segmentation.js";
export { loopSettings, repeating, startSettings, stepSettings, trainingSettings } from "./train/settings.js";
export { testTimeKinds } from "./train/test-time.js";
