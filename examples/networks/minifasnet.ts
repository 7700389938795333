import { BatchNorm, Conv2d, Dropout, flatten, Linear, Module, ops, PReLU, Sequential, type Value } from "fovea/nn";

type Geometry = { kernelSize?: number; stride?: number; padding?: number; groups?: number };
const linear = (channels: number, outChannels: number, { kernelSize = 1, ...geometry }: Geometry = {}) =>
  new Sequential({
    conv: new Conv2d(channels, outChannels, { kernelSize, ...geometry, bias: false }),
    bn: new BatchNorm(outChannels),
  });
const block = (channels: number, outChannels: number, geometry?: Geometry) =>
  Object.assign(linear(channels, outChannels, geometry), { prelu: new PReLU(outChannels) });

class SqueezeExcite extends Module {
  readonly fc1: Conv2d;
  readonly bn1: BatchNorm;
  readonly fc2: Conv2d;
  readonly bn2: BatchNorm;

  constructor(channels: number, reduction = 4) {
    super();
    const hidden = Math.floor(channels / reduction);
    this.fc1 = new Conv2d(channels, hidden, { kernelSize: 1, bias: false });
    this.bn1 = new BatchNorm(hidden);
    this.fc2 = new Conv2d(hidden, channels, { kernelSize: 1, bias: false });
    this.bn2 = new BatchNorm(channels);
  }

  override forward(x: Value): Value {
    const hidden = ops.relu(this.bn1.call(this.fc1.call(ops.reduceMean(x, [2, 3]))));
    return ops.mul(x, ops.sigmoid(this.bn2.call(this.fc2.call(hidden))));
  }
}

/** 1×1 convolution, depthwise 3×3, 1×1; with stride 1 the input is added. */
class DepthWise extends Module {
  readonly conv: Sequential;
  readonly conv_dw: Sequential;
  readonly project: Sequential;
  readonly se_module: SqueezeExcite | null;

  constructor(
    channels: number,
    inner: number,
    outChannels: number,
    readonly stride: 1 | 2,
    hasGate = false,
  ) {
    super();
    this.conv = block(channels, inner);
    this.conv_dw = block(inner, inner, { kernelSize: 3, stride, padding: 1, groups: inner });
    this.project = linear(inner, outChannels);
    this.se_module = hasGate ? new SqueezeExcite(outChannels) : null;
  }

  override forward(x: Value): Value {
    const y = this.project.call(this.conv_dw.call(this.conv.call(x)));
    return this.stride === 1 ? ops.add(x, this.se_module?.call(y) ?? y) : y;
  }
}

/** Residual blocks in a row, the last with a gate. */
class Stage extends Module {
  readonly model: Sequential;

  constructor(channels: number, inner: readonly number[]) {
    super();
    this.model = new Sequential(inner.map((c, i) => new DepthWise(channels, c, channels, 1, i === inner.length - 1)));
  }

  override forward(x: Value): Value {
    return this.model.call(x);
  }
}

export class MiniFASNet extends Module {
  readonly conv1 = block(3, 32, { kernelSize: 3, stride: 2, padding: 1 });
  readonly conv2_dw = block(32, 32, { kernelSize: 3, padding: 1, groups: 32 });
  readonly conv_23 = new DepthWise(32, 103, 64, 2);
  readonly conv_3 = new Stage(64, [13, 26, 13, 52]);
  readonly conv_34 = new DepthWise(64, 231, 128, 2);
  readonly conv_4 = new Stage(128, [154, 52, 26, 52, 26, 26]);
  readonly conv_45 = new DepthWise(128, 308, 128, 2);
  readonly conv_5 = new Stage(128, [26, 26]);
  readonly conv_6_sep = block(128, 512);
  readonly conv_6_dw = linear(512, 512, { kernelSize: 5, groups: 512 });
  readonly linear = new Linear(512, 128, { bias: false });
  readonly bn = new BatchNorm(128);
  readonly drop = new Dropout(0.2);
  readonly prob = new Linear(128, 3, { bias: false });

  override forward(x: Value): Value {
    let y = this.conv_23.call(this.conv2_dw.call(this.conv1.call(x)));
    y = this.conv_45.call(this.conv_4.call(this.conv_34.call(this.conv_3.call(y))));
    y = this.conv_6_dw.call(this.conv_6_sep.call(this.conv_5.call(y)));
    return this.prob.call(this.drop.call(this.bn.call(this.linear.call(flatten(y)))));
  }
}
