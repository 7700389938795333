import { resnet } from "../../src/nn.js";
import { drawLineChart } from "../../src/report/line-chart.js";
import { element, raw } from "../../src/report/svg.js";
import { drawing } from "../../src/report/theme.js";
import type { SideResult } from "../results.js";
import { varied } from "../workload.js";
import { training } from "./nets.js";
import type { Suite } from "./suite.js";

/** What a training step of a CIFAR ResNet is of. */
interface Work {
  readonly depth: number;
  readonly batch: number;
  readonly side: number;
}

const usual: Work = { depth: 20, batch: 32, side: 32 };

/** What varies while the rest is as usual, and the axis it is shown on. Work is linear in each, but for stem and classifier in depth. */
const axes = [
  { key: "batch", values: [8, 16, 32, 64, 128, 256], label: "images in a batch", x: ({ batch }: Work) => batch },
  {
    key: "side",
    values: [16, 32, 48, 64, 96, 128],
    label: "thousands of pixels in an image",
    x: ({ side }: Work) => side ** 2 / 1000,
  },
  { key: "depth", values: [20, 32, 44, 56, 110], label: "layers", x: ({ depth }: Work) => depth },
] as const;

const nameOf = ({ depth, batch, side }: Work) => `resnet${depth}/b${batch}@${side}`;
const worksAlong = ({ key, values }: (typeof axes)[number]): Work[] =>
  values.map((value) => ({ ...usual, [key]: value }));
const works = new Map(axes.flatMap(worksAlong).map((one) => [nameOf(one), one]));

export const work: Suite = {
  name: "work",
  title: "Cost against work",
  about:
    "A training step of CIFAR ResNets, as above: time and peak memory by batch (ResNet-20 at 32×32), by image size (ResNet-20, batch 32) and " +
    "by depth (batch 32 at 32×32).",
  peers: ["pytorch"],
  cases: [...works.keys()],
  rounds: 3,
  steps: 5,
  *measures(name) {
    const { depth, batch, side } = works.get(name)!;
    const model = varied(resnet(depth, { numClasses: 10, stem: "cifar" }));
    yield training("training", model, [batch, 3, side, side]);
  },
  chart({ rows }, sides) {
    const sideOf = (row: string, side: string): SideResult | undefined =>
      rows.find(({ case: name }) => name === row)?.sides[side];
    const quantities = [
      { title: "Time of a step", yLabel: "ms", of: (side?: SideResult) => side?.seconds && 1000 * side.seconds.median },
      {
        title: "Peak memory",
        yLabel: "MiB",
        of: (side?: SideResult) => side?.peakMemoryBytes && side.peakMemoryBytes / 2 ** 20,
      },
    ];
    const panels = axes.flatMap((axis) =>
      quantities.map(({ title, yLabel, of }) =>
        drawLineChart({
          title: `${title} by ${axis.key === "side" ? "image size" : axis.key}`,
          xLabel: axis.label,
          yLabel,
          fromZero: true,
          series: sides.map(({ name, title: label }) => ({
            name: label,
            points: worksAlong(axis).map((one) => [axis.x(one), of(sideOf(nameOf(one), name)) ?? null]),
          })),
        }),
      ),
    );
    const [width, height] = [500, 320];
    const place = (i: number) => `translate(${(i % 2) * width},${Math.floor(i / 2) * height})`;
    return drawing(
      "Cost against work",
      2 * width,
      axes.length * height,
      panels.map((panel, i) => element("g", { transform: place(i) }, raw(panel))),
    );
  },
};
