export type SampleName = "shapes" | "anywhere" | "textures" | "shortcut";

/** Images to start with, for those who have none: they are drawn in the page. */
export interface Sample {
  readonly name: SampleName;
  readonly title: string;
  readonly text: string;
  /** The side of its images, in pixels: a good input size. */
  readonly imageSize: number;
}

export const samples: readonly Sample[] = [
  {
    name: "shapes",
    title: "Shapes",
    text: "Four kinds of shapes on busy backgrounds. Easy, and enough to see everything the studio does.",
    imageSize: 32,
  },
  {
    name: "anywhere",
    title: "Small shapes anywhere",
    text: "The same four, half as large, and anywhere in the image. Hard: it takes more epochs. Do the maps find them?",
    imageSize: 48,
  },
  {
    name: "textures",
    title: "Textures",
    text: "Checks, dots, rings and stripes that fill the image. There is no one place to look.",
    imageSize: 32,
  },
  {
    name: "shortcut",
    title: "A shortcut",
    text: "Circles and squares, but nearly all circles have a white tag in a corner. Train, then look: which did it learn?",
    imageSize: 32,
  },
];
