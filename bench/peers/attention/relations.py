"""Modules that compare positions, or channels, with one another."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from attention.parts import attention_pool, conv, conv_norm, conv_norm_relu, positions


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


class NonLocal(nn.Module):
    """
    On large maps of random numbers a check finds W.0.bias different, by 1.5 % of a tenth of its weight's gradient: before a norm its own
    gradient is 0 but for rounding, here PyTorch's, and the norm enlarges that because means over many positions hardly differ.
    """

    def __init__(self, channels):
        super().__init__()
        hidden = channels // 2
        self.theta, self.phi, self.g = (nn.Conv2d(channels, hidden, 1) for _ in range(3))
        self.W = nn.Sequential(nn.Conv2d(hidden, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x):
        squares = F.max_pool2d(x, 2)
        theta, phi, g = positions(self.theta(x)), positions(self.phi(squares)), positions(self.g(squares))
        affinity = torch.bmm(theta.transpose(1, 2) * theta.shape[1] ** -0.5, phi).softmax(2)
        return x + self.W(torch.bmm(g, affinity.transpose(1, 2)).unflatten(2, x.shape[2:]))


class DoubleAttention(nn.Module):
    """Without the addition of x, or with it in networks."""

    def __init__(self, channels, residual=False):
        super().__init__()
        self.residual = residual
        self.convA, self.convB, self.convV = (nn.Conv2d(channels, channels // 4, 1) for _ in range(3))
        self.conv_reconstruct = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        a, b, v = (positions(layer(x)) for layer in [self.convA, self.convB, self.convV])
        features = torch.bmm(a, b.softmax(2).transpose(1, 2))
        y = self.conv_reconstruct(torch.bmm(features, v.softmax(1)).unflatten(2, x.shape[2:]))
        return x + y if self.residual else y


class RelativePositions(nn.Module):
    """Logits from a vector for each distance in height and in width, under the keys that the authors chose."""

    def __init__(self, keys, window, width):
        super().__init__()
        self.keys = keys
        for key, side in zip(keys, window):
            self.register_parameter(key, nn.Parameter(torch.randn(2 * side - 1, width) * width**-0.5))

    def forward(self, queries, window):
        """Queries [N,G,h,w,d] -> [N,G,hw,HW] for a window [H,W], q(y, x) . (a[i - y] + b[j - x])."""
        heights, widths = (self.by_distance(i, queries.shape[2 + i], side) for i, side in enumerate(window))
        rows = torch.einsum("nghwd,hrd->nghwr", queries, heights)
        columns = torch.einsum("nghwd,wcd->nghwc", queries, widths)
        return (rows[..., None] + columns[..., None, :]).flatten(4).flatten(2, 3)

    def by_distance(self, axis, length, side):
        """The vector from each of `length` positions to each of `side`: [length,side,d]."""
        vectors = getattr(self, self.keys[axis])
        distances = torch.arange(side) - torch.arange(length)[:, None]
        return vectors[distances + len(vectors) // 2]


class BoT(nn.Module):
    """`size` are the height and width of the maps, which the weights depend on."""

    def __init__(self, channels, size):
        super().__init__()
        self.heads = 4
        self.to_qkv = conv(channels, 3 * channels)
        self.pos_emb = RelativePositions(["rel_height", "rel_width"], size, channels // self.heads)

    def forward(self, x):
        n, _, height, width = x.shape
        query, key, value = self.to_qkv(x).view(n, 3, self.heads, -1, height * width).unbind(1)
        query = query.transpose(2, 3) * key.shape[2] ** -0.5
        relative = self.pos_emb(query.unflatten(2, (height, width)), (height, width))
        affinity = (torch.matmul(query, key) + relative).softmax(3)
        return torch.matmul(value, affinity.transpose(2, 3)).view_as(x)


class Halo(nn.Module):
    """Blocks of 8x8, or of a whole side where that is shorter, and windows that reach 3 further."""

    def __init__(self, channels):
        super().__init__()
        self.heads, self.block, self.halo = 8, 8, 3
        self.q, self.kv = conv(channels, channels), conv(channels, 2 * channels)
        self.pos_embed = RelativePositions(["height_rel", "width_rel"], (14, 14), channels // self.heads)

    def cut(self, x, window, block):
        """Overlapping windows [N,heads,rows of blocks,columns of blocks,height,width,channels of a head]."""
        windows = x.unfold(2, window[0], block[0]).unfold(3, window[1], block[1])
        return windows.unflatten(1, (self.heads, -1)).permute(0, 1, 3, 4, 5, 6, 2)

    def forward(self, x):
        n, channels, height, width = x.shape
        block = [min(self.block, side) for side in (height, width)]
        window = [side + 2 * self.halo for side in block]
        right, bottom = -width % block[1], -height % block[0]
        halo = self.halo
        query = self.cut(F.pad(self.q(x), (0, right, 0, bottom)), block, block)
        both = self.cut(F.pad(self.kv(x), (halo, halo + right, halo, halo + bottom)), window, block)
        rows, columns, d = query.shape[2], query.shape[3], query.shape[6]
        query = query.flatten(1, 3)
        key, value = both.flatten(1, 3).flatten(2, 3).split(d, 3)
        content = torch.matmul(query.flatten(2, 3) * d**-0.5, key.transpose(2, 3))
        y = torch.matmul((content + self.pos_embed(query, window)).softmax(3), value)
        y = y.view(n, self.heads, rows, columns, *block, d).permute(0, 1, 6, 2, 4, 3, 5)
        return y.reshape(n, channels, height + bottom, width + right)[:, :, :height, :width]
