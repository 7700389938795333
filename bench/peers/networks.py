"""The networks of the benchmarks in PyTorch, with Fovea's (torchvision's, the authors') keys."""
import torch.nn as nn
import torch.nn.functional as F

from attention.convolutions import SPM, VANBlock
from attention.parts import conv, conv_norm
from attention.places import MobileCoord, PlainCBAM
from attention.relations import DoubleAttention
from modules import create

# Where a module stands unless that is the end of the residual branch.
PLACEMENTS = {
    **dict.fromkeys(["bot", "cot", "epsa", "halo", "simam"], "convolution"),
    **dict.fromkeys(["coord", "ela", "gct", "mlca", "psa-parallel", "psa-sequential", "sk", "spm"], "activation"),
    **dict.fromkeys(["bam", "non-local", "residual-attention", "rga"], "stage"),
}


class Attention:
    """Makes the modules of a network: `create(channels, side)`, side being that of their square maps; and where they stand."""

    def __init__(self, name):
        self.placement = PLACEMENTS.get(name, "residual")
        self.last_stage_only = name == "bot"
        own = {
            "a2": lambda channels, side: DoubleAttention(channels, residual=True),
            "cbam-plain": lambda channels, side: PlainCBAM(channels),
            "spm": lambda channels, side: SPM(channels, multiply=True),
        }
        self.create = own.get(name, lambda channels, side: create(name, channels, side))


class Block(nn.Module):
    """ReLU(branch(x) + shortcut(x))"""

    def __init__(self, channels, width, stride, side, attention):
        super().__init__()
        outputs = self.expansion * width
        self.placement = attention and attention.placement
        if self.placement and self.placement != "stage":
            self.attention = attention.create(outputs if self.placement == "residual" else width, side)
        reshapes = stride != 1 or channels != outputs
        self.downsample = nn.Sequential(*conv_norm(channels, outputs, stride=stride)) if reshapes else None

    def at(self, placement, y):
        return self.attention(y) if placement == self.placement else y

    def forward(self, x):
        y = self.at("residual", self.branch(x))
        return F.relu_(y + (self.downsample(x) if self.downsample else x))


class BasicBlock(Block):
    expansion = 1

    def __init__(self, channels, width, stride, side, attention):
        super().__init__(channels, width, stride, side, attention)
        self.conv1, self.bn1 = conv_norm(channels, width, 3, stride=stride, padding=1)
        self.conv2, self.bn2 = conv_norm(width, width, 3, padding=1)

    def branch(self, x):
        y = self.at("activation", F.relu_(self.bn1(self.conv1(x))))
        return self.bn2(self.at("convolution", self.conv2(y)))


class Bottleneck(Block):
    expansion = 4

    def __init__(self, channels, width, stride, side, attention):
        super().__init__(channels, width, stride, side, attention)
        self.conv1, self.bn1 = conv_norm(channels, width)
        self.conv2, self.bn2 = conv_norm(width, width, 3, stride=stride, padding=1)
        self.conv3, self.bn3 = conv_norm(width, 4 * width)

    def branch(self, x):
        y = F.relu_(self.bn1(self.conv1(x)))
        y = F.relu_(self.bn2(self.at("convolution", self.conv2(y))))
        return self.bn3(self.conv3(self.at("activation", y)))


RESNETS = {
    **{6 * n + 2: (BasicBlock, [n] * 3, [16, 32, 64]) for n in (3, 5, 7, 9, 18)},
    18: (BasicBlock, [2, 2, 2, 2], [64, 128, 256, 512]),
    50: (Bottleneck, [3, 4, 6, 3], [64, 128, 256, 512]),
}


class ResNet(nn.Module):
    """For images of side x side: 32 has the CIFAR stem and 10 classes, 224 the ImageNet stem and 1000."""

    def __init__(self, depth, side, attention=None):
        super().__init__()
        block, depths, widths = RESNETS[depth]
        attention = Attention(attention) if attention else None
        self.small = side == 32
        channels = widths[0]
        self.conv1 = conv(3, channels, 3, padding=1) if self.small else conv(3, channels, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(channels)
        side = side if self.small else side // 4
        self.stages = []
        for stage, (blocks, width) in enumerate(zip(depths, widths)):
            last = stage == len(depths) - 1
            layers = []
            own = attention if attention and (last or not attention.last_stage_only) else None
            for i in range(blocks):
                stride = 2 if stage > 0 and i == 0 else 1
                side //= stride
                layers.append(block(channels, width, stride, side, own))
                channels = block.expansion * width
            self.add(f"layer{stage + 1}", nn.Sequential(*layers))
            if attention and attention.placement == "stage" and not last:
                self.add(f"attention{stage + 1}", attention.create(channels, side))
        self.fc = nn.Linear(channels, 10 if self.small else 1000)

    def add(self, name, module):
        self.add_module(name, module)
        self.stages.append(name)

    def forward(self, x):
        x = F.relu_(self.bn1(self.conv1(x)))
        if not self.small:
            x = F.max_pool2d(x, 3, 2, 1)
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(x.mean((2, 3)))


def layer(channels, filters, kernel=1, **options):
    return [*conv_norm(channels, filters, kernel, **options), nn.ReLU6(inplace=True)]


class InvertedResidual(nn.Module):
    def __init__(self, channels, filters, stride, expansion):
        super().__init__()
        hidden = channels * expansion
        expand = layer(channels, hidden) if expansion > 1 else []
        spatial = layer(hidden, hidden, 3, stride=stride, padding=1, groups=hidden)
        gate = [MobileCoord(hidden)] if expansion > 1 else []
        self.conv = nn.Sequential(*expand, *spatial, *gate, *conv_norm(hidden, filters))
        self.skips = stride == 1 and channels == filters

    def forward(self, x):
        return self.conv(x) + x if self.skips else self.conv(x)


class MobileNetV2CA(nn.Module):
    """MobileNetV2 with Coordinate Attention on the wide maps."""

    def __init__(self):
        super().__init__()
        stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        blocks, channels = [nn.Sequential(*layer(3, 32, 3, stride=2, padding=1))], 32
        for expansion, filters, count, stride in stages:
            for i in range(count):
                blocks.append(InvertedResidual(channels, filters, stride if i == 0 else 1, expansion))
                channels = filters
        self.features = nn.Sequential(*blocks)
        self.conv = nn.Sequential(*layer(channels, 1280))
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(1280, 1000))

    def forward(self, x):
        return self.classifier(self.conv(self.features(x)).mean((2, 3)))


class VANB0(nn.Module):
    """Visual Attention Network B0. Without stochastic depth, which only acts in training."""

    def __init__(self):
        super().__init__()
        channels = 3
        for i, (width, depth, ratio) in enumerate(zip([32, 64, 160, 256], [3, 3, 5, 2], [8, 8, 4, 4]), 1):
            kernel, stride = (7, 4) if i == 1 else (3, 2)
            embed = nn.Module()
            embed.proj = nn.Conv2d(channels, width, kernel, stride, kernel // 2)
            embed.norm = nn.BatchNorm2d(width)
            self.add_module(f"patch_embed{i}", embed)
            self.add_module(f"block{i}", nn.Sequential(*[VANBlock(width, ratio) for _ in range(depth)]))
            self.add_module(f"norm{i}", nn.LayerNorm(width, eps=1e-6))
            channels = width
        self.head = nn.Linear(channels, 1000)

    def forward(self, x):
        for i in range(1, 5):
            embed, blocks, norm = (getattr(self, f"{name}{i}") for name in ["patch_embed", "block", "norm"])
            x = blocks(embed.norm(embed.proj(x)))
            x = norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(x.mean((2, 3)))
