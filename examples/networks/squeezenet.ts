import { Conv2d, Dropout, globalAveragePool, Lambda, Module, ops, Sequential, type Value } from "fovea/nn";

class Fire extends Module {
  readonly squeeze: Conv2d;
  readonly expand1x1: Conv2d;
  readonly expand3x3: Conv2d;

  constructor(channels: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = new Conv2d(channels, squeezed, { kernelSize: 1 });
    this.expand1x1 = new Conv2d(squeezed, expanded, { kernelSize: 1 });
    this.expand3x3 = new Conv2d(squeezed, expanded, { kernelSize: 3, padding: 1 });
  }

  override forward(x: Value): Value {
    const y = ops.relu(this.squeeze.call(x));
    return ops.concat([ops.relu(this.expand1x1.call(y)), ops.relu(this.expand3x3.call(y))], 1);
  }
}

const relu = () => new Lambda(ops.relu);
const pool = () => new Lambda((x) => ops.maxPool(x, { kernelSize: 3, stride: 2, ceilMode: true }));

export class SqueezeNet extends Module {
  readonly features = new Sequential([
    ...[new Conv2d(3, 64, { kernelSize: 3, stride: 2 }), relu(), pool()],
    ...[new Fire(64, 16, 64), new Fire(128, 16, 64), pool()],
    ...[new Fire(128, 32, 128), new Fire(256, 32, 128), pool()],
    ...[new Fire(256, 48, 192), new Fire(384, 48, 192), new Fire(384, 64, 256), new Fire(512, 64, 256)],
  ]);
  readonly classifier: Sequential;

  constructor(classes = 1000) {
    super();
    this.classifier = new Sequential([new Dropout(0.5), new Conv2d(512, classes, { kernelSize: 1 }), relu()]);
  }

  override forward(x: Value): Value {
    return globalAveragePool(this.classifier.call(this.features.call(x)));
  }
}
