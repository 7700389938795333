/** A map over the plane of an image, row by row: signed, in the units of its method, at the resolution of its layer. */
export interface Heatmap {
  readonly height: number;
  readonly width: number;
  /** `height * width` values. */
  readonly data: Float64Array;
}
