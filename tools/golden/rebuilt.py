"""Writes test/golden/rebuilt.json: keys, shapes and outputs of the networks that docs/rebuild-a-network.md rebuilds, by PyTorch in
float64. Run: python3 tools/golden/rebuilt.py

SqueezeNet 1.1 is laid out as in torchvision, MiniFASNet as in minivision-ai/Silent-Face-Anti-Spoofing with the widths of the example.
Weights and images are filled by the rule of src/testing/golden/filler.ts.
"""

import json
from math import prod

import numpy as np
import torch
from torch import nn


def samples(start, count):
    x = np.arange(start, start + count, dtype=np.uint32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**32 * 2 - 1


def fill(network, start=1):
    for key, value in network.state_dict().items():
        last = key.rsplit(".", 1)[-1]
        if last == "num_batches_tracked":
            continue
        r = samples(start, value.numel())
        start += value.numel()
        if last in ("bias", "running_mean"):
            v = 0.1 * r
        elif last == "running_var":
            v = 1 + 0.5 * abs(r)
        else:
            v = r * np.sqrt(3 / prod(value.shape[1:])) if value.dim() >= 2 else 1 + 0.1 * r
        value.copy_(torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(value.shape))
    return network.eval()


class Fire(nn.Module):
    def __init__(self, channels, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


class SqueezeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(),
            Fire(128, 32, 128), Fire(256, 32, 128), pool(),
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


class Block(nn.Module):
    def __init__(self, channels, filters, kernel=1, stride=1, padding=0, groups=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(filters)
        if act:
            self.prelu = nn.PReLU(filters)

    def forward(self, x):
        y = self.bn(self.conv(x))
        return self.prelu(y) if hasattr(self, "prelu") else y


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        hidden = channels // reduction
        self.fc1, self.bn1 = nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden)
        self.fc2, self.bn2 = nn.Conv2d(hidden, channels, 1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x):
        return x * self.bn2(self.fc2(self.bn1(self.fc1(x.mean((2, 3), keepdim=True))).relu())).sigmoid()


class DepthWise(nn.Module):
    def __init__(self, channels, inner, filters, stride, gate=False):
        super().__init__()
        self.conv = Block(channels, inner)
        self.conv_dw = Block(inner, inner, 3, stride, 1, inner)
        self.project = Block(inner, filters, act=False)
        if gate:
            self.se_module = SqueezeExcite(filters)
        self.residual = stride == 1

    def forward(self, x):
        y = self.project(self.conv_dw(self.conv(x)))
        if hasattr(self, "se_module"):
            y = self.se_module(y)
        return x + y if self.residual else y


class Stage(nn.Module):
    def __init__(self, channels, inner):
        super().__init__()
        self.model = nn.Sequential(*[DepthWise(channels, c, channels, 1, i == len(inner) - 1) for i, c in enumerate(inner)])

    def forward(self, x):
        return self.model(x)


class MiniFASNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Block(3, 32, 3, 2, 1)
        self.conv2_dw = Block(32, 32, 3, 1, 1, 32)
        self.conv_23 = DepthWise(32, 103, 64, 2)
        self.conv_3 = Stage(64, [13, 26, 13, 52])
        self.conv_34 = DepthWise(64, 231, 128, 2)
        self.conv_4 = Stage(128, [154, 52, 26, 52, 26, 26])
        self.conv_45 = DepthWise(128, 308, 128, 2)
        self.conv_5 = Stage(128, [26, 26])
        self.conv_6_sep = Block(128, 512)
        self.conv_6_dw = Block(512, 512, 5, groups=512, act=False)
        self.linear = nn.Linear(512, 128, bias=False)
        self.bn = nn.BatchNorm1d(128)
        self.drop = nn.Dropout(0.2)
        self.prob = nn.Linear(128, 3, bias=False)

    def forward(self, x):
        for layer in (self.conv1, self.conv2_dw, self.conv_23, self.conv_3, self.conv_34, self.conv_4, self.conv_45, self.conv_5):
            x = layer(x)
        x = self.conv_6_dw(self.conv_6_sep(x)).flatten(1)
        return self.prob(self.drop(self.bn(self.linear(x))))


torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
result = {}
for name, network, shape in (("squeezenet", SqueezeNet(10), [1, 3, 66, 68]), ("minifasnet", MiniFASNet(), [2, 3, 80, 80])):
    keys = [" ".join(map(str, [key, *value.shape])) for key, value in fill(network).state_dict().items()]
    image = torch.from_numpy(samples(7, prod(shape)).astype(np.float32).astype(np.float64)).reshape(shape)
    result[name] = {"keys": keys, "input": shape, "output": network(image).tolist()}
with open("test/golden/rebuilt.json", "w") as file:
    json.dump(result, file, indent=1)
    file.write("\n")
