/**
 * Other people's names for the parameters of a network: pairs of their name and ours, `*` standing for any text. The first pair that
 * matches renames a key; a key that none matches is the same in both. Read right to left, the table maps back.
 */
export type KeyTable = readonly (readonly [theirs: string, ours: string])[];

/**
 * The function that renames keys by a table.
 *
 * @example
 * renaming([["linear.*", "fc.*"]], "ours")("linear.bias"); // "fc.bias"
 */
export function renaming(table: KeyTable, to: "ours" | "theirs"): (key: string) => string {
  const rules = table.map(([theirs, ours]) => {
    const [from, into] = to === "ours" ? [theirs, ours] : [ours, theirs];
    const literal = (text: string) => text.replace(/[.]/g, "\\.");
    const pattern = new RegExp(`^${from.split("*").map(literal).join("(.*)")}$`);
    let group = 0;
    return [pattern, into.replace(/\*/g, () => `$${++group}`)] as const;
  });
  return (key) => {
    const rule = rules.find(([pattern]) => pattern.test(key));
    return rule ? key.replace(...rule) : key;
  };
}

/** A module joined to the layer that it follows, as `layer.0` and `layer.1`; without parameters (null) only the former shows. */
const joined = (layer: string, field: string | null): KeyTable => [
  ...(field === null ? [] : ([[`*.${layer}.1.*`, `*.${field}.*`]] as const)),
  [`*.${layer}.0.*`, `*.${layer}.*`],
];

/** Whether a module's field holds parameters, and where the SimAM repository joins it: SimAM to `conv2`, others to `end`. */
const simamJoined = (end: string, field: string | null): KeyTable =>
  field === null ? [] : field === "simam" ? joined("conv2", null) : joined(end, field);

/** Key tables by origin. `field` is that of the attention module in ours, null without one. */
export const keyTables = {
  /** akamaster/pytorch_resnet_cifar10. */
  akamaster: [["linear.*", "fc.*"]],
  /** CIFAR networks of ZjjConan/SimAM. */
  simamCifar: (field: string | null): KeyTable => [
    ["linear.*", "fc.*"],
    ["*.shortcut.*", "*.downsample.*"],
    ...simamJoined("bn2", field),
  ],
  /** Its pre-activation networks: modules follow the last convolution, `conv2` or in bottlenecks `conv3`. */
  simamPreact: (field: string | null, last: "conv2" | "conv3"): KeyTable => simamJoined(last, field),
  /** Its ImageNet networks: modules follow the last norm, `bn2` or in bottlenecks `bn3`. */
  simamImagenet: (field: string | null, last: "bn2" | "bn3"): KeyTable => simamJoined(last, field),
  /** Its MobileNetV2: no dropout before the classifier. */
  simamMobilenet: [["classifier.0.*", "classifier.1.*"]],
  /** timm's ResNets call any module `se`. */
  timmResnet: (field: string): KeyTable => (field === "se" ? [] : [["*.se.*", `*.${field}.*`]]),
  /** timm's MobileNetV2: layers by name, blocks by stage. */
  timmMobilenet: timmMobilenet(),
} as const;

function timmMobilenet(): KeyTable {
  const layers = (theirs: string, ours: string, names: readonly (readonly [string, string])[]) =>
    names.map(([a, b]) => [`${theirs}${a}.*`, `${ours}${b}.*`] as const);
  const first = [
    ["conv_dw", "0.0"],
    ["bn1", "0.1"],
    ["conv_pw", "1"],
    ["bn2", "2"],
  ] as const;
  const others = [
    ["conv_pwl", "2"],
    ["conv_pw", "0.0"],
    ["bn1", "0.1"],
    ["conv_dw", "1.0"],
    ["bn2", "1.1"],
    ["bn3", "3"],
  ] as const;
  const blocks = [1, 2, 3, 4, 3, 3, 1].flatMap((count, stage) =>
    Array.from({ length: count }, (_, block) => `blocks.${stage}.${block}.`),
  );
  return [
    ...blocks.flatMap((name, i) => layers(name, `features.${i + 1}.conv.`, i === 0 ? first : others)),
    ...layers("", "", [
      ["conv_stem", "features.0.0"],
      ["bn1", "features.0.1"],
      ["conv_head", "features.18.0"],
      ["bn2", "features.18.1"],
      ["classifier", "classifier.1"],
    ]),
  ];
}
