"""Fovea's attention modules in PyTorch, by their formulas (docs/catalogue.md) and with the same keys, default options.

As one would write them for speed in eager mode: no permuted copies of whole maps where the reduced ones will do, activations in place
where nothing else reads the array.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


def conv(channels, filters, kernel=1, **options):
    return nn.Conv2d(channels, filters, kernel, bias=False, **options)


def conv_norm(channels, filters, kernel=1, **options):
    return [conv(channels, filters, kernel, **options), nn.BatchNorm2d(filters)]


def conv_norm_relu(channels, filters, kernel=1, **options):
    return nn.Sequential(*conv_norm(channels, filters, kernel, **options), nn.ReLU(inplace=True))


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


def named(**layers):
    sequence = nn.Sequential()
    for name, layer in layers.items():
        sequence.add_module(name, layer)
    return sequence


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


class GC(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = channels // 16
        self.conv_mask = nn.Conv2d(channels, 1, 1)
        self.channel_add_conv = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.LayerNorm([hidden, 1, 1]),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, x):
        return x + self.channel_add_conv(attention_pool(x, self.conv_mask(x)))


class PAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.query_conv = nn.Conv2d(channels, channels // 8, 1)
        self.key_conv = nn.Conv2d(channels, channels // 8, 1)
        self.value_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        query, key, value = (positions(layer(x)) for layer in [self.query_conv, self.key_conv, self.value_conv])
        affinity = torch.bmm(query.transpose(1, 2), key).softmax(2)
        return self.gamma * torch.bmm(value, affinity.transpose(1, 2)).view_as(x) + x


class CAM(nn.Module):
    def __init__(self, channels=None):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        features = positions(x)
        # Subtracting from the row's maximum, as the authors do, changes nothing in a softmax.
        affinity = (-torch.bmm(features, features.transpose(1, 2))).softmax(2)
        return self.gamma * torch.bmm(affinity, features).view_as(x) + x


class DANetHead(nn.Module):
    def __init__(self, channels, classes=19):
        super().__init__()
        hidden = channels // 4

        def layer(inputs):
            return conv_norm_relu(inputs, hidden, 3, padding=1)

        def classifier():
            return nn.Sequential(nn.Identity(), nn.Conv2d(hidden, classes, 1))

        self.conv5a, self.conv5c = layer(channels), layer(channels)
        self.sa, self.sc = PAM(hidden), CAM()
        self.conv51, self.conv52 = layer(hidden), layer(hidden)
        self.conv6, self.conv7, self.conv8 = classifier(), classifier(), classifier()

    def forward(self, x):
        position = self.conv51(self.sa(self.conv5a(x)))
        channel = self.conv52(self.sc(self.conv5c(x)))
        return self.conv8(position + channel), self.conv6(position), self.conv7(channel)


class PSA(nn.Module):
    def __init__(self, channels, up):
        super().__init__()
        hidden = channels // 2
        self.conv_q_right, self.conv_v_right = conv(channels, 1), conv(channels, hidden)
        self.conv_up = up
        self.conv_q_left, self.conv_v_left = conv(channels, hidden), conv(channels, hidden)

    def channel_gate(self, x):
        return torch.sigmoid(self.conv_up(attention_pool(self.conv_v_right(x), self.conv_q_right(x))))

    def factors(self, x):
        """The query [N,1,C/2] and the values [N,C/2,HW]."""
        return self.conv_q_left(x).mean((2, 3))[:, None], positions(self.conv_v_left(x))


class PSAParallel(PSA):
    def __init__(self, channels):
        super().__init__(channels, conv(channels // 2, channels))

    def forward(self, x):
        gate = torch.sigmoid(torch.bmm(*self.factors(x)).softmax(2))
        return x * gate.view(-1, 1, *x.shape[2:]) + x * self.channel_gate(x)


class PSASequential(PSA):
    def __init__(self, channels):
        narrow = channels // 8
        up = [nn.Conv2d(channels // 2, narrow, 1), nn.LayerNorm([narrow, 1, 1]), nn.ReLU(inplace=True)]
        super().__init__(channels, nn.Sequential(*up, nn.Conv2d(narrow, channels, 1)))

    def forward(self, x):
        z = x * self.channel_gate(x)
        query, values = self.factors(z)
        return z * torch.sigmoid(torch.bmm(query, values.softmax(2))).view(-1, 1, *x.shape[2:])


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


def depthwise(channels, kernel, dilation=1):
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(channels, channels, kernel, padding=padding, dilation=dilation, groups=channels)


class LKA(Gate):
    def __init__(self, channels):
        super().__init__()
        self.conv0 = depthwise(channels, 5)
        self.conv_spatial = depthwise(channels, 7, dilation=3)
        self.conv1 = nn.Conv2d(channels, channels, 1)

    def gate(self, x):
        return self.conv1(self.conv_spatial(self.conv0(x)))


class VANAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.proj_1 = nn.Conv2d(channels, channels, 1)
        self.spatial_gating_unit = LKA(channels)
        self.proj_2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.proj_2(self.spatial_gating_unit(F.gelu(self.proj_1(x))))


class VANBlock(nn.Module):
    def __init__(self, channels, ratio=4):
        super().__init__()
        hidden = ratio * channels
        self.layer_scale_1 = nn.Parameter(torch.full([channels], 0.01))
        self.layer_scale_2 = nn.Parameter(torch.full([channels], 0.01))
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.attn = VANAttention(channels)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Conv2d(channels, hidden, 1)
        self.mlp.dwconv = nn.Module()
        self.mlp.dwconv.dwconv = depthwise(hidden, 3)
        self.mlp.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        x = x + self.layer_scale_1[:, None, None] * self.attn(self.norm1(x))
        y = self.mlp.fc2(F.gelu(self.mlp.dwconv.dwconv(self.mlp.fc1(self.norm2(x)))))
        return x + self.layer_scale_2[:, None, None] * y


class SPM(nn.Module):
    """The gate g, or x times g with `multiply`, as it stands in networks."""

    def __init__(self, channels, multiply=False):
        super().__init__()
        self.multiply = multiply
        self.conv1, self.bn1 = conv_norm(channels, channels, (3, 1), padding=(1, 0))
        self.conv2, self.bn2 = conv_norm(channels, channels, (1, 3), padding=(0, 1))
        self.conv3 = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        rows = self.bn1(self.conv1(x.mean(3, keepdim=True)))
        columns = self.bn2(self.conv2(x.mean(2, keepdim=True)))
        gate = torch.sigmoid(self.conv3(F.relu_(rows + columns)))
        return x * gate if self.multiply else gate


class MPM(nn.Module):
    def __init__(self, channels, grids=(20, 12)):
        super().__init__()
        self.grids = grids
        hidden = channels // 4

        def layer(kernel, padding):
            return nn.Sequential(*conv_norm(hidden, hidden, kernel, padding=padding))

        self.conv1_1 = conv_norm_relu(channels, hidden)
        self.conv1_2 = conv_norm_relu(channels, hidden)
        self.conv2_0, self.conv2_1, self.conv2_2 = layer(3, 1), layer(3, 1), layer(3, 1)
        self.conv2_3, self.conv2_4 = layer((1, 3), (0, 1)), layer((3, 1), (1, 0))
        self.conv2_5, self.conv2_6 = layer(3, 1), layer(3, 1)
        self.conv3 = nn.Sequential(*conv_norm(2 * hidden, channels))

    def forward(self, x):
        def context(grid, layer, value):
            pooled = layer(F.adaptive_avg_pool2d(value, grid))
            return F.interpolate(pooled, x.shape[2:], mode="bilinear", align_corners=True)

        x1, x2 = self.conv1_1(x), self.conv1_2(x)
        squares = self.conv2_0(x1) + context(self.grids[0], self.conv2_1, x1) + context(self.grids[1], self.conv2_2, x1)
        strips = self.conv2_3(x2.mean(2, keepdim=True)) + self.conv2_4(x2.mean(3, keepdim=True))
        joined = torch.cat([F.relu_(self.conv2_5(F.relu_(squares))), F.relu_(self.conv2_6(F.relu_(strips)))], 1)
        return F.relu_(x + self.conv3(joined))


class SCConv(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.k2 = nn.Sequential(nn.AvgPool2d(4), *conv_norm(channels, channels, 3, padding=1))
        self.k3 = nn.Sequential(*conv_norm(channels, channels, 3, padding=1))
        self.k4 = nn.Sequential(*conv_norm(channels, channels, 3, padding=1))

    def forward(self, x):
        context = F.interpolate(self.k2(x), x.shape[2:], mode="nearest")
        return self.k4(self.k3(x) * torch.sigmoid(x + context))


class SCBottleneck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = channels // 8
        self.conv1_a, self.bn1_a = conv_norm(channels, half)
        self.conv1_b, self.bn1_b = conv_norm(channels, half)
        self.k1 = nn.Sequential(*conv_norm(half, half, 3, padding=1))
        self.scconv = SCConv(half)
        self.conv3, self.bn3 = conv_norm(2 * half, channels)

    def forward(self, x):
        a = F.relu_(self.k1(F.relu_(self.bn1_a(self.conv1_a(x)))))
        b = F.relu_(self.scconv(F.relu_(self.bn1_b(self.conv1_b(x)))))
        return F.relu_(self.bn3(self.conv3(torch.cat([a, b], 1))).add_(x))


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = channels // 4
        self.bn1, self.conv1 = nn.BatchNorm2d(channels), conv(channels, hidden)
        self.bn2, self.conv2 = nn.BatchNorm2d(hidden), conv(hidden, hidden, 3, padding=1)
        self.bn3, self.conv3 = nn.BatchNorm2d(hidden), conv(hidden, channels)
        self.conv4 = conv(channels, channels)  # in the state, but used only where the shape changes

    def forward(self, x):
        y = self.conv1(F.relu_(self.bn1(x)))
        y = self.conv2(F.relu_(self.bn2(y)))
        return self.conv3(F.relu_(self.bn3(y))).add_(x)


class ResidualAttention(nn.Module):
    """The module of stage 1: an hourglass of three levels."""

    def __init__(self, channels):
        super().__init__()

        def two():
            return nn.Sequential(ResidualBlock(channels), ResidualBlock(channels))

        self.first_residual_blocks = ResidualBlock(channels)
        self.trunk_branches = two()
        self.softmax1_blocks, self.skip1_connection_residual_block = ResidualBlock(channels), ResidualBlock(channels)
        self.softmax2_blocks, self.skip2_connection_residual_block = ResidualBlock(channels), ResidualBlock(channels)
        self.softmax3_blocks = two()
        self.softmax4_blocks, self.softmax5_blocks = ResidualBlock(channels), ResidualBlock(channels)
        steps = [[nn.BatchNorm2d(channels), nn.ReLU(inplace=True), conv(channels, channels)] for _ in range(2)]
        self.softmax6_blocks = nn.Sequential(*steps[0], *steps[1], nn.Sigmoid())
        self.last_blocks = ResidualBlock(channels)

    def forward(self, x):
        def halve(value):
            return F.max_pool2d(value, 3, 2, 1)

        def enlarge(value, like):
            return F.interpolate(value, like.shape[2:], mode="bilinear", align_corners=True)

        x = self.first_residual_blocks(x)
        trunk = self.trunk_branches(x)
        level1 = self.softmax1_blocks(halve(x))
        level2 = self.softmax2_blocks(halve(level1))
        y = self.softmax3_blocks(halve(level2))
        y = self.softmax4_blocks(enlarge(y, level2) + level2 + self.skip2_connection_residual_block(level2))
        y = self.softmax5_blocks(enlarge(y, level1) + level1 + self.skip1_connection_residual_block(level1))
        mask = self.softmax6_blocks(enlarge(y, trunk) + trunk)
        return self.last_blocks((1 + mask) * trunk)


class RGA(nn.Module):
    """`size` are the height and width of the maps, which the weights depend on."""

    def __init__(self, channels, size):
        super().__init__()
        area = size[0] * size[1]
        self.relation("spatial", channels, area, channels // 8, area // 8)
        self.relation("channel", area, channels, area // 8, channels // 8)

    def relation(self, kind, features, nodes, inner, outer):
        hidden = (1 + outer) // 8
        weigh = [*conv_norm_relu(1 + outer, hidden), *conv_norm(hidden, 1)]
        self.add_module(f"gx_{kind}", conv_norm_relu(features, inner))
        self.add_module(f"gg_{kind}", conv_norm_relu(2 * nodes, outer))
        self.add_module(f"W_{kind}", nn.Sequential(*weigh))
        self.add_module(f"theta_{kind}", conv_norm_relu(features, inner))
        self.add_module(f"phi_{kind}", conv_norm_relu(features, inner))

    def relate(self, kind, x):
        gx, gg, weigh, theta, phi = (getattr(self, f"{name}_{kind}") for name in ["gx", "gg", "W", "theta", "phi"])
        relations = torch.bmm(positions(theta(x)).transpose(1, 2), positions(phi(x)))
        both = torch.cat([relations.transpose(1, 2), relations], 1).view(x.shape[0], -1, *x.shape[2:])
        return torch.sigmoid(weigh(torch.cat([gx(x).mean(1, keepdim=True), gg(both)], 1)))

    def forward(self, x):
        x = x * self.relate("spatial", x)
        nodes = positions(x).transpose(1, 2)[..., None]  # the channels are the nodes: [N,HW,C,1]
        return x * self.relate("channel", nodes).transpose(1, 2)


# By the names of Fovea's catalogue.
MODULES = {
    "bam": BAM,
    "cam": CAM,
    "cbam": CBAM,
    "coord": Coord,
    "danet-head": DANetHead,
    "eca": ECA,
    "gam": GAM,
    "gc": GC,
    "gct": GCT,
    "lka": LKA,
    "mpm": MPM,
    "pam": PAM,
    "psa-parallel": PSAParallel,
    "psa-sequential": PSASequential,
    "residual-attention": ResidualAttention,
    "residual-block": ResidualBlock,
    "rga": RGA,
    "sc-bottleneck": SCBottleneck,
    "scconv": SCConv,
    "scse": ScSE,
    "se": SE,
    "simam": SimAM,
    "spm": SPM,
    "triplet": Triplet,
    "van-attention": VANAttention,
    "van-block": VANBlock,
}
