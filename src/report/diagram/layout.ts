/** A figure to place: its size and predecessors. */
export interface Figure {
  readonly width: number;
  readonly height: number;
  readonly from: readonly number[];
}

/** Position of a figure: center, top, and its row, which is as high as its tallest figure. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly rowTop: number;
  readonly rowBottom: number;
}

/** A line between two figures, by index, through points in the rows between. */
export interface Line {
  readonly from: number;
  readonly to: number;
  readonly through: readonly { readonly x: number; readonly top: number; readonly bottom: number }[];
}

export interface Layout {
  readonly places: readonly Place[];
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

/** A figure, or a point where a line crosses a row. */
interface Slot {
  readonly width: number;
  readonly figure?: number;
  readonly row: number;
  readonly above: Slot[];
  readonly below: Slot[];
  x: number;
}

const gap = { across: 18, down: 26 };

/**
 * Layered layout after Sugiyama, Tagawa and Toda (1981): each figure is in the row after its last predecessor; lines through other rows
 * get a slot there; slots are ordered to reduce crossings, then moved towards their neighbors. Figures must be given in topological
 * order.
 */
export function layOut(figures: readonly Figure[]): Layout {
  const rows: Slot[][] = [];
  const slot = (row: number, width: number, figure?: number): Slot => {
    const made = { width, row, above: [], below: [], x: 0, ...(figure === undefined ? {} : { figure }) };
    (rows[row] ??= []).push(made);
    return made;
  };
  const slots: Slot[] = [];
  const paths: { from: number; to: number; slots: Slot[] }[] = [];
  const join = (a: Slot, b: Slot) => {
    a.below.push(b);
    b.above.push(a);
  };
  figures.forEach(({ from, width }, i) => {
    const own = slot(Math.max(-1, ...from.map((j) => slots[j]!.row)) + 1, width, i);
    slots.push(own);
    for (const j of from) {
      const between = Array.from({ length: own.row - slots[j]!.row - 1 }, (_, k) => slot(slots[j]!.row + 1 + k, 8));
      const chain = [slots[j]!, ...between, own];
      chain.slice(1).forEach((next, k) => join(chain[k]!, next));
      paths.push({ from: j, to: i, slots: between });
    }
  });
  order(rows);
  spread(rows);
  const left = Math.min(...rows.flat().map((s) => s.x - s.width / 2));
  const width = Math.max(...rows.flat().map((s) => s.x + s.width / 2)) - left;
  const heights = rows.map((row) =>
    Math.max(...row.map((s) => (s.figure === undefined ? 0 : figures[s.figure]!.height))),
  );
  const tops = heights.map((_, i) => heights.slice(0, i).reduce((y, h) => y + h + gap.down, 0));
  return {
    places: slots.map((s, i) => {
      const [rowTop, rowBottom] = [tops[s.row]!, tops[s.row]! + heights[s.row]!];
      return { x: s.x - left, y: (rowTop + rowBottom - figures[i]!.height) / 2, rowTop, rowBottom };
    }),
    lines: paths.map(({ from, to, slots: between }) => ({
      from,
      to,
      through: between.map((s) => ({ x: s.x - left, top: tops[s.row]!, bottom: tops[s.row]! + heights[s.row]! })),
    })),
    width,
    height: tops.at(-1)! + heights.at(-1)!,
  };
}

/** Orders every row by the mean position of its neighbors, alternating down and up, and keeps the order with the fewest crossings. */
function order(rows: Slot[][]): void {
  const index = new Map<Slot, number>();
  const mean = (s: Slot, neighbors: readonly Slot[]) =>
    neighbors.length ? neighbors.reduce((sum, n) => sum + index.get(n)!, 0) / neighbors.length : index.get(s)!;
  let best = { crossings: Number.POSITIVE_INFINITY, rows: rows.map((row) => [...row]) };
  const keep = () => {
    for (const row of rows) row.forEach((s, i) => index.set(s, i));
    const count = crossings(rows, index);
    if (count < best.crossings) best = { crossings: count, rows: rows.map((row) => [...row]) };
  };
  keep();
  // The outcome depends on the starting order and on how ties are broken, so both are varied, deterministically.
  for (let start = 0; start < 12; start++) {
    if (start > 0) for (const row of rows) row.reverse();
    keep();
    for (let sweep = 0; sweep < 24 && best.crossings > 0; sweep++) {
      const down = sweep % 2 === 0;
      for (const row of down ? rows : rows.toReversed()) {
        const wanted = new Map(row.map((s) => [s, mean(s, down ? s.above : s.below)]));
        // The sort is stable, so this breaks ties.
        if ((sweep * 7 + rows.indexOf(row) * 5 + start * 3) % 4 >= 2) row.reverse();
        row.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
        row.forEach((s, i) => index.set(s, i));
      }
      keep();
    }
  }
  best.rows.forEach((row, i) => rows[i]!.splice(0, row.length, ...row));
}

function crossings(rows: readonly Slot[][], index: ReadonlyMap<Slot, number>): number {
  let count = 0;
  for (const row of rows) {
    const lines = row.flatMap((a) => a.below.map((b) => [index.get(a)!, index.get(b)!] as const));
    lines.forEach(([a, b], i) => lines.slice(i + 1).forEach(([c, d]) => (count += (a - c) * (b - d) < 0 ? 1 : 0)));
  }
  return count;
}

/** Slots exactly below each other. */
interface Column {
  readonly slots: Slot[];
  x: number;
}

/** Puts slots in straight columns and moves these towards their neighbors, keeping the order of every row. */
function spread(rows: readonly Slot[][]): void {
  const columns = columnsOf(rows);
  const of = new Map(columns.flatMap((column) => column.slots.map((slot) => [slot, column] as const)));
  // Room that each column needs on its left, and leaves on its right.
  const beside = rows.flatMap((row) =>
    row.slice(1).map((right, i) => {
      const left = row[i]!;
      return { left: of.get(left)!, right: of.get(right)!, distance: (left.width + right.width) / 2 + gap.across };
    }),
  );
  // All as far left as possible. There are no cycles, since links of columns do not cross.
  for (let changed = true; changed; ) {
    changed = false;
    for (const { left, right, distance } of beside)
      if (right.x < left.x + distance) {
        right.x = left.x + distance;
        changed = true;
      }
  }
  for (let round = 0; round < 120; round++)
    for (const column of round % 2 ? columns : columns.toReversed()) {
      const low = beside.filter(({ right }) => right === column).map(({ left, distance }) => left.x + distance);
      const high = beside.filter(({ left }) => left === column).map(({ right, distance }) => right.x - distance);
      const neighbors = column.slots.flatMap((slot) => [...slot.above, ...slot.below]).map((slot) => of.get(slot)!);
      const others = neighbors.filter((neighbor) => neighbor !== column);
      const wanted = others.length ? others.reduce((sum, { x }) => sum + x, 0) / others.length : column.x;
      column.x = Math.max(...low, Math.min(...high, wanted));
    }
  for (const { slots, x } of columns) for (const slot of slots) slot.x = x;
}

/**
 * The slots in columns: a line through several rows is straight, and so is a chain of figures with one predecessor and one successor.
 * A link that would cross another is left out (Brandes and Köpf, 2001). From left to right.
 */
function columnsOf(rows: readonly Slot[][]): Column[] {
  const columns = new Map<Slot, Column>();
  const real = (slots: readonly Slot[]) => slots.filter(({ figure }) => figure !== undefined);
  const only = (slots: readonly Slot[], slot: Slot) => slots.length === 1 && slots[0] === slot;
  for (const [i, row] of rows.entries()) {
    const above = rows[i - 1] ?? [];
    const links = row.flatMap((b) => b.above.map((a) => [a, b] as const));
    const lines = links.filter(([a, b]) => a.figure === undefined && b.figure === undefined);
    const chains = links.filter(([a, b]) => only(real(a.below), b) && only(real(b.above), a));
    const kept: (readonly [number, number])[] = [];
    for (const slot of row) columns.set(slot, { slots: [slot], x: 0 });
    for (const [a, b] of [...lines, ...chains]) {
      const [from, to] = [above.indexOf(a), row.indexOf(b)];
      if (kept.some(([p, q]) => (p - from) * (q - to) <= 0)) continue;
      kept.push([from, to]);
      const column = columns.get(a)!;
      column.slots.push(b);
      columns.set(b, column);
    }
  }
  return [...new Set(rows.flatMap((row) => row.map((slot) => columns.get(slot)!)))];
}
