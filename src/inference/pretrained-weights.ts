import { OptionError, unknownName } from "../core/errors.js";
import { check, classList, fieldsOf, finite, maybe, orNull, type Schema, settings, text } from "../core/schema.js";
import { preprocessingSchema } from "../data/checks.js";
import { cifar10Classes, cifar100Classes } from "../data/cifar-classes.js";
import { normalizations, type Preprocessing } from "../data/index.js";
import { imagenetClasses } from "../models/imagenet.js";
import { modelInfo } from "../models/index.js";

/** Weights that somebody published for a network of the catalogue. */
export interface PretrainedWeights {
  /** Name: a network and what timm calls a tag, `resnet50.a1_in1k`. */
  readonly name: string;
  /** The network's name in the catalogue. */
  readonly model: string;
  /** Options of the network that the weights need, besides its defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Where the file is, as `resolveWeights` takes it: at a fixed revision or under a name of its own, with its sha256. */
  readonly source: string;
  /** Who trained them. */
  readonly authors: string;
  /** SPDX identifier of the license under which they were published; null if the authors state none. */
  readonly license: string | null;
  /** Class names in the order of the logits. */
  readonly classes: readonly string[];
  /** How images become inputs when the authors measure. */
  readonly preprocessing: Preprocessing;
  /** Top-1 accuracy that the authors state, in percent. */
  readonly top1: number;
}

export const pretrainedWeightsSchema: Schema<PretrainedWeights> = fieldsOf<PretrainedWeights>(
  {
    name: text,
    model: text,
    options: settings,
    source: text,
    authors: text,
    license: orNull(text),
    classes: classList,
    preprocessing: preprocessingSchema,
    top1: finite,
  },
  "weights, as pretrainedWeights has them",
);

/** A file on the Hugging Face hub, at a commit. */
const onHub = (repository: string, commit: string, sha256: string): string =>
  `hf:${repository}@${commit}/model.safetensors#sha256=${sha256}`;

/** A file of PyTorch's, whose name ends with the first digits of its digest. */
const ofPyTorch = (file: string, sha256: string): string =>
  `https://download.pytorch.org/models/${file}-${sha256.slice(0, 8)}.pth#sha256=${sha256}`;

/** A file in a commit of a GitHub repository. */
const onGitHub = (repository: string, commit: string, path: string, sha256: string): string =>
  `https://raw.githubusercontent.com/${repository}/${commit}/${path}#sha256=${sha256}`;

/** A file of a release of chenyaofo/pytorch-cifar-models. */
const released = (file: string, sha256: string): string =>
  `https://github.com/chenyaofo/pytorch-cifar-models/releases/download/resnet/${file}-${sha256.slice(0, 8)}.pt#sha256=${sha256}`;

/** What rows of the table have in common. */
type Shared = Omit<PretrainedWeights, "name" | "model" | "source" | "top1" | "options">;
type Row = readonly [name: string, top1: number, source: string, own?: Partial<PretrainedWeights>];

const rows = (shared: Shared, ...list: readonly Row[]): readonly PretrainedWeights[] =>
  list.map(([name, top1, source, own]) => ({
    name,
    model: name.slice(0, name.indexOf(".")),
    options: {},
    ...shared,
    source,
    top1,
    ...own,
  }));

const photos = (resize: number): Preprocessing => ({ imageSize: 224, resize, ...normalizations.imagenet });
const icons = (normalization: Omit<Preprocessing, "imageSize" | "resize">): Preprocessing => ({
  imageSize: 32,
  resize: 32,
  ...normalization,
});

const torchvision: Shared = {
  authors: "torchvision",
  license: "BSD-3-Clause",
  classes: imagenetClasses,
  preprocessing: photos(256),
};
/** torchvision's second set of weights is measured on larger crops. */
const second = { preprocessing: photos(232) };
const timm: Shared = { ...torchvision, authors: "timm", license: "Apache-2.0", preprocessing: photos(235) };
const akamaster: Shared = {
  authors: "akamaster/pytorch_resnet_cifar10",
  license: "BSD-2-Clause",
  classes: cifar10Classes,
  preprocessing: icons(normalizations.imagenet),
};
const identity = { options: { shortcut: "identity" } };
const common = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] } as const;
const chenyaofo: Shared = {
  authors: "chenyaofo/pytorch-cifar-models",
  license: "BSD-3-Clause",
  classes: cifar10Classes,
  preprocessing: icons(common),
};
const fine = {
  classes: cifar100Classes,
  preprocessing: icons({ mean: [0.507, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2761] }),
};
const simam: Shared = {
  authors: "ZjjConan/SimAM",
  license: null,
  classes: cifar100Classes,
  preprocessing: icons(common),
};

const akamasterAt = (file: string, sha256: string): string =>
  onGitHub(
    "akamaster/pytorch_resnet_cifar10",
    "d5489e8995e81e91ce6b1d69dcc98ad579b0b153",
    `pretrained_models/${file}-${sha256.slice(0, 8)}.th`,
    sha256,
  );

/**
 * Published weights by name; of each network the usual ones come first. docs/checkpoints.md says where each digest is from. Only weights
 * are listed whose digest is known.
 */
export const pretrainedWeights: ReadonlyMap<string, PretrainedWeights> = new Map(
  [
    ...rows(
      torchvision,
      [
        "resnet18.tv_in1k",
        69.758,
        onHub(
          "timm/resnet18.tv_in1k",
          "bbd144b3e5565108aad885f145491d11bc6ce807",
          "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81",
        ),
      ],
      [
        "resnet34.tv_in1k",
        73.314,
        ofPyTorch("resnet34", "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"),
      ],
      [
        "resnet50.tv2_in1k",
        80.858,
        ofPyTorch("resnet50", "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca"),
        second,
      ],
      [
        "resnet50.tv_in1k",
        76.13,
        onHub(
          "timm/resnet50.tv_in1k",
          "78f3ecfdb38e06d9b8397f662e7ab8fee96026fa",
          "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
        ),
      ],
      [
        "resnet101.tv2_in1k",
        81.886,
        ofPyTorch("resnet101", "cd907fc2a0de2292b2ba2b27d2216bc672d84632d1cf20058d01c0c03b5e020e"),
        second,
      ],
      [
        "resnet101.tv_in1k",
        77.374,
        ofPyTorch("resnet101", "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a"),
      ],
      [
        "resnet152.tv_in1k",
        78.312,
        ofPyTorch("resnet152", "394f9c45966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58"),
      ],
      [
        "wide_resnet50_2.tv_in1k",
        78.468,
        onHub(
          "timm/wide_resnet50_2.tv_in1k",
          "343c5fa59ca8a131e0cdf42144a641b36a0387c2",
          "df6fb6c4824769769de18e14088475fd6ee94236849aa4e5d8022ba9d9a9a16c",
        ),
      ],
      [
        "wide_resnet101_2.tv_in1k",
        78.848,
        ofPyTorch("wide_resnet101_2", "32ee11565f95f2f07223b243ada444a6457c4b90a88e6e293922813faf6dfd06"),
      ],
      [
        "mobilenetv2_100.tv2_in1k",
        72.154,
        ofPyTorch("mobilenet_v2", "7ebf99e03e254b273379b23edca7ec0da9f48273b23a332b93c1c99d49e86e8f"),
        second,
      ],
      [
        "mobilenetv2_100.tv_in1k",
        71.878,
        ofPyTorch("mobilenet_v2", "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"),
      ],
    ),
    ...rows(
      timm,
      [
        "resnet18.a1_in1k",
        71.504,
        onHub(
          "timm/resnet18.a1_in1k",
          "491b427b45c94c7fb0e78b5474cc919aff584bbf",
          "80c49dee3da4822c009c5a7fe591e9223c5a2cfcf95a4067ca4dfb5a7b89c612",
        ),
      ],
      [
        "resnet50.a1_in1k",
        80.382,
        onHub(
          "timm/resnet50.a1_in1k",
          "767268603ca0cb0bfe326fa87277f19c419566ef",
          "773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb",
        ),
      ],
      [
        "wide_resnet50_2.racm_in1k",
        81.466,
        onHub(
          "timm/wide_resnet50_2.racm_in1k",
          "30f73aceaaa1911830a9795b83ab1908dba18719",
          "03b71d65fb2c73bb0de079a1781009f27a782ec481d2f64ab3bde9b1cdec3000",
        ),
        { preprocessing: photos(256) },
      ],
    ),
    ...rows(
      akamaster,
      [
        "resnet20.akamaster_cifar10",
        91.73,
        akamasterAt("resnet20", "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8"),
        identity,
      ],
      [
        "resnet32.akamaster_cifar10",
        92.63,
        akamasterAt("resnet32", "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850"),
        identity,
      ],
      [
        "resnet44.akamaster_cifar10",
        93.1,
        akamasterAt("resnet44", "014dd6541728a1c700b1642ab640e211dc6eb8ed507d70697458dc8f8a0ae2e4"),
        identity,
      ],
      [
        "resnet56.akamaster_cifar10",
        93.39,
        akamasterAt("resnet56", "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367"),
        identity,
      ],
    ),
    ...rows(
      chenyaofo,
      [
        "resnet20.chenyaofo_cifar10",
        92.6,
        released("cifar10_resnet20", "4118986f0df73003d572b0e397f0ac7b3f60af1f31aff3d2da164536e36f6ec8"),
      ],
      [
        "resnet32.chenyaofo_cifar10",
        93.53,
        released("cifar10_resnet32", "ef93fc4d3ea83c08d75bfd6fc31af56047cfa241608c9ba3a1f6dc11cca20dd9"),
      ],
      [
        "resnet56.chenyaofo_cifar10",
        94.37,
        released("cifar10_resnet56", "187c023aee0c9cf3093a682d9447a538cbaf5489f7ae78a7df4edf2246ce380b"),
      ],
      [
        "resnet20.chenyaofo_cifar100",
        68.83,
        released("cifar100_resnet20", "23dac2f1bc53fd65b9fd0bd30a46f91ab39fa16505430cc7999662237598209d"),
        fine,
      ],
      [
        "resnet56.chenyaofo_cifar100",
        72.63,
        released("cifar100_resnet56", "f2eff4c8461ca1e0d39af83a65f7243bf7d29ec421efee3064bcee93a3caaa73"),
        fine,
      ],
    ),
    ...rows(simam, [
      "resnet20.simam_cifar100",
      69.83,
      onGitHub(
        "ZjjConan/SimAM",
        "40c25c5d4b81d56db238b4b112bd47294f5847df",
        "ckpts/cifar100-resnet20-basic-simam-param0.0001-nfilters16-expansion1-baselr0.1-rseed0/model_best_in_100_epochs.pth.tar",
        "b2f4c23cae1d365672769d0adc526620fd2701136e9cb0d786556fedd5e923d1",
      ),
      { options: { attention: ["simam", {}] } },
    ]),
  ].map((weights) => [weights.name, weights]),
);

/** The published weights of a network; the usual ones first, none if there are none. */
export const pretrainedOf = (model: string): readonly PretrainedWeights[] =>
  [...pretrainedWeights.values()].filter((weights) => weights.model === model);

/** The published weights of a network: those of a name, otherwise the usual ones. @throws OptionError if there are none. */
export function pretrainedFor(model: string, name?: string): PretrainedWeights {
  check("pretrainedFor", "name", maybe(text), name);
  const all = pretrainedOf(modelInfo(model).name);
  const [usual] = all;
  if (!usual) {
    const others = new Set([...pretrainedWeights.values()].map((weights) => weights.model));
    throw new OptionError(
      `${model}: no published weights are listed; networks with some: ${[...others].join(", ")}. Weights from a file or address: --weights, loadPretrained`,
    );
  }
  if (name === undefined) return usual;
  const found = all.find((weights) => weights.name === name);
  if (!found)
    throw unknownName(
      `weights of ${model}`,
      name,
      all.map((weights) => weights.name),
    );
  return found;
}
