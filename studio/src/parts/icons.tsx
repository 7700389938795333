/** Line drawings on 24 × 24, for buttons that have words as well. */
const paths = {
  collect: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM16.5 13v6M13.5 16h6",
  train: "M4 19V5M4 19h16M7 15l4-5 3 3 5-7",
  understand:
    "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z",
  compare: "M5 19V9M12 19V5M19 19v-7M3 19h18",
  around: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM15.5 8.5l-2 5-5 2 2-5z",
  take: "M12 4v11M7.5 10.5 12 15l4.5-4.5M5 19.5h14",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  camera: "M4 8h3l1.5-2.5h7L17 8h3v11H4zM12 10.2a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
  files: "M6 3.5h8l4 4v13H6zM14 3.5v4h4",
  folder: "M3.5 6h6l2 2.5h9V19h-17z",
  plus: "M12 5v14M5 12h14",
  undo: "M9 7 4.5 11.5 9 16M4.5 11.5H14a5.5 5.5 0 0 1 0 11",
  redo: "M15 7l4.5 4.5L15 16M19.5 11.5H10a5.5 5.5 0 0 0 0 11",
  bin: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  zip: "M5 3.5h14v17H5zM12 3.5v3M12 8.5v2M12 12.5v3",
  spark: "M12 3.5l2 6.5 6.5 2-6.5 2-2 6.5-2-6.5-6.5-2 6.5-2z",
  play: "M7 4.5l12 7.5-12 7.5z",
  stop: "M6.5 6.5h11v11h-11z",
  close: "M6 6l12 12M18 6 6 18",
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d={paths[name]} />
  </svg>
);
