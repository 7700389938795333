import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** A color variable of the page. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface Props {
  readonly title: string;
  readonly x: readonly number[];
  readonly series: readonly Series[];
  readonly percent?: boolean;
  /** The last value of x, so that the axis need not move. */
  readonly end: number;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** A color of the page as it is now. */
function color(variable: string, at: Element): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  at.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const height = 190;

/** Where no point is pointed at, the legend has the values of the last one. */
function atLeastLast(plot: uPlot): void {
  const last = plot.data[0].length - 1;
  if (last >= 0 && plot.legend.idx == null) plot.setLegend({ idx: last }, false);
}

/** A live line chart. The same numbers are in a table below the charts. */
export function Chart({ title, x, series, percent = false, end }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  // What is drawn anew when colors change is what is shown then.
  const data = useRef<uPlot.AlignedData>([[]]);
  data.current = [[...x], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
  const names = series.map(({ name }) => name).join();
  // Made anew only when its lines change; values follow below.
  useEffect(() => {
    const home = box.current!;
    const text = (value: number | null) =>
      value == null ? "–" : percent ? `${(100 * value).toFixed(1)} %` : value.toFixed(3);
    const make = () => {
      plot.current?.destroy();
      const [muted, rule] = [color("--muted", home), color("--rule", home)];
      const axis = { stroke: muted, grid: { stroke: rule, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
      plot.current = new uPlot(
        {
          width: home.clientWidth,
          height,
          padding: [10, 8, 0, 0],
          cursor: { drag: { x: false, y: false }, points: { size: 7 } },
          legend: { show: true },
          hooks: { setLegend: [atLeastLast], setData: [atLeastLast] },
          scales: {
            x: { time: false, range: [0, end] },
            y: { range: (_, low, high) => (percent ? [0, 1] : [0, Math.max(high, low + 0.1)]) },
          },
          axes: [
            { ...axis, size: 30, space: 50, incrs: [1, 2, 5, 10, 20, 50, 100] },
            {
              ...axis,
              size: 48,
              values: (_, ticks) =>
                ticks.map((v) => (percent ? `${Math.round(100 * v)} %` : String(Number(v.toFixed(2))))),
            },
          ],
          series: [
            { label: "Epoch", value: (_, v) => (v == null ? "–" : Number(v.toFixed(2)).toString()) },
            ...series.map(({ name, color: variable, values }) => ({
              label: name,
              stroke: color(variable, home),
              width: 2,
              points: { show: values.filter((v) => v !== null).length < 40, size: 5 },
              spanGaps: true,
              value: (_: uPlot, v: number | null) => text(v),
            })),
          ],
        },
        data.current,
        home,
      );
    };
    make();
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: home.clientWidth, height }));
    observer.observe(home);
    dark.addEventListener("change", make);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, percent, end]);
  useEffect(() => {
    plot.current?.setData(data.current);
  });
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  );
}
