"""Gates from statistics of each channel's map: one value per channel, but in SimAM one at every position."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from attention.parts import Gate, bottleneck


class SE(Gate):
    def __init__(self, channels):
        super().__init__()
        self.fc = bottleneck(channels, channels // 16, bias=False)

    def gate(self, x):
        return torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]


class ECA(Gate):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def gate(self, x):
        return torch.sigmoid(self.conv(x.mean((2, 3))[:, None]))[:, 0, :, None, None]


class GCT(Gate):
    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def gate(self, x):
        s = self.alpha * (x.square().sum((2, 3), keepdim=True) + 1e-5).sqrt()
        competition = self.gamma * s / (s.square().mean(1, keepdim=True) + 1e-5).sqrt()
        return 1 + torch.tanh(competition + self.beta)


class SimAM(Gate):
    def __init__(self, channels):
        super().__init__()

    def gate(self, x):
        d = (x - x.mean((2, 3), keepdim=True)).square()
        variance = d.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3] - 1)
        return torch.sigmoid(d / (4 * (variance + 1e-4)) + 0.5)


class LCT(Gate):
    def __init__(self, channels):
        super().__init__()
        self.w = nn.Parameter(torch.ones(channels))
        self.b = nn.Parameter(torch.zeros(channels))

    def gate(self, x):
        return torch.sigmoid(F.group_norm(x.mean((2, 3)), 8, self.w, self.b))[:, :, None, None]


class SRM(Gate):
    def __init__(self, channels):
        super().__init__()
        self.cfc = nn.Parameter(torch.zeros(channels, 2))
        self.bn = nn.BatchNorm1d(channels)

    def gate(self, x):
        variance, mean = torch.var_mean(x, (2, 3))
        style = mean * self.cfc[:, 0] + (variance + 1e-5).sqrt() * self.cfc[:, 1]
        return torch.sigmoid(self.bn(style))[:, :, None, None]


class CosineTransform(nn.Module):
    """The coefficient of one frequency for each channel; the maps are averaged to 7x7 before."""

    # Vertical and horizontal frequency: those that the authors found best alone.
    frequencies = "00 01 60 05 02 10 12 40 50 16 30 04 06 03 35 22".split()

    def __init__(self, channels):
        super().__init__()
        k, i = torch.meshgrid(torch.arange(7), torch.arange(7), indexing="ij")
        cosines = torch.cos(math.pi * k * (i + 0.5) / 7) * (2 / 7) ** 0.5
        cosines[0] = (1 / 7) ** 0.5
        planes = torch.stack([torch.outer(cosines[int(v)], cosines[int(h)]) for v, h in self.frequencies])
        self.register_buffer("weight", planes.repeat_interleave(channels // len(planes), 0))

    def forward(self, x):
        return (F.adaptive_avg_pool2d(x, 7) * self.weight).sum((2, 3))


class FCA(Gate):
    def __init__(self, channels):
        super().__init__()
        self.dct_layer = CosineTransform(channels)
        self.fc = bottleneck(channels, channels // 16, bias=False)

    def gate(self, x):
        return torch.sigmoid(self.fc(self.dct_layer(x)))[:, :, None, None]
