export { ignored, mostPixelClasses, pixelLabels, segmentationOf, writeLabels } from "./label-map.js";
export { type WindowGrid, type WindowPlace, type Windows, windowGrid, windowImage, windowsOf } from "./windows.js";
