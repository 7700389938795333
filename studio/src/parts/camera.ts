/** A square from the middle of what a video shows, as PNG: what is stored is what was seen. */
export async function frameOf(video: HTMLVideoElement, side: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(side, side);
  drawSquare(canvas.getContext("2d")!, video, side);
  return canvas.convertToBlob({ type: "image/png" });
}

/** The square in the middle of a video, scaled. */
export function drawSquare(context: OffscreenCanvasRenderingContext2D, video: HTMLVideoElement, side: number): void {
  const { videoWidth: width, videoHeight: height } = video;
  const shorter = Math.min(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(video, (width - shorter) / 2, (height - shorter) / 2, shorter, shorter, 0, 0, side, side);
}

/** Why there is no camera, in words. */
export function cameraReason(error: unknown): string {
  const { name } = error as DOMException;
  if (name === "NotAllowedError")
    return "The camera was not allowed. Allow it in the address bar of the browser, then open this again.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "There is no camera on this device.";
  if (name === "NotReadableError") return "Another program uses the camera.";
  return `The camera cannot be used: ${(error as Error).message}`;
}
