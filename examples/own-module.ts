import { createModel } from "fovea";
import { float32, Module, ops, type Value } from "fovea/nn";
import { checkModule } from "fovea/testing";

class BrightnessGate extends Module {
  override forward(x: Value): Value {
    return ops.mul(x, ops.sigmoid(ops.reduceMean(x, [1]))); // [N,C,H,W] · [N,1,H,W]
  }
}

export const model = createModel("resnet20", { numClasses: 10, attention: () => new BrightnessGate() });

const pixels = Array.from({ length: 200 }, (_, i) => Math.sin(i));
await checkModule(new BrightnessGate(), float32([2, 4, 5, 5], pixels));
