"""Gates over channels and positions."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from attention.parts import Gate, bottleneck, conv, conv_bottleneck, depthwise, named, plane_gate, positions


class ChannelGate(Gate):
    def __init__(self, channels):
        super().__init__()
        self.mlp = nn.Sequential(nn.Flatten(), *bottleneck(channels, channels // 16, bias=True))

    def gate(self, x):
        logits = self.mlp(x.mean((2, 3))) + self.mlp(positions(x).max(2)[0])
        return torch.sigmoid(logits)[:, :, None, None]


class SpatialGate(Gate):
    def __init__(self):
        super().__init__()
        self.spatial = plane_gate()

    def gate(self, x):
        return torch.sigmoid(self.spatial(torch.stack([x.max(1)[0], x.mean(1)], 1)))


class CBAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.ChannelGate = ChannelGate(channels)
        self.SpatialGate = SpatialGate()

    def forward(self, x):
        return self.SpatialGate(self.ChannelGate(x))


class PlainCBAM(nn.Module):
    """CBAM without biases and norm, the maps in the order of the paper: the variant `plain`."""

    def __init__(self, channels):
        super().__init__()
        hidden = channels // 16
        self.channel_attention = nn.Module()
        self.channel_attention.shared_MLP = nn.Sequential(
            conv(channels, hidden), nn.ReLU(inplace=True), conv(hidden, channels)
        )
        self.spatial_attention = nn.Module()
        self.spatial_attention.conv2d = conv(2, 1, 7, padding=3)

    def forward(self, x):
        mlp, conv2d = self.channel_attention.shared_MLP, self.spatial_attention.conv2d
        x = x * torch.sigmoid(mlp(x.mean((2, 3), keepdim=True)) + mlp(positions(x).max(2)[0][:, :, None, None]))
        return x * torch.sigmoid(conv2d(torch.stack([x.mean(1), x.max(1)[0]], 1)))


class BAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = channels // 16
        self.channel_att, self.spatial_att = nn.Module(), nn.Module()
        self.channel_att.gate_c = named(
            gate_c_fc_0=nn.Linear(channels, hidden),
            gate_c_bn_1=nn.BatchNorm1d(hidden),
            gate_c_relu_1=nn.ReLU(inplace=True),
            gate_c_fc_final=nn.Linear(hidden, channels),
        )
        self.spatial_att.gate_s = named(
            gate_s_conv_reduce0=nn.Conv2d(channels, hidden, 1),
            gate_s_bn_reduce0=nn.BatchNorm2d(hidden),
            gate_s_relu_reduce0=nn.ReLU(inplace=True),
            gate_s_conv_di_0=nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4),
            gate_s_bn_di_0=nn.BatchNorm2d(hidden),
            gate_s_relu_di_0=nn.ReLU(inplace=True),
            gate_s_conv_di_1=nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4),
            gate_s_bn_di_1=nn.BatchNorm2d(hidden),
            gate_s_relu_di_1=nn.ReLU(inplace=True),
            gate_s_conv_final=nn.Conv2d(hidden, 1, 1),
        )

    def forward(self, x):
        channel = self.channel_att.gate_c(x.mean((2, 3)))[:, :, None, None]
        return x * (1 + torch.sigmoid(channel * self.spatial_att.gate_s(x)))


class ScSE(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = channels // 16
        self.cSE = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )
        self.sSE = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.cSE(x) + x * self.sSE(x)


class Coord(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = max(8, channels // 32)
        self.conv1 = nn.Conv2d(channels, hidden, 1)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv_h = nn.Conv2d(hidden, channels, 1)
        self.conv_w = nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        strips = torch.cat([x.mean(3), x.mean(2)], 2)[..., None]
        rows, columns = F.hardswish(self.bn1(self.conv1(strips))).split(x.shape[2:], 2)
        return x * torch.sigmoid(self.conv_w(columns.transpose(2, 3))) * torch.sigmoid(self.conv_h(rows))


class MobileCoord(Coord):
    """The same with the keys of the authors' MobileNetV2."""

    def __init__(self, channels):
        super().__init__(channels)
        self.conv2, self.conv3 = self.conv_h, self.conv_w
        del self.conv_h, self.conv_w

    @property
    def conv_h(self):
        return self.conv2

    @property
    def conv_w(self):
        return self.conv3


class Triplet(nn.Module):
    """The reduced maps are turned, not x itself as in the authors' code: less to move, and the same."""

    def __init__(self, channels):
        super().__init__()
        for name in ["cw", "hc", "hw"]:
            gate = nn.Module()
            gate.conv = plane_gate()
            setattr(self, name, gate)

    def forward(self, x):
        def gate(part, axis):
            maps = torch.stack([x.max(axis)[0], x.mean(axis)], 1)
            if axis == 3:  # [N,2,C,H] -> [N,2,H,C]
                maps = maps.transpose(2, 3)
            return torch.sigmoid(part.conv(maps))

        over_rows = gate(self.cw, 2).transpose(1, 2)  # [N,1,C,W] -> [N,C,1,W]
        over_columns = gate(self.hc, 3).permute(0, 3, 2, 1)  # [N,1,H,C] -> [N,C,H,1]
        return x * ((over_rows + over_columns + gate(self.hw, 1)) / 3)


class GAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = channels // 4
        self.channel_attention = bottleneck(channels, hidden, bias=True)
        self.spatial_attention = nn.Sequential(
            nn.Conv2d(channels, hidden, 7, padding=3),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 7, padding=3),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        def over_channels(layer, value):  # a layer with one weight for all positions is a 1x1 convolution
            return F.conv2d(value, layer.weight[:, :, None, None], layer.bias)

        first, _, second = self.channel_attention
        x = x * over_channels(second, F.relu_(over_channels(first, x)))
        return x * torch.sigmoid(self.spatial_attention(x))


class ELA(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 7, padding=3, groups=channels, bias=False)
        self.gn = nn.GroupNorm(16, channels)

    def forward(self, x):
        rows, columns = (torch.sigmoid(self.gn(self.conv(x.mean(axis)))) for axis in [3, 2])
        return x * rows[..., None] * columns[:, :, None]


class MLCA(Gate):
    def __init__(self, channels):
        super().__init__()
        kernel = int(math.log2(channels) + 1) // 2 | 1
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.conv_local = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def gate(self, x):
        cells = F.adaptive_avg_pool2d(x, 5)
        line = positions(cells).transpose(1, 2).flatten(1)[:, None]  # cell by cell
        local = self.conv_local(line).view(len(x), 25, -1).transpose(1, 2).reshape(cells.shape)
        whole = self.conv(cells.mean((2, 3))[:, None])[:, 0, :, None, None]
        return 0.5 * F.adaptive_avg_pool2d(torch.sigmoid(local), x.shape[2:]) + 0.5 * torch.sigmoid(whole)


class SGE(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 8, 1, 1))
        self.bias = nn.Parameter(torch.ones(1, 8, 1, 1))

    def forward(self, x):
        grouped = x.unflatten(1, (8, -1)).flatten(0, 1)
        likeness = torch.bmm(grouped.mean((2, 3))[:, None], positions(grouped))
        t = (likeness - likeness.mean(2, keepdim=True)) / (likeness.std(2, keepdim=True) + 1e-5)
        gate = torch.sigmoid(t.view(-1, 8, *x.shape[2:]) * self.weight + self.bias)
        return (x.unflatten(1, (8, -1)) * gate[:, :, None]).view_as(x)


class Shuffle(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.groups = min(64, channels // 2)
        half = channels // 2 // self.groups
        self.cweight, self.sweight = nn.Parameter(torch.zeros(1, half, 1, 1)), nn.Parameter(torch.zeros(1, half, 1, 1))
        self.cbias, self.sbias = nn.Parameter(torch.ones(1, half, 1, 1)), nn.Parameter(torch.ones(1, half, 1, 1))
        self.gn = nn.GroupNorm(half, half)

    def forward(self, x):
        n, channels, *size = x.shape
        a, b = x.view(n * self.groups, 2, -1, *size).unbind(1)
        a = a * torch.sigmoid(self.cweight * a.mean((2, 3), keepdim=True) + self.cbias)
        b = b * torch.sigmoid(self.sweight * self.gn(b) + self.sbias)
        return torch.stack([a, b], 1).view(n, 2, channels // 2, *size).transpose(1, 2).reshape(x.shape)


class EMA(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.groups = min(32, channels // 2)
        each = channels // self.groups
        self.gn = nn.GroupNorm(each, each)
        self.conv1x1 = nn.Conv2d(each, each, 1)
        self.conv3x3 = nn.Conv2d(each, each, 3, padding=1)

    def forward(self, x):
        height, width = x.shape[2:]
        grouped = x.view(len(x) * self.groups, -1, height, width)
        strips = torch.cat([grouped.mean(3), grouped.mean(2)], 2)[..., None]
        rows, columns = torch.sigmoid(self.conv1x1(strips)).split([height, width], 2)
        u, v = self.gn(grouped * rows * columns.transpose(2, 3)), self.conv3x3(grouped)
        # The mean of each map of u is the norm's offset.
        logits = torch.matmul(self.gn.bias.softmax(0), positions(v))
        logits = logits + torch.bmm(v.mean((2, 3)).softmax(1)[:, None], positions(u))[:, 0]
        return (grouped * torch.sigmoid(logits).view(-1, 1, height, width)).view_as(x)


class CPCA(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.ca = conv_bottleneck(channels, channels // 4)
        self.dconv5_5 = depthwise(channels, 5)
        for k in [7, 11, 21]:
            self.add_module(f"dconv1_{k}", depthwise(channels, (1, k)))
            self.add_module(f"dconv{k}_1", depthwise(channels, (k, 1)))
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        x = F.gelu(self.conv(x))
        pooled = [x.mean((2, 3), keepdim=True), positions(x).max(2)[0][:, :, None, None]]
        x = x * sum(torch.sigmoid(self.ca(z)) for z in pooled)
        local = self.dconv5_5(x)
        seven = self.dconv7_1(self.dconv1_7(local))
        eleven = self.dconv11_1(self.dconv1_11(local))
        twenty_one = self.dconv21_1(self.dconv1_21(local))
        return self.conv(self.conv(local + seven + eleven + twenty_one) * x)


class GE(Gate):
    def __init__(self, channels):
        super().__init__()
        self.gather = nn.Sequential()
        for i in [1, 2, 3]:
            self.gather.add_module(f"conv{i}", conv(channels, channels, 3, stride=2, padding=1, groups=channels))
            self.gather.add_module(f"norm{i}", nn.BatchNorm2d(channels))
            self.gather.add_module(f"act{i}", nn.ReLU(inplace=True))
        self.mlp = conv_bottleneck(channels, channels // 16)

    def gate(self, x):
        return F.interpolate(torch.sigmoid(self.mlp(self.gather(x))), x.shape[2:], mode="nearest")
