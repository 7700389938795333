#!/usr/bin/python3
"""The recipe of `fovea train CIFAR_FOLDER --model resnet20` in PyTorch, to compare accuracy and time on the same data.

    /usr/bin/python3 bench/peers/train_cifar.py FOLDER --attention cbam --epochs 3 --batch 128 --lr 0.1 --seed 1

One JSON line per epoch, then {"top1", "seconds"}: the last epoch's accuracy, and the time of training and validating.
"""
import argparse
import json
import math
import re
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

MEAN = np.array([0.4914, 0.4822, 0.4465], np.float32)
STD = np.array([0.247, 0.2435, 0.2616], np.float32)
PADDING = 4


class ChannelGate(nn.Module):
    """CBAM's channel gate as its authors wrote it."""

    def __init__(self, channels, reduction=16):
        super().__init__()
        hidden = channels // reduction
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x):
        logits = self.mlp(F.avg_pool2d(x, x.shape[2:])) + self.mlp(F.max_pool2d(x, x.shape[2:]))
        return x * torch.sigmoid(logits)[:, :, None, None]


class SpatialGate(nn.Module):
    """CBAM's spatial gate as its authors wrote it; the gain starts at 0."""

    def __init__(self):
        super().__init__()
        self.spatial = nn.Module()
        self.spatial.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.spatial.bn = nn.BatchNorm2d(1, momentum=0.01)
        nn.init.kaiming_normal_(self.spatial.conv.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.spatial.bn.weight)

    def forward(self, x):
        maps = torch.stack([x.max(1)[0], x.mean(1)], 1)
        return x * torch.sigmoid(self.spatial.bn(self.spatial.conv(maps)))


class CBAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.ChannelGate = ChannelGate(channels)
        self.SpatialGate = SpatialGate()

    def forward(self, x):
        return self.SpatialGate(self.ChannelGate(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduction=16):
        super().__init__()
        hidden = channels // reduction
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False)
        )

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]


ATTENTION = {"none": None, "cbam": CBAM, "se": SqueezeExcite}


def conv(channels, filters, kernel, stride=1):
    layer = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


class Block(nn.Module):
    def __init__(self, channels, width, stride, attention):
        super().__init__()
        self.conv1, self.bn1 = conv(channels, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.attend = attention
        if ATTENTION[attention]:
            setattr(self, attention, ATTENTION[attention](width))
        projects = stride != 1 or channels != width
        self.downsample = nn.Sequential(conv(channels, width, 1, stride), nn.BatchNorm2d(width)) if projects else None

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.attend != "none":
            y = getattr(self, self.attend)(y)
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet20(nn.Module):
    """Keys as Fovea's and torchvision's, so that checkpoints can be exchanged."""

    def __init__(self, attention, classes=10):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16, 3), nn.BatchNorm2d(16)
        channels = 16
        for stage, width in enumerate([16, 32, 64], 1):
            blocks = []
            for i in range(3):
                blocks.append(Block(channels, width, 2 if stage > 1 and i == 0 else 1, attention))
                channels = width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def load(paths):
    """Images [N,3,32,32] in bytes, and labels, of CIFAR-10's binary files."""
    records = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 1 + 3 * 32 * 32) for path in paths])
    return records[:, 1:].reshape(-1, 3, 32, 32), torch.from_numpy(records[:, 0].astype(np.int64))


def to_input(images):
    return torch.from_numpy((images.astype(np.float32) / 255 - MEAN[:, None, None]) / STD[:, None, None])


def augment(images, rng):
    """Each image shifted by up to PADDING pixels, black outside, and mirrored in half of the cases."""
    padded = np.pad(images, ((0, 0), (0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    out = np.empty_like(images)
    for i, (top, left) in enumerate(rng.integers(0, 2 * PADDING + 1, (len(images), 2))):
        window = padded[i, :, top : top + 32, left : left + 32]
        out[i] = window[:, :, ::-1] if rng.random() < 0.5 else window
    return out


def evaluate(model, images, labels, batch):
    model.eval()
    loss = correct = 0
    with torch.no_grad():
        for i in range(0, len(labels), batch):
            logits, targets = model(to_input(images[i : i + batch])), labels[i : i + batch]
            loss += F.cross_entropy(logits, targets, reduction="sum").item()
            correct += (logits.argmax(1) == targets).sum().item()
    return loss / len(labels), correct / len(labels)


def arguments():
    parser = argparse.ArgumentParser(description="CIFAR-10 on ResNet-20 in PyTorch, by Fovea's recipe")
    parser.add_argument("folder", type=Path, help="holds data_batch_*.bin and test_batch.bin, or cifar-10-batches-bin")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attention", choices=ATTENTION, default="cbam")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    inner = args.folder / "cifar-10-batches-bin"
    home = inner if inner.is_dir() else args.folder
    names = [path for path in home.iterdir() if re.fullmatch(r"data_batch_\d+\.bin", path.name)]
    images, labels = load(sorted(names))
    test_images, test_labels = load([home / "test_batch.bin"])

    model = ResNet20(args.attention)
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=0.9, weight_decay=5e-4)
    batch = min(args.batch, len(labels))
    batches = len(labels) // batch
    started = time.perf_counter()
    for epoch in range(args.epochs):
        model.train()
        epoch_started = time.perf_counter()
        order = rng.permutation(len(labels))
        loss_sum = correct = 0
        for b in range(batches):
            chosen = order[b * batch : (b + 1) * batch]
            progress = (epoch * batches + b) / (args.epochs * batches)
            optimizer.param_groups[0]["lr"] = args.lr * (1 + math.cos(math.pi * progress)) / 2
            logits, targets = model(to_input(augment(images[chosen], rng))), labels[chosen]
            loss = F.cross_entropy(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
            correct += (logits.argmax(1) == targets).sum().item()
        train_seconds = time.perf_counter() - epoch_started
        test_loss, top1 = evaluate(model, test_images, test_labels, batch)
        record = {
            "epoch": epoch + 1,
            "trainLoss": loss_sum / batches,
            "trainTop1": correct / (batches * batch),
            "loss": test_loss,
            "top1": top1,
            "trainSeconds": round(train_seconds, 2),
            "imagesPerSecond": round(batches * batch / train_seconds, 1),
        }
        print(json.dumps(record), flush=True)
    print(json.dumps({"top1": top1, "seconds": round(time.perf_counter() - started, 2)}))


if __name__ == "__main__":
    main()
