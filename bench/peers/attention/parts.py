"""What several modules share. All have their default options and Fovea's keys."""
import torch
import torch.nn as nn


def conv(channels, filters, kernel=1, **options):
    return nn.Conv2d(channels, filters, kernel, bias=False, **options)


def conv_norm(channels, filters, kernel=1, **options):
    return [conv(channels, filters, kernel, **options), nn.BatchNorm2d(filters)]


def conv_norm_relu(channels, filters, kernel=1, **options):
    return nn.Sequential(*conv_norm(channels, filters, kernel, **options), nn.ReLU(inplace=True))


def depthwise(channels, kernel, dilation=1):
    """`kernel`: one side, or height and width."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = [dilation * (side - 1) // 2 for side in sides]
    return nn.Conv2d(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels)


def named(**layers):
    sequence = nn.Sequential()
    for name, layer in layers.items():
        sequence.add_module(name, layer)
    return sequence


def conv_bottleneck(channels, hidden):
    """Two 1x1 convolutions with a ReLU between, under the keys fc1 and fc2."""
    return named(fc1=nn.Conv2d(channels, hidden, 1), act=nn.ReLU(inplace=True), fc2=nn.Conv2d(hidden, channels, 1))


def bottleneck(channels, hidden, bias):
    """Two fully connected layers with a ReLU between."""
    layers = nn.Linear(channels, hidden, bias), nn.ReLU(inplace=True), nn.Linear(hidden, channels, bias)
    return nn.Sequential(*layers)


def plane_gate():
    """7x7 convolution of two maps to one, and its norm: the logits of a gate over a plane."""
    layers = nn.Sequential()
    layers.conv = conv(2, 1, 7, padding=3)
    layers.bn = nn.BatchNorm2d(1, momentum=0.01)
    return layers


def positions(x):
    """[N,C,H,W] -> [N,C,HW]"""
    return x.flatten(2)


def attention_pool(x, logits):
    """Mean of each channel over the map, weighed by the softmax over positions of logits [N,1,H,W]: [N,C,1,1]."""
    weights = positions(logits).softmax(2)
    return torch.bmm(positions(x), weights.transpose(1, 2))[..., None]


class Gate(nn.Module):
    """x times what `gate` makes of x."""

    def forward(self, x):
        return x * self.gate(x)
