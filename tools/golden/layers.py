"""Writes test/golden/layers.json: PyTorch's layers in float64 with their gradients. Run: python3 tools/golden/layers.py

Every number given to PyTorch is a multiple of 1/64, so that float32 engines see the same.
"""

import json
import zlib

import torch
from torch.nn import functional as F

cases = {}


def numbers(name, shape, low=-1.0, high=1.0):
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    t = torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low
    return (t * 64).round() / 64


def plain(t):
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return {"shape": list(t.shape), "data": [words.get(str(v), v) for v in t.flatten().tolist()]}


def case(layer, name, options, f, *inputs):
    inputs = [t.clone().requires_grad_() for t in inputs]
    y = f(*inputs)
    dy = numbers(f"{layer} {name} dy", y.shape)
    grads = torch.autograd.grad(y, inputs, dy)
    cases[f"{layer}, {name}"] = {
        "layer": layer,
        "options": options,
        "inputs": [plain(t.detach()) for t in inputs],
        "y": plain(y.detach()),
        "dy": plain(dy),
        "gradients": [plain(t) for t in grads],
    }


x = numbers("x", [2, 4, 3, 4])
x[0, :, 0, 0] = 0
case("prelu", "one slope", {}, F.prelu, x, numbers("slope", [1]))
case("prelu", "a slope for each channel", {}, F.prelu, x, numbers("slopes", [4]))
case("prelu", "vectors", {}, F.prelu, numbers("v", [3, 5]), numbers("slopes", [5]))

for groups in (1, 2, 4):
    case("groupNorm", f"{groups} groups", {"groups": groups}, lambda x, w, b, g=groups: F.group_norm(x, g, w, b), x, numbers("w", [4]), numbers("b", [4]))
case("groupNorm", "rows", {"groups": 2}, lambda x, w, b: F.group_norm(x, 2, w, b), numbers("rows", [3, 6]), numbers("w", [6]), numbers("b", [6]))
case("groupNorm", "a constant group", {"groups": 2}, lambda x, w, b: F.group_norm(x, 2, w, b), torch.full([1, 4, 2, 2], 0.5, dtype=torch.float64), numbers("w", [4]), numbers("b", [4]))


def transposed(name, channels, filters, kernel, size=(3, 4), **options):
    def f(x, w, b):
        torch_options = {"output_padding" if k == "outputPadding" else k: v for k, v in options.items()}
        return F.conv_transpose2d(x, w, b, **torch_options)

    groups = options.get("groups", 1)
    w = numbers(f"{name} w", [channels, filters // groups, *kernel])
    case("convTranspose", name, options, f, numbers(f"{name} x", [2, channels, *size]), w, numbers(f"{name} b", [filters]))


transposed("stride 1", 3, 2, (3, 3))
transposed("stride 1, padding", 3, 2, (3, 3), padding=1)
transposed("stride 1, more padding than the kernel reaches", 3, 2, (2, 3), padding=(2, 1), size=(5, 5))
transposed("twice the size", 3, 2, (2, 2), stride=2)
transposed("padding and output padding", 2, 3, (3, 3), stride=2, padding=1, outputPadding=1)
transposed("output padding without padding", 2, 2, (3, 2), stride=2, outputPadding=1)
transposed("uneven", 2, 3, (2, 3), stride=(3, 1), padding=(0, 1), outputPadding=(2, 0))
transposed("groups", 4, 6, (3, 3), stride=2, padding=1, groups=2)
transposed("depthwise", 4, 4, (3, 3), stride=2, padding=1, outputPadding=1, groups=4)
transposed("dilation", 2, 2, (3, 2), dilation=2, stride=2, padding=1)
transposed("dilation, output padding beyond the stride", 2, 2, (2, 2), dilation=3, stride=1, padding=1, outputPadding=2)
transposed("dilation, output padding without padding", 2, 2, (2, 2), dilation=3, stride=2, outputPadding=(2, 1))
transposed("one pixel", 3, 2, (4, 4), size=(1, 1), stride=4)
transposed("windows that do not touch", 2, 2, (1, 2), stride=3, outputPadding=2)

case("pixelShuffle", "by 2", {"factor": 2}, lambda x: F.pixel_shuffle(x, 2), numbers("s", [2, 8, 2, 3]))
case("pixelShuffle", "by 3", {"factor": 3}, lambda x: F.pixel_shuffle(x, 3), numbers("s", [1, 9, 2, 2]))
case("pixelUnshuffle", "by 2", {"factor": 2}, lambda x: F.pixel_unshuffle(x, 2), numbers("s", [2, 2, 4, 6]))
case("pixelUnshuffle", "by 3", {"factor": 3}, lambda x: F.pixel_unshuffle(x, 3), numbers("s", [1, 1, 6, 3]))


def pool(name, size, **options):
    def f(x):
        names = {"kernel": "kernel_size", "ceilMode": "ceil_mode"}
        return F.max_pool2d(x, **{names.get(k, k): v for k, v in options.items()})

    case("maxPool", name, options, f, numbers(f"{name} x", [2, 2, *size], -2, 0))


pool("SqueezeNet's", (6, 8), kernel=3, stride=2, ceilMode=True)
pool("ceil mode where nothing is left over", (7, 5), kernel=3, stride=2, ceilMode=True)
pool("ceil mode and padding", (6, 7), kernel=3, stride=2, padding=1, ceilMode=True)
pool("a window that would start in the padding is dropped", (3, 3), kernel=2, stride=2, padding=1, ceilMode=True)
pool("stride beyond the kernel", (5, 6), kernel=1, stride=3, ceilMode=True)
pool("ceil mode in one direction", (5, 8), kernel=(2, 3), stride=(2, 3), ceilMode=True)
pool("smaller than two windows", (4, 4), kernel=3, stride=3, ceilMode=True)
pool("dilation", (7, 6), kernel=3, stride=1, dilation=2)
pool("dilation and padding", (7, 6), kernel=(3, 2), stride=2, padding=1, dilation=(2, 3))
pool("dilation and ceil mode", (8, 7), kernel=3, stride=2, padding=1, dilation=2, ceilMode=True)
pool("dilated windows that reach far over the end", (6, 7), kernel=2, stride=5, dilation=4, ceilMode=True)
pool("dilated windows that reach over the padding", (9, 6), kernel=2, stride=3, padding=1, dilation=3, ceilMode=True)

signed = numbers("pow", [3, 4], -2, 2)
signed[0, 0] = 0
positive = numbers("pow", [3, 4], 0.25, 2)
for p in (0, 1, 2, 3):
    case("pow", f"to {p}, at 0 too", {"exponent": p}, lambda x, p=p: x.pow(p), signed)
for p in (-2, -1, 0.5, 1 / 4, 2.5):
    case("pow", f"to {p}", {"exponent": p}, lambda x, p=p: x.pow(p), positive)
case("pow", "a negative number to a fraction", {"exponent": 1.5}, lambda x: x.pow(1.5), torch.tensor([-1.0, 0, 4], dtype=torch.float64))
for p in (0.5, -1):
    case("pow", f"0 to {p}", {"exponent": p}, lambda x, p=p: x.pow(p), torch.tensor([0, 0.25, 4], dtype=torch.float64))
case("prelu", "infinite", {}, F.prelu, torch.tensor([[float("inf"), -1, 2]], dtype=torch.float64), numbers("slope", [1]))

with open("test/golden/layers.json", "w") as file:
    lines = [f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in cases.items()]
    file.write("{\n" + ",\n".join(lines) + "\n}\n")
