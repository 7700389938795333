#!/usr/bin/python3
"""The peer of step.ts: one network in eager PyTorch on the CPU, with the same arguments and the same line of JSON.

    /usr/bin/python3 bench/peers/step.py --net resnet20+cbam --steps 7 --threads 2

A training step is forward, cross entropy, backward and SGD(0.1, 0.9, 5e-4) on random data; inference is the forward pass in
evaluation mode. CBAM is the plain form: 1x1 convolutions without bias, and no batch norm in the spatial gate.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class PlainCBAM(nn.Module):
    def __init__(self, channels, reduction=16):
        super().__init__()
        hidden = channels // reduction
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False)
        )
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        x = x * torch.sigmoid(self.mlp(F.adaptive_avg_pool2d(x, 1)) + self.mlp(F.adaptive_max_pool2d(x, 1)))
        maps = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
        return x * torch.sigmoid(self.conv(maps))


class Block(nn.Module):
    def __init__(self, channels, width, stride, attention):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.attention = PlainCBAM(width) if attention == "cbam" else nn.Identity()
        self.shortcut = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.attention(self.bn2(self.conv2(y))) + self.shortcut(x))


class Net(nn.Module):
    def __init__(self, widths, depth, attention):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        blocks, channels = [], widths[0]
        for stage, width in enumerate(widths):
            for i in range(depth):
                blocks.append(Block(channels, width, 2 if stage > 0 and i == 0 else 1, attention))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


# widths, blocks per stage, batch
NETS = {"resnet20": ([16, 32, 64], 3, 128), "resnet18": ([64, 128, 256, 512], 2, 32)}


def median_seconds(run, steps, warmup=2):
    times = []
    for _ in range(warmup + steps):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return sorted(times[warmup:])[steps // 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", default="resnet20")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    name, _, attention = args.net.partition("+")
    widths, depth, batch = NETS[name]
    model = Net(widths, depth, attention)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    images, labels = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))

    def train():
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    training = median_seconds(train, args.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    model.eval()
    with torch.no_grad():
        inference = median_seconds(lambda: model(images), args.steps)
    figures = {"training": batch / training, "inference": batch / inference, "peakMemoryBytes": peak}
    print(json.dumps({"side": f"PyTorch {torch.__version__}", **figures}))


main()
