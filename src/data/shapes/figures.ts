/**
 * Signed distance to the outline of a figure of radius about 1 at the origin: negative inside, positive outside.
 * Exact near the outline, which is what antialiasing needs.
 */
export type Figure = (x: number, y: number) => number;

/** The classes: figures that are unchanged by rotation and mirroring, and distinguishable at a radius of 7 pixels. */
export const figures = {
  circle: (x, y) => Math.hypot(x, y) - 0.9,
  square: polygon([-0.8, -0.8, 0.8, -0.8, 0.8, 0.8, -0.8, 0.8]),
  triangle: polygon([0, -1.1, 0.95, 0.65, -0.95, 0.65]),
  star: polygon(starPoints(5, 1.15, 0.45)),
  cross: polygon([
    -0.32, -1, 0.32, -1, 0.32, -0.32, 1, -0.32, 1, 0.32, 0.32, 0.32, 0.32, 1, -0.32, 1, -0.32, 0.32, -1, 0.32, -1,
    -0.32, -0.32, -0.32,
  ]),
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.75) - 0.25,
  crescent: (x, y) => Math.max(Math.hypot(x, y) - 1, 0.78 - Math.hypot(x - 0.5, y)),
  heart,
  arrow: polygon([1.1, 0, 0.15, -0.85, 0.15, -0.3, -1, -0.3, -1, 0.3, 0.15, 0.3, 0.15, 0.85]),
  hourglass: polygon([-0.85, -1, 0.85, -1, 0.15, 0, 0.85, 1, -0.85, 1, -0.15, 0]),
} satisfies Record<string, Figure>;

/** Corners of a star with `n` tips: x0, y0, x1, y1, … */
function starPoints(n: number, outer: number, inner: number): number[] {
  return Array.from({ length: 2 * n }, (_, i) => {
    const radius = i % 2 ? inner : outer;
    const angle = (Math.PI * i) / n;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  }).flat();
}

/** Distance to the nearest edge; the sign flips at each edge that a horizontal ray from the point crosses. */
function polygon(corners: readonly number[]): Figure {
  const n = corners.length;
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let sign = 1;
    for (let i = 0, j = n - 2; i < n; j = i, i += 2) {
      const px = x - corners[i]!; // the point and the edge, seen from the corner
      const py = y - corners[i + 1]!;
      const ex = corners[j]! - corners[i]!;
      const ey = corners[j + 1]! - corners[i + 1]!;
      const along = Math.min(1, Math.max(0, (px * ex + py * ey) / (ex * ex + ey * ey)));
      const dx = px - ex * along;
      const dy = py - ey * along;
      nearest = Math.min(nearest, dx * dx + dy * dy);
      const above = py >= 0;
      if (above === py < ey && above === ex * py > ey * px) sign = -sign;
    }
    return sign * Math.sqrt(nearest);
  };
}

/** Two lobes above a square standing on its corner (after Inigo Quilez, "2D distance functions"). */
function heart(x: number, y: number): number {
  const px = Math.abs(x) / 1.75;
  const py = (0.95 - y) / 1.75;
  if (px + py > 1) return 1.75 * (Math.hypot(px - 0.25, py - 0.75) - Math.SQRT2 / 4);
  const low = Math.max(px + py, 0) / 2;
  const outline = Math.min(Math.hypot(px, py - 1), Math.hypot(px - low, py - low));
  return 1.75 * outline * Math.sign(px - py);
}
