#!/usr/bin/python3
"""
Errors of the training step in FILE, which tools/precision.ts writes, or of the logits that tools/precision-int8.ts writes, and of PyTorch's own,
against PyTorch in float64: a line each.
"""
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


def network(dtype):
    model = ResNet(args.depth, arrays["images"].shape[-1], None)
    model.load_state_dict(under("state/"))
    return model.to(dtype)


def step(dtype, context=nullcontext()):
    model = network(dtype).train()
    with context:
        logits = model(arrays["images"].to(dtype))
    loss = F.cross_entropy(logits.float() if dtype == torch.float32 else logits, arrays["targets"].argmax(1))
    loss.backward()
    return {"loss": loss.detach(), **{f"grad/{key}": value.grad for key, value in model.named_parameters()}}


@torch.no_grad()
def infer(dtype, context=nullcontext()):
    model = network(dtype).eval()
    with context:
        return {"logits": torch.cat([model(batch.to(dtype)) for batch in arrays["images"].split(100)])}


compute = infer if "labels" in arrays else step
exact = compute(torch.float64)


def show_logits(name, result):
    logits, labels = result["logits"].double(), arrays["labels"].long()
    error = logits - exact["logits"]
    rms = (error.square().mean() / exact["logits"].square().mean()).sqrt().item()
    worst = (error.abs().max() / exact["logits"].abs().max()).item()
    correct, chosen = (logits.argmax(1) == labels).sum().item(), exact["logits"].argmax(1)
    other = (logits.argmax(1) != chosen).sum().item()
    print(f"{name:24} logits, rms {rms:.1e}   largest {worst:.1e}   top-1 {correct} of {len(labels)}, {other} classes differ", flush=True)


def show_step(name, result):
    def error(key):
        return (result[key].double() - exact[key]).reshape(exact[key].shape)

    keys = [key for key in exact if key != "loss"]
    loss = (error("loss").abs() / exact["loss"]).item()
    rms = (sum(error(k).square().sum() for k in keys) / sum(exact[k].square().sum() for k in keys)).sqrt().item()
    worst = max((error(k).abs().max() / exact[k].abs().max()).item() for k in keys)
    print(f"{name:24} loss {loss:.1e}   gradients, rms {rms:.1e}   largest {worst:.1e}", flush=True)


show = show_logits if compute is infer else show_step
if compute is infer:
    show("PyTorch float64", exact)
show("float32", under("float32/"))
show(*(("int8", under("int8/")) if compute is infer else ("fast", under("fast/"))))
show("PyTorch float32", compute(torch.float32))
show("PyTorch bfloat16", compute(torch.float32, torch.autocast("cpu", dtype=torch.bfloat16)))
