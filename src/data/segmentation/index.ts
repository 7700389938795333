export { ignored, mostPixelClasses, pixelLabels, resampleLabels, segmentationOf, writeLabels } from "./label-map.js";
export { type WindowGrid, type WindowPlace, type Windows, windowGrid, windowImage, windowsOf } from "./windows.js";
