import { type PngImage, pngDataUri } from "../png.js";
import { element, type Markup, raw } from "../svg.js";
import { palette, style } from "../theme.js";
import { type Ink, type Item, type Region, type Scene, textSize } from "./scene.js";

/** Text colors are the page's, light or dark; lines over images must be visible on anything. */
const classes: Record<Ink, string> = { ink: "", muted: "muted", outline: "", accent: "accent" };

/** The scene as one self-contained SVG that scales down with the page, never up, and can be read aloud. */
export function sceneToSvg({ title, description, width, height, items }: Scene): string {
  const uses = new Map<PngImage, number>();
  for (const item of items) if (item.kind === "image") uses.set(item.image, (uses.get(item.image) ?? 0) + 1);
  const shared = new Map([...uses].flatMap(([image, count]) => (count > 1 ? [[image, idOf(image)] as const] : [])));
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      class: "fovea",
      viewBox: `0 0 ${width} ${height}`,
      style: `display:block;width:100%;max-width:${width}px;height:auto`,
      role: "img",
      "aria-label": title,
    },
    element("title", {}, title),
    element("desc", {}, description),
    element("style", {}, raw(style)),
    shared.size > 0 &&
      element(
        "defs",
        {},
        [...shared].map(([image, id]) =>
          element(
            "symbol",
            { id, viewBox: "0 0 1 1", preserveAspectRatio: "none" },
            element("image", { width: 1, height: 1, preserveAspectRatio: "none", href: pngDataUri(image) }),
          ),
        ),
      ),
    items.map((item) => draw(item, shared)),
  ).text;
}

const box = ({ left, top, width, height }: Region) => ({ x: left, y: top, width, height });

function draw(item: Item, shared: ReadonlyMap<PngImage, string>): Markup | Markup[] {
  switch (item.kind) {
    case "image": {
      const pixelated = item.smooth ? null : "image-rendering:pixelated";
      const id = shared.get(item.image);
      if (id) return element("use", { ...box(item.at), href: `#${id}`, style: pixelated });
      const href = pngDataUri(item.image);
      return element("image", { ...box(item.at), preserveAspectRatio: "none", href, style: pixelated });
    }
    case "text":
      return element(
        "text",
        {
          x: item.x,
          y: item.y,
          class: classes[item.ink] || null,
          "text-anchor": item.align === "start" ? null : item.align,
          style: `font-size:${textSize}px`,
        },
        item.text,
      );
    case "rect":
      return element("rect", { ...box(item.at), class: `own ${classes[item.ink]}`.trim() });
    case "veil":
      return element("rect", { ...box(item.at), class: "paper", "fill-opacity": 0.65 });
    case "frame":
      return outlined("rect", box(item.at));
    case "lines":
      return outlined("path", {
        d: item.segments.map(([x1, y1, x2, y2]) => `M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}`).join(""),
      });
  }
}

/** A light line inside a dark one. */
function outlined(name: string, attributes: Readonly<Record<string, string | number>>): Markup[] {
  const stroke = (color: string, width: number) =>
    element(name, { ...attributes, fill: "none", stroke: color, "stroke-width": width, "stroke-linecap": "round" });
  return [stroke(palette.ink[0], 2.5), stroke(palette.panel[0], 1)];
}

const short = (value: number) => Math.round(value * 10) / 10;

/** The same for the same pixels, so that several drawings can share a page. */
function idOf({ width, height, pixels }: PngImage): string {
  let hash = 0x811c9dc5;
  for (const byte of pixels) hash = Math.imul(hash ^ byte, 0x01000193);
  return `image-${width}x${height}-${(hash >>> 0).toString(16)}`;
}
