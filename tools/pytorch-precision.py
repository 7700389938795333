#!/usr/bin/python3
"""Errors of the training step in FILE, which tools/precision.ts writes, and of PyTorch's own, against PyTorch in float64: a line each."""
import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "peers"))
from networks import ResNet  # noqa: E402
from weights import read_safetensors  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("file", type=Path)
parser.add_argument("depth", type=int)
args = parser.parse_args()
arrays = read_safetensors(args.file)


def under(prefix):
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}


def step(dtype, context=nullcontext()):
    model = ResNet(args.depth, arrays["images"].shape[-1], None)
    model.load_state_dict(under("state/"))
    model.to(dtype).train()
    with context:
        logits = model(arrays["images"].to(dtype))
    loss = F.cross_entropy(logits.float() if dtype == torch.float32 else logits, arrays["targets"].argmax(1))
    loss.backward()
    return {"loss": loss.detach(), **{f"grad/{key}": value.grad for key, value in model.named_parameters()}}


exact = step(torch.float64)


def show(name, result):
    def error(key):
        return (result[key].double() - exact[key]).reshape(exact[key].shape)

    keys = [key for key in exact if key != "loss"]
    loss = (error("loss").abs() / exact["loss"]).item()
    rms = (sum(error(k).square().sum() for k in keys) / sum(exact[k].square().sum() for k in keys)).sqrt().item()
    worst = max((error(k).abs().max() / exact[k].abs().max()).item() for k in keys)
    print(f"{name:24} loss {loss:.1e}   gradients, rms {rms:.1e}   largest {worst:.1e}", flush=True)


show("float32", under("float32/"))
show("fast", under("fast/"))
show("PyTorch float32", step(torch.float32))
show("PyTorch bfloat16", step(torch.float32, torch.autocast("cpu", dtype=torch.bfloat16)))
