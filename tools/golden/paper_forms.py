"""Golden vectors of the forms that articles write where the authors' code differs, from the formulas of the papers, in float64.

    python3 tools/golden/paper_forms.py test/golden

Park et al.: BAM, BMVC 2018 (https://arxiv.org/abs/1807.06514), equations 2 to 5:
  M_c = BN(MLP(mean over positions of x)), M_s = BN(conv1x1(conv3x3(conv3x3(conv1x1(x)))))
  y = x * (1 + sigmoid(M_c + M_s)); a ReLU follows each hidden layer, which the equations leave out
Fu et al.: Dual Attention Network, CVPR 2019 (https://arxiv.org/abs/1809.02983), equations 3 and 4:
  a_ji = exp(A_i . A_j) / sum over i of exp(A_i . A_j), E_j = beta * sum over i of (a_ji A_i) + A_j
"""

import json
import sys
from collections import OrderedDict

import torch
from gct import write
from torch import nn


class ChannelGate(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.gate_c = nn.Sequential(
            OrderedDict(
                gate_c_fc_0=nn.Linear(channels, hidden),
                gate_c_relu_1=nn.ReLU(),
                gate_c_fc_final=nn.Linear(hidden, channels),
                gate_c_bn_final=nn.BatchNorm1d(channels),
            )
        )

    def forward(self, x):
        return self.gate_c(x.mean((2, 3)))[:, :, None, None]


class SpatialGate(nn.Module):
    def __init__(self, channels, hidden, dilation):
        super().__init__()
        self.gate_s = nn.Sequential(
            OrderedDict(
                gate_s_conv_reduce0=nn.Conv2d(channels, hidden, 1),
                gate_s_relu_reduce0=nn.ReLU(),
                gate_s_conv_di_0=nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation),
                gate_s_relu_di_0=nn.ReLU(),
                gate_s_conv_di_1=nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation),
                gate_s_relu_di_1=nn.ReLU(),
                gate_s_conv_final=nn.Conv2d(hidden, 1, 1),
                gate_s_bn_final=nn.BatchNorm2d(1),
            )
        )

    def forward(self, x):
        return self.gate_s(x)


class BAM(nn.Module):
    def __init__(self, channels, hidden, dilation=4):
        super().__init__()
        self.channel_att = ChannelGate(channels, hidden)
        self.spatial_att = SpatialGate(channels, hidden, dilation)

    def forward(self, x):
        return x * (1 + torch.sigmoid(self.channel_att(x) + self.spatial_att(x)))


class PositionAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.query_conv = nn.Conv2d(channels, channels // 8, 1)
        self.key_conv = nn.Conv2d(channels, channels // 8, 1)
        self.value_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        q, k, v = (f(x).flatten(2) for f in (self.query_conv, self.key_conv, self.value_conv))
        affinity = torch.softmax(torch.einsum("ncp,ncq->npq", q, k), 2)
        return self.gamma * torch.einsum("ncq,npq->ncp", v, affinity).reshape(x.shape) + x


class ChannelAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        f = x.flatten(2)
        affinity = torch.softmax(torch.einsum("ncp,ndp->ncd", f, f), 2)
        return self.gamma * torch.einsum("ncd,ndp->ncp", affinity, f).reshape(x.shape) + x


class Head(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        hidden = channels // 4
        layer = lambda i: nn.Sequential(nn.Conv2d(i, hidden, 3, padding=1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU())
        classifier = lambda: nn.Sequential(nn.Identity(), nn.Conv2d(hidden, classes, 1))
        self.conv5a, self.conv5c = layer(channels), layer(channels)
        self.sa, self.sc = PositionAttention(hidden), ChannelAttention()
        self.conv51, self.conv52 = layer(hidden), layer(hidden)
        self.conv6, self.conv7, self.conv8 = classifier(), classifier(), classifier()

    def forward(self, x):
        position = self.conv51(self.sa(self.conv5a(x)))
        channel = self.conv52(self.sc(self.conv5c(x)))
        return self.conv8(position + channel), self.conv6(position), self.conv7(channel)


def fill(module):
    """Values away from those at the start, drawn in float32: with gamma 0, or all norms alike, much would go untested."""
    for name, t in module.state_dict().items():
        last = name.split(".")[-1]
        if last == "num_batches_tracked":
            continue
        if last == "running_var" or (t.dim() == 1 and last == "weight"):
            t.copy_(torch.rand(t.shape) + 0.5)
        elif last == "gamma":
            t.copy_(torch.rand(t.shape) + 0.5)
        elif t.dim() == 1:
            t.copy_(0.2 * torch.randn(t.shape))
        else:
            t.copy_(1.5 * torch.randn(t.shape) / t[0].numel() ** 0.5)


def run(module, x, dys, dtype):
    module, x = module.to(dtype), x.clone().to(dtype).requires_grad_()
    for p in module.parameters():
        p.grad = None
    outputs = module(x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    sum((y * dy.to(dtype)).sum() for y, dy in zip(outputs, dys)).backward()
    return {
        **{f"y{i or ''}": y.detach() for i, y in enumerate(outputs)},
        "dx": x.grad,
        **{f"grad/{k}": p.grad for k, p in module.named_parameters()},
    }


PAPER = "tools/golden/paper_forms.py, from the formulas of the paper"
FORM = "the paper's form, not that of the authors' code"


def make(folder, file, name, options, build, shape, seed, train, zero_grad=(), source=PAPER, note=FORM):
    torch.manual_seed(seed)
    module = build()
    fill(module)
    module.train(train)
    x = torch.randn(shape)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with torch.no_grad():
        outputs = module(x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    dys = [torch.randn(y.shape) for y in outputs]
    results = {}
    for dtype in (torch.float32, torch.float64):
        module.to(dtype)
        module.load_state_dict(before)
        results[dtype] = {k: v.double() for k, v in run(module, x, dys, dtype).items()}
    exact, single = results[torch.float64], results[torch.float32]
    parameters = [k for k, _ in module.named_parameters()]
    error = lambda k: float((single[k] - exact[k]).abs().max() / exact[k].abs().max())
    live = [k for k in parameters if k not in zero_grad]
    ys = [k for k in exact if k[0] == "y"]
    f32 = {"y": max(map(error, ys)), "dx": error("dx"), "grad": max(error(f"grad/{k}") for k in live)}
    tensors = {**{k: v.contiguous() for k, v in exact.items()}, "x": x}
    tensors.update({f"dy{i or ''}": dy for i, dy in enumerate(dys)})
    tensors.update({f"{'param' if k in parameters else 'buffer'}/{k}": v for k, v in before.items()})
    if train:
        tensors.update({f"after/{k}": v.double() for k, v in module.state_dict().items() if k not in parameters})
    metadata = {
        "module": name,
        "options": json.dumps(options),
        "mode": "train" if train else "eval",
        "source": source,
        "call": f"{type(module).__name__}, {json.dumps(options)}",
        "torch": torch.__version__,
        "seed": str(seed),
        "keys": json.dumps([[k, list(v.shape)] for k, v in before.items()]),
        "no_grad": "[]",
        "zero_grad": json.dumps(list(zero_grad)),
        "f32_rel": json.dumps({k: float(f"{v:.1e}") for k, v in f32.items()}),
        "note": note,
    }
    write(f"{folder}/{file}.safetensors", {k: v.detach().numpy() for k, v in tensors.items()}, metadata)
    print(f"{folder}/{file}.safetensors", metadata["f32_rel"])


def main(folder):
    # A bias before a norm that uses the batch's statistics has no effect.
    before_norm = ["channel_att.gate_c.gate_c_fc_final.bias", "spatial_att.gate_s.gate_s_conv_final.bias"]
    paper = {"variant": "paper"}
    for train in (True, False):
        mode = "train" if train else "eval"
        bam = {**paper, "reduction": 4}
        make(folder, f"bam-paper-{mode}", "bam", bam, lambda: BAM(16, 4), (4, 16, 9, 10), 3, train, before_norm if train else [])
        head = {**paper, "numClasses": 5}
        bias = ["sa.key_conv.bias"]
        make(folder, f"danet-head-paper-{mode}", "danet-head", head, lambda: Head(32, 5), (2, 32, 5, 4), 5, train, bias)
    make(folder, "cam-paper", "cam", paper, ChannelAttention, (2, 12, 5, 4), 6, False)
    fraction = {**paper, "reduction": 0.3}
    make(folder, "bam-paper-ratio-eval", "bam", fraction, lambda: BAM(16, int(16 * 0.3)), (2, 16, 6, 5), 7, False)


if __name__ == "__main__":
    main(sys.argv[1])
