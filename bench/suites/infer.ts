import { createModelByName, trace } from "../../src/index.js";
import { normal, varied } from "../workload.js";
import { peerKeys } from "./nets.js";
import type { Suite } from "./suite.js";

/** Catalogue name and attention module of each network. */
const networks = {
  resnet18: ["resnet18", null],
  resnet50: ["resnet50", null],
  "resnet50+cbam": ["resnet50", "cbam"],
  "mobilenetv2+coord": ["mbv2_ca", null],
  "van-b0": ["van_b0", null],
} as const;

export const infer: Suite = {
  name: "infer",
  title: "Inference at 224×224",
  about:
    "ImageNet networks on random images: latency of one image (`b1`) and a batch of 16 (`b16`). Fovea compiles `trace(model, …)`, as " +
    "`predict` does: batch norms are folded into convolutions. PyTorch is in `eval` and `no_grad`. " +
    "Fovea, int8 is the file of `export --precision int8 --calibrate`.",
  peers: ["pytorch", "pytorch-bf16", "fovea-int8"],
  cases: Object.keys(networks).flatMap((net) => [`${net}/b1`, `${net}/b16`]),
  rounds: 3,
  steps: 9,
  *measures(name) {
    const [net, batch] = name.split("/b") as [keyof typeof networks, string];
    const [entry, attention] = networks[net];
    const input = [Number(batch), 3, 224, 224];
    const built = varied(createModelByName(entry, { attention }));
    const feeds = { input: normal("images", input) };
    yield { name: "inference", model: built, peerKey: peerKeys("cbam"), graph: trace(built, input), feeds };
  },
};
