"""Modules that are mostly convolutions."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from attention.parts import Gate, conv, conv_bottleneck, conv_norm, conv_norm_relu, depthwise, named


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


class SK(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = max(32, channels // 16)
        self.paths = nn.ModuleList()
        for dilation in [1, 2]:
            layer, norm = conv_norm(channels, channels, 3, padding=dilation, dilation=dilation)
            self.paths.append(named(conv=layer, bn=norm, act=nn.ReLU(inplace=True)))
        reduce, norm = conv_norm(channels, hidden)
        select = conv(hidden, 2 * channels)
        self.attn = named(fc_reduce=reduce, bn=norm, act=nn.ReLU(inplace=True), fc_select=select)

    def forward(self, x):
        first, second = (path(x) for path in self.paths)
        logits = self.attn((first + second).mean((2, 3), keepdim=True))
        weights = logits.unflatten(1, (2, -1)).softmax(1)
        return first * weights[:, 0] + second * weights[:, 1]


class EPSA(nn.Module):
    def __init__(self, channels):
        super().__init__()
        quarter = channels // 4
        for i, (kernel, groups) in enumerate(zip([3, 5, 7, 9], [1, 4, 8, 16]), 1):
            options = {"padding": kernel // 2, "groups": min(groups, quarter)}
            self.add_module(f"conv_{i}", conv(channels, quarter, kernel, **options))
        self.se = conv_bottleneck(quarter, max(1, quarter // 16))

    def forward(self, x):
        features = [layer(x) for layer in [self.conv_4, self.conv_3, self.conv_2, self.conv_1]]
        gates = [torch.sigmoid(self.se(value.mean((2, 3), keepdim=True))) for value in features]
        weights = torch.stack(gates, 1).softmax(1)
        return torch.cat([value * weights[:, i] for i, value in enumerate(features)], 1)


class CoT(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.shared, half, hidden = channels // 8, channels // 2, max(32, channels // 2)
        self.key_embed = conv_norm_relu(channels, channels, 3, padding=1, groups=4)
        self.embed = nn.Sequential(
            *conv_norm_relu(2 * channels, half),
            nn.Conv2d(half, 9 * self.shared, 1),
            nn.GroupNorm(self.shared, 9 * self.shared),
        )
        self.conv1x1 = nn.Sequential(*conv_norm(channels, channels))
        self.bn = nn.BatchNorm2d(channels)
        self.se = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, 2 * channels, 1),
        )

    def forward(self, x):
        fixed = self.key_embed(x)
        weights = self.embed(torch.cat([x, fixed], 1)).view(len(x), 1, self.shared, 9, -1)
        neighbors = F.unfold(self.conv1x1(x), 3, padding=1).view(len(x), 8, self.shared, 9, -1)
        dynamic = F.silu(self.bn((neighbors * weights).sum(3).view_as(x)))
        logits = self.se((dynamic + fixed).mean((2, 3), keepdim=True))
        shares = logits.unflatten(1, (-1, 2)).softmax(2)
        return dynamic * shares[:, :, 0] + fixed * shares[:, :, 1]


class ParNet(nn.Module):
    def __init__(self, channels):
        super().__init__()

        def branch(kernel):
            layer, norm = conv_norm(channels, channels, kernel, padding=kernel // 2)
            return named(conv=layer, bn=norm)

        self.rbr_identity = nn.BatchNorm2d(channels)
        self.rbr_dense, self.rbr_1x1 = branch(3), branch(1)
        self.se = named(cvsig=named(conv=conv(channels, channels), act=nn.Sigmoid()))

    def forward(self, x):
        skip = self.rbr_identity(x)
        return F.silu(self.rbr_dense(x) + self.rbr_1x1(x) + skip * self.se(skip.mean((2, 3), keepdim=True)))
