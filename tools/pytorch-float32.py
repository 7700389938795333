#!/usr/bin/python3
"""The errors of PyTorch's float32 and float64 on what tools/float32.ts has drawn: one JSON object {TYPE: {ARRAY: error}}.

FILE holds x, dy, param/KEY and exact/ARRAY: y, dx and grad/KEY.
"""
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "peers"))
from modules import MODULES  # noqa: E402
from weights import read_safetensors  # noqa: E402


def under(tensors, prefix):
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def errors(dtype, name, options, tensors):
    x = tensors["x"].to(dtype, copy=True).requires_grad_()
    module = MODULES[name](x.shape[1], **{key: options[key] for key in ["size"] if key in options})
    module.load_state_dict({**module.state_dict(), **under(tensors, "param/")})
    module.to(dtype).train()
    y = module(x)
    y.backward(tensors["dy"].to(dtype))
    arrays = {"y": y, "dx": x.grad, **{f"grad/{key}": p.grad for key, p in module.named_parameters()}}

    def error(array, exact):
        largest = exact.abs().max().item() or 1
        return (arrays[array].double() - exact).abs().max().item() / largest

    return {array: error(array, exact) for array, exact in under(tensors, "exact/").items()}


file, module_name, given = sys.argv[1:]
drawn = read_safetensors(file)
types = {"PyTorch, float32": torch.float32, "PyTorch, float64": torch.float64}
print(json.dumps({name: errors(dtype, module_name, json.loads(given), drawn) for name, dtype in types.items()}))
