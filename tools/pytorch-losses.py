#!/usr/bin/python3
"""Losses of the training steps that tools/compare-layouts.ts leaves in a folder, by PyTorch in float64 and float32: one JSON object.

FOLDER holds start.safetensors, images.f32 [steps,N,3,S,S] and labels.i32 [steps,N].
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "peers"))
from networks import ResNet  # noqa: E402
from weights import read_safetensors  # noqa: E402


def losses(dtype, folder, depth, attention, batch, side, lr):
    images = np.fromfile(folder / "images.f32", np.float32).reshape(-1, batch, 3, side, side)
    labels = np.fromfile(folder / "labels.i32", np.int32).reshape(-1, batch)
    model = ResNet(depth, side, attention)
    model.load_state_dict(read_safetensors(folder / "start.safetensors"))
    model.to(dtype).train()
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9, weight_decay=5e-4)
    values = []
    for x, y in zip(images, labels):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(torch.from_numpy(x).to(dtype)), torch.from_numpy(y).long())
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return values


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--depth", type=int, required=True)
parser.add_argument("--attention")
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--side", type=int, required=True)
parser.add_argument("--lr", type=float, required=True)
args = vars(parser.parse_args())
print(json.dumps({name: losses(dtype, **args) for name, dtype in [("float64", torch.float64), ("float32", torch.float32)]}))
