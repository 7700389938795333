import type { PngImage } from "../png.js";

/** An axis-parallel rectangle. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Colors by what they are for: the page's theme decides. */
export type Ink = "ink" | "muted" | "outline" | "accent";

/** What a picture of maps is made of, before it becomes SVG or pixels. */
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
  /** Hides what lies below in part: what the network did not see. */
  | { readonly kind: "veil"; readonly at: Region }
  | { readonly kind: "frame"; readonly at: Region }
  | { readonly kind: "lines"; readonly segments: readonly Segment[] };

export type Align = "start" | "middle" | "end";
export type Segment = readonly [x1: number, y1: number, x2: number, y2: number];

/** A finished layout: sizes are in units of about a pixel. */
export interface Scene {
  readonly title: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly items: readonly Item[];
}

/** Size of text in pictures of maps. */
export const textSize = 12;
