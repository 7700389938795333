import { useEffect, useRef } from "preact/hooks";
import { overlay, type Plane } from "../../logic/colors.js";

/** An image in RGBA. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

interface Props {
  readonly picture: Picture;
  readonly map: Plane | null;
  /** Values at the ends of the color scale. */
  readonly range: readonly [number, number];
  /** For those who do not see it. */
  readonly label: string;
}

const side = 192;

export function onCanvas({ width, height, data }: Picture): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")!.putImageData(new ImageData(data, width, height), 0, 0);
  return canvas;
}

/** An image with a map over it. */
export function MapPicture({ picture, map, range: [low, high], label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    // Small images keep their pixels.
    context.imageSmoothingEnabled = picture.width > side / 2;
    context.drawImage(onCanvas(picture), 0, 0, side, side);
    if (!map) return;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    const { width, height } = map;
    context.drawImage(onCanvas({ width, height, data: overlay(map, low, high) }), 0, 0, side, side);
  }, [picture, map, low, high]);
  return <canvas ref={canvas} class="map-picture" width={side} height={side} role="img" aria-label={label} />;
}
