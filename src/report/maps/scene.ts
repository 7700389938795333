import type { PngImage } from "../png.js";

/** An axis-parallel rectangle. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Colors by purpose: the page's theme decides. */
export type Ink = "ink" | "muted" | "outline" | "accent";

/** The elements of a drawing, before it becomes SVG or pixels. */
export type Item =
  | { readonly kind: "image"; readonly at: Region; readonly image: PngImage; readonly smooth: boolean }
  | {
      readonly kind: "text";
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly ink: Ink;
      readonly align: Align;
    }
  | { readonly kind: "rect"; readonly at: Region; readonly ink: Ink }
  /** Dims what lies below: what the network did not see. */
  | { readonly kind: "veil"; readonly at: Region }
  | { readonly kind: "frame"; readonly at: Region }
  | { readonly kind: "lines"; readonly segments: readonly Segment[] };

export type Align = "start" | "middle" | "end";
export type Segment = readonly [x1: number, y1: number, x2: number, y2: number];

/** A finished layout, in units of about a pixel. */
export interface Scene {
  readonly title: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly items: readonly Item[];
}

/** Font size in map drawings. */
export const textSize = 12;
