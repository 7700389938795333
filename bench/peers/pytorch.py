#!/usr/bin/python3
"""PyTorch's side of bench/peers.ts, on the CPU or with --device cuda: measures one case of one suite, eager unless --compile.

    /usr/bin/python3 bench/peers/pytorch.py SUITE CASE [--steps 7] [--threads 2] [--channels-last] [--compile] [--bf16] [--device cuda] [--check FILE]

Prints one line of JSON: {"side", "measures": {NAME: {"seconds", "peakMemoryBytes"}}}. With --check it takes weights and inputs from a
safetensors file of Fovea's, computes the same once, and prints {"side", "errors": {NAME: relative error}} of what it gets beside Fovea's.
"""
import argparse
import contextlib
import json
import re
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Callable

import torch
import torch.nn as nn
import torch.nn.functional as F

from modules import create
from networks import MobileNetV2CA, ResNet, VANB0
from weights import read_safetensors


# What networks run in: torch.autocast with --bf16.
precision = contextlib.nullcontext()


@dataclass
class Measure:
    """What is measured: `prepare(model, inputs)` makes the function that is run, which returns what it computes, by name."""

    name: str
    model: nn.Module
    inputs: dict
    prepare: Callable


def training(model, inputs):
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
    images, labels = inputs["images"], inputs["targets"].argmax(1)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with precision:
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach()}

    return step


def inference(model, inputs):
    model.eval()

    @torch.no_grad()
    def run():
        with precision:
            return {"output": model(inputs["input"])}

    return run


def images(batch, side):
    return torch.randn(batch, 3, side, side)


DEPTHS_AND_BATCHES = {"resnet20": (20, 128), "resnet18": (18, 32)}


def training_batch(batch, side=32, classes=10):
    return {"images": images(batch, side), "targets": F.one_hot(torch.randint(0, classes, (batch,)), classes)}


def nets(case):
    net, _, attention = case.partition("+")
    depth, batch = DEPTHS_AND_BATCHES[net]
    model = ResNet(depth, 32, "cbam-plain" if attention else None)
    yield Measure("training", model, training_batch(batch), training)
    yield Measure("inference", model, {"input": images(batch, 32)}, inference)


def cost(case):
    net, _, attention = case.partition("+")
    depth, batch = DEPTHS_AND_BATCHES[net]
    yield Measure("without", ResNet(depth, 32), training_batch(batch), training)
    yield Measure("with", ResNet(depth, 32, attention), training_batch(batch), training)


def infer(case):
    net, batch = case.split("/b")
    networks = {
        "resnet18": lambda: ResNet(18, 224),
        "resnet50": lambda: ResNet(50, 224),
        "resnet50+cbam": lambda: ResNet(50, 224, "cbam"),
        "mobilenetv2+coord": MobileNetV2CA,
        "van-b0": VANB0,
    }
    yield Measure("inference", networks[net](), {"input": images(int(batch), 224)}, inference)


def conv(case):
    channels, side, batch = {"64@56x56": (64, 56, 8), "256@14x14": (256, 14, 32)}[case]
    model = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    shape = batch, channels, side, side
    inputs = {"x": torch.randn(shape), "dy0": torch.randn(shape), "one": torch.ones(())}

    def backward(weight, x, dy, which):
        """What autograd itself calls, for one gradient at a time."""
        options = [1, 1], [1, 1], [1, 1], False, [0, 0], 1
        return torch.ops.aten.convolution_backward(dy, x, weight, None, *options, which)

    def output(weight, x, dy0, one):
        return {"y0": F.conv2d(x * one, weight, padding=1)}

    def input_gradient(weight, x, dy0, one):
        return {"dx": backward(weight, x, dy0 * one, [True, False, False])[0]}

    def weight_gradient(weight, x, dy0, one):
        return {"weight": backward(weight, x * one, dy0 * one, [False, True, False])[1]}

    for name, compute in [("forward", output), ("input gradient", input_gradient), ("weight gradient", weight_gradient)]:
        yield Measure(name, model, inputs, lambda m, i, compute=compute: torch.no_grad()(lambda: compute(m.weight, **i)))


def modules(case):
    name, shape = case.split("/")
    channels, side = {"64@56x56": (64, 56), "256@14x14": (256, 14)}[shape]
    model = create(name, channels, side)
    with torch.no_grad():
        x = torch.randn(16, channels, side, side)
        outputs = model(x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    inputs = {"x": x, "one": torch.ones(()), **{f"dy{i}": torch.randn_like(y) for i, y in enumerate(outputs)}}
    yield Measure("forward and backward", model, inputs, forward_and_backward)


def forward_and_backward(model, inputs):
    """As in a network, the input and the gradient of the output are made on the spot: a multiplication, on both sides."""
    model.train()
    names, parameters = zip(("dx", None), *model.named_parameters())

    def run():
        x = (inputs["x"] * inputs["one"]).requires_grad_()
        y = model(x)
        y = y if isinstance(y, tuple) else (y,)
        dy = [inputs[f"dy{i}"] * inputs["one"] for i in range(len(y))]
        gradients = torch.autograd.grad(y, [x, *parameters[1:]], dy, allow_unused=True)
        return {**{f"y{i}": value for i, value in enumerate(y)}, **dict(zip(names, gradients))}

    return run


def work(case):
    depth, batch, side = map(int, re.fullmatch(r"resnet(\d+)/b(\d+)@(\d+)", case).groups())
    yield Measure("training", ResNet(depth, 32), training_batch(batch, side), training)


def gpu(case):
    depth, attention, batch, side = {
        "tiny": (20, None, 4, 16),
        "resnet20/b128": (20, None, 128, 32),
        "resnet20+cbam/b128": (20, "cbam-plain", 128, 32),
        "resnet18/b128": (18, None, 128, 32),
        "resnet18@224/b32": (18, None, 32, 224),
    }[case]
    model = ResNet(depth, max(side, 32), attention)
    yield Measure("training", model, training_batch(batch, side, 1000 if side == 224 else 10), training)
    yield Measure("inference", model, {"input": images(batch, side)}, inference)


SUITES = {"nets": nets, "infer": infer, "conv": conv, "modules": modules, "cost": cost, "work": work, "gpu": gpu}


def on(device):
    """Moves what is measured to a device."""

    def move(measure):
        measure.model.to(device)
        measure.inputs = {name: array.to(device) for name, array in measure.inputs.items()}
        return measure

    return move


def channels_last(measure):
    """The same with maps whose channels lie side by side."""
    measure.model.to(memory_format=torch.channels_last)
    for name, array in measure.inputs.items():
        if array.dim() == 4:
            measure.inputs[name] = array.contiguous(memory_format=torch.channels_last)
    return measure


def compiled(measure):
    """The same by torch.compile, in place: keys of the state stay."""
    measure.model.compile()
    return measure


def median_seconds(run, steps, warmup=2):
    times = []
    for _ in range(warmup + steps):
        started = time.perf_counter()
        run()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return median(times[warmup:])


def blas():
    """What computes matrix products: Debian's PyTorch takes what the system has, and the reference one is many times slower than others."""
    built_with = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    if built_with and built_with[1] != "generic":
        return built_with[1]
    maps = Path("/proc/self/maps")
    folder = maps.exists() and re.search(r"([^/]+)/libblas\.so", maps.read_text())
    return {"blas": "reference BLAS"}.get(folder[1], folder[1]) if folder else "unknown BLAS"


def measure_all(measures, steps):
    """Medians, and the peak of the process after each."""
    figures = {}
    for measure in measures:
        seconds = median_seconds(measure.prepare(measure.model, measure.inputs), steps)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        figures[measure.name] = {"seconds": seconds, "peakMemoryBytes": peak}
    return {"measures": figures}


def rms(array):
    return array.double().square().mean().sqrt().item()


def errors_of(measures, tensors, device):
    """Root mean square of the difference of each result from Fovea's, relative to that of the result."""
    errors = {}
    for measure in measures:

        def under(prefix):
            return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}

        measure.model.load_state_dict(under(f"{measure.name}/state/"))
        measure.inputs.update({k: v.to(device) for k, v in under(f"{measure.name}/input/").items()})
        run = measure.prepare(measure.model, measure.inputs)
        for count in (1, 2):
            ours = under(f"{measure.name}/output/{count}/")
            if not ours:
                break
            theirs = {k: v if v is None else v.cpu() for k, v in run().items()}
            ours.pop("correct", None)
            missing = {k for k, v in theirs.items() if v is not None} ^ set(ours)
            if missing:
                raise SystemExit(f"{measure.name}: only one side computes {sorted(missing)}")
            for key in ours:
                # The gradient of a bias before a norm or a softmax is 0 but for rounding: it is compared with that of its weight.
                weight = theirs.get(key.replace(".bias", ".weight"))
                size = max(rms(theirs[key]), 0.1 * rms(weight) if key.endswith(".bias") and weight is not None else 0)
                error = rms(ours[key] - theirs[key]) / size
                errors[f"{measure.name}, {key}" + (f" of run {count}" if count > 1 else "")] = error
    return {"errors": errors}


def main():
    global precision
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", nargs="?", choices=SUITES)
    parser.add_argument("case", nargs="?")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--channels-last", action="store_true", help="channels side by side in memory, not PyTorch's default")
    parser.add_argument("--compile", action="store_true", help="torch.compile, of PyTorch 2")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--check", metavar="FILE")
    parser.add_argument("--probe", action="store_true", help="fail if this configuration cannot be run here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    if args.bf16:
        precision = torch.autocast(args.device, dtype=torch.bfloat16)
    # In float32, as Fovea computes.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if args.probe:
        measures = [Measure("probe", nn.Sequential(nn.Conv2d(3, 2, 1)), {"input": images(1, 2)}, inference)]
    elif args.suite is None or args.case is None:
        parser.error("a suite and a case must be given")
    else:
        measures = SUITES[args.suite](args.case)
    for wanted, change in [(args.device != "cpu", on(args.device)), (args.channels_last, channels_last), (args.compile, compiled)]:
        if wanted:
            measures = map(change, measures)
    result = errors_of(measures, read_safetensors(args.check), args.device) if args.check else measure_all(measures, args.steps)
    where = blas() if args.device == "cpu" else torch.cuda.get_device_name()
    print(json.dumps({"side": f"PyTorch {torch.__version__} ({where})", **result}))


main()
