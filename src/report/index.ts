export { type ColormapName, colormap } from "./colormap.js";
export { type ConfusedPair, type ConfusionOptions, confusionMatrix, mostConfused } from "./confusion-matrix.js";
export { type DiagramOptions, drawDiagram } from "./diagram.js";
export { drawHeatmap, type HeatmapData, type HeatmapOptions, type PlanarImage } from "./heatmap.js";
export { labelColors, overlay } from "./label-colors.js";
export { drawLineChart, type LineChartOptions, type LineSeries, type Point } from "./line-chart.js";
export {
  type Cell,
  type ChannelCell,
  drawMapGrid,
  drawMapGridPng,
  type ImageCell,
  type MapCell,
  type MapGrid,
  type MapGridOptions,
  mapToPhotograph,
  pairwiseMap,
  type Region,
  type StripCell,
} from "./maps/index.js";
export { encodePng, type PngImage } from "./png.js";
export { type RunReport, renderReport } from "./run-report.js";
export { renderSegmentationReport, type SegmentationReport } from "./segmentation-report.js";
export type { ReportEpoch } from "./training-curves.js";
