/** What must not compile, and what must: checked by the compiler alone, when the tests are built. */
import {
  type AttentionChoice,
  type AttentionName,
  type AttentionOptions,
  createAttention,
  createAttentionByName,
  createModel,
  createModelByName,
  type GateName,
  type ModelOptions,
} from "../../src/index.js";
import { resnet, type Value } from "../../src/nn.js";

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

export function calls(chosen: "timm" | "dense", switched: boolean): void {
  createAttention("cbam", 64, { reduction: 8, order: "spatial-channel" });
  createAttention("se", 64);
  createModel("resnet20", { stem: "cifar", attention: ["cbam", { reduction: 8 }], numClasses: 7, seed: 1 });
  createModel("unet_resnet18", { decoderAttention: "scse" });
  resnet(20, { attention: "simam" });
  resnet(50, { attention: ["gc", [null, { ratio: 0.25 }, {}, {}]] });
  resnet(50, { attention: ["bam", {}, "stage"] });
  resnet(50, { attention: "none" });
  const heads = createAttention("danet-head", 64);
  same<Parameters<typeof heads.forward>, [x: Value]>(true);
  same<ReturnType<typeof heads.forward>, readonly Value[]>(true);
  createAttention("cbam", 64, { variant: "dense", reductionRatio: 0.25 });
  createAttention("cbam", 64, { variant: "timm", rdRatio: 0.25, pools: ["avg"], kernelSize: 3 });
  createAttention("cbam", 64, { channel: false, kernelSize: 3 });
  createAttention("cbam", 64, { variant: undefined, reduction: 8 });
  createAttention("gam", 64, { padding: "replicate" });
  // Values that are known at run time only, where nothing else hangs on them.
  createAttention("cbam", 64, { variant: chosen });
  createAttention("cbam", 64, { channel: switched, variant: chosen });
  createAttention("gc", 64, { ratio: switched ? 0.25 : null, fusion: ["add"] });
  const given: string = JSON.parse('"se"');
  createAttentionByName(given, 64, JSON.parse("{}"));
  createModelByName(given, { numClasses: 3 });

  // @ts-expect-error: a name that is mistyped
  createAttention("cbma", 64);
  // @ts-expect-error: an option that is mistyped
  createAttention("cbam", 64, { reductoin: 8 });
  // @ts-expect-error: an option of another module
  createAttention("simam", 64, { reduction: 8 });
  // @ts-expect-error: an option of another variant
  createAttention("cbam", 64, { variant: "dense", reduction: 8 });
  // @ts-expect-error: an option of a variant that is not the default
  createAttention("cbam", 64, { reductionRatio: 0.25 });
  // @ts-expect-error: an option of a gate that is switched off
  createAttention("cbam", 64, { channel: false, reduction: 8 });
  // @ts-expect-error: an option that a variant computes itself
  createAttention("eca", 64, { variant: "timm", kernelSize: 5 });
  // @ts-expect-error: an option of another form of the border
  createAttention("gam", 64, { padding: "replicate", groups: true });
  // @ts-expect-error: an option of another variant, in a network's blocks
  createModel("resnet20", { attention: ["cbam", { variant: "timm", reduction: 8 }] });
  // @ts-expect-error: an option of another module, in a network's blocks
  createModel("resnet20", { attention: ["cbam", { gain: 8 }] });
  // @ts-expect-error: a variant that may be one with the option or one without
  createAttention("cbam", 64, { variant: chosen, rdRatio: 0.25 });
  // @ts-expect-error: a word that is none of the choices
  createAttention("cbam", 64, { order: "channel" });
  // @ts-expect-error: a number where true or false is wanted
  createAttention("se", 64, { bias: 1 });
  // @ts-expect-error: a network's blocks take gates only
  resnet(20, { attention: "van-block" });
  // @ts-expect-error: an option of another module
  resnet(20, { attention: ["cbam", { gain: 8 }] });
  // @ts-expect-error: the same in a list for the stages
  resnet(20, { attention: ["se", [{ reduction: 8 }, null, { redaction: 8 }]] });
  // @ts-expect-error: a placement that there is not
  resnet(20, { attention: ["se", {}, "everywhere"] });
  // @ts-expect-error: an option that is mistyped
  createModel("resnet20", { stemm: "cifar" });
  // @ts-expect-error: a network that there is not
  createModel("resnet21");
  // @ts-expect-error: an option of another network
  createModel("mobilenetv2_100", { stem: "cifar" });
  // @ts-expect-error: names at run time are for createAttentionByName
  createAttention(given, 64);
}

same<Extract<AttentionName, "se" | "cbma">, "se">(true);
same<Extract<GateName, "se" | "danet-head" | "van-block">, "se">(true);
same<AttentionOptions<"se">["variant"], "plain" | "timm" | "timm-effective" | undefined>(true);
same<ModelOptions<"resnet50">["shortcut"], "projection" | "identity" | undefined>(true);
const choice: AttentionChoice = ["eca", { kernelSize: 5 }];

export { choice };
