"""Golden vectors of torchvision's and timm's networks in float64, by the filler rule of src/testing/golden/filler.ts.

    python3 tools/golden/networks.py test/golden/networks [name…]

Needs torchvision 0.14, and for ghostnet and convnext_atto timm 0.9.16.
"""

import hashlib
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gct import write

# PyTorch 1.13 has 1/6 in float32 in the derivatives of both, in float64 too.
F.hardsigmoid = lambda x, inplace=False: F.relu6(x + 3) / 6
F.hardswish = lambda x, inplace=False: x * F.relu6(x + 3) / 6

INPUT, LABELS = 1000000007, 2000000011
TIMM = "huggingface/pytorch-image-models@v0.9.16:timm/models/"
VISION = "pytorch/vision@v0.14.1:torchvision/models/"


def torchvision(name):
    import torchvision.models

    return lambda: getattr(torchvision.models, name)(weights=None)


def timm(name):
    import timm as library

    return lambda: library.create_model(name, drop_rate=0.0)


# file: network and options in published.ts, source, constructor
CASES = {
    "shufflenet-v2-x0.5": ("shufflenetv2", {"width": "x0_5"}, f"{VISION}shufflenetv2.py", lambda: torchvision("shufflenet_v2_x0_5")),
    "mobilenetv3-small": ("mobilenetv3", {"size": "small"}, f"{VISION}mobilenetv3.py", lambda: torchvision("mobilenet_v3_small")),
    "mobilenetv3-large": ("mobilenetv3", {"size": "large"}, f"{VISION}mobilenetv3.py", lambda: torchvision("mobilenet_v3_large")),
    "efficientnet-b0": ("efficientnet-b0", {}, f"{VISION}efficientnet.py", lambda: torchvision("efficientnet_b0")),
    "convnext-atto": ("convnext-atto", {}, f"{TIMM}convnext.py", lambda: timm("convnext_atto")),
    "ghostnet": ("ghostnet", {}, f"{TIMM}ghostnet.py", lambda: timm("ghostnet_100")),
}


def sample(start, count):
    v = (np.arange(start, start + count, dtype=np.uint64) & 0xFFFFFFFF).astype(np.uint32)
    v ^= v >> 16
    v *= np.uint32(0x7FEB352D)
    v ^= v >> 15
    v *= np.uint32(0x846CA68B)
    v ^= v >> 16
    return v.astype(np.float64) / 2**32


def fill(model):
    """The state dict by the rule, in float32, and the digest of its values."""
    counter, state, digest = 1, {}, hashlib.sha256()
    for key, value in model.state_dict().items():
        last = key.split(".")[-1]
        if last == "num_batches_tracked":
            continue
        r = sample(counter, value.numel()) * 2 - 1
        counter += value.numel()
        if last in ("bias", "running_mean"):
            r = 0.1 * r
        elif last == "running_var":
            r = 1 + 0.5 * np.abs(r)
        elif value.dim() >= 2:
            r = r * np.sqrt(3 / (value.numel() // value.shape[0]))
        else:
            r = 1 + 0.1 * r
        filled = r.astype(np.float32)
        digest.update(filled.tobytes())
        state[key] = torch.from_numpy(filled.reshape(tuple(value.shape)))
    return state, counter, digest.hexdigest()


def results(build, state, x, labels, dtype):
    """Everything that a file holds, in one precision."""
    model = build().to(dtype)
    for module in model.modules():
        if type(module).__name__ in ("Dropout", "StochasticDepth"):
            module.p = 0.0
    load = lambda: model.load_state_dict({k: v.to(dtype) for k, v in state.items()}, strict=False)
    x = x.to(dtype)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    out = {}
    load()
    with torch.no_grad():
        out["eval/logits"] = model.eval()(x)
        momenta = [m.momentum for m in norms]
        for m in norms:
            m.momentum = 1.0
        model.train()(x)
        out["evalcal/logits"] = model.eval()(x)
        for m, momentum in zip(norms, momenta):
            m.momentum = momentum
    load()
    leaf = x.clone().requires_grad_()
    logits = model.train()(leaf)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    out["train/logits"], out["train/loss"] = logits.detach(), loss.detach().reshape(1)
    grads = {k: p.grad for k, p in model.named_parameters()}
    out["train/grad_norm"] = torch.stack([torch.zeros(()).double() if g is None else g.double().norm() for g in grads.values()])
    out["train/dx_norm"] = leaf.grad.double().norm().reshape(1)
    buffers = {k: b for k, b in model.named_buffers() if not k.endswith("num_batches_tracked")}
    out["train/after_norm"] = torch.stack([b.double().norm() for b in buffers.values()]) if buffers else torch.zeros(0, dtype=dtype)
    return out, list(grads), list(buffers), [k for k, g in grads.items() if g is None]


def main(folder, *names):
    torch.set_num_threads(1)
    for file, (network, options, source, make) in CASES.items():
        if names and file not in names:
            continue
        build = make()
        state, counter, digest = fill(build())
        shape = (3, 3, 64, 64)
        values = (sample(INPUT, int(np.prod(shape))) * 2 - 1).astype(np.float32).reshape(shape)
        x = torch.from_numpy(values)
        labels = torch.from_numpy(np.floor(sample(LABELS, shape[0]) * 1000).astype(np.int64))
        exact, params, buffers, no_grad = results(build, state, x, labels, torch.float64)
        single, *_ = results(build, state, x, labels, torch.float32)
        largest = float(exact["train/grad_norm"].max())
        zero = [k for k, g in zip(params, exact["train/grad_norm"]) if float(g) < 1e-10 * largest and k not in no_grad]
        relative = lambda k: float((single[k] - exact[k]).abs().max() / exact[k].abs().max())
        live = torch.tensor([k not in zero and k not in no_grad for k in params])
        grad = ((single["train/grad_norm"] - exact["train/grad_norm"]).abs() / exact["train/grad_norm"].clamp_min(1e-30))[live].max()
        f32 = {"eval_logits": relative("eval/logits"), "evalcal_logits": relative("evalcal/logits"),
               "train_logits": relative("train/logits"), "loss": relative("train/loss"), "grad_norm": float(grad)}
        module = build()
        metadata = {
            "kind": "network", "network": network, "options": json.dumps({**options, "numClasses": 1000}), "source": source,
            "torch": torch.__version__, "input_shape": json.dumps(list(shape)), "param_counter_start": "1",
            "param_counter_end": str(counter), "input_counter_start": str(INPUT), "label_counter_start": str(LABELS),
            "num_params": str(sum(p.numel() for p in module.parameters())), "params_sha256": digest,
            "x_sha256": hashlib.sha256(values.tobytes()).hexdigest(), "loss": "cross entropy, mean over the batch", "dropout": "off",
            "keys": json.dumps([[k, list(v.shape)] for k, v in module.state_dict().items()], separators=(",", ":")),
            "param_keys": json.dumps(params), "buffer_keys": json.dumps(buffers), "no_grad": json.dumps(no_grad),
            "zero_grad": json.dumps(zero), "f32_rel": json.dumps({k: float(f"{v:.1e}") for k, v in f32.items()}),
        }
        tensors = {k: v.numpy().astype(np.float64) for k, v in exact.items()}
        tensors["train/grad_norm_f32"] = single["train/grad_norm"].numpy().astype(np.float64)
        write(f"{folder}/{file}.safetensors", tensors, metadata)
        print(file, metadata["num_params"], metadata["f32_rel"], "zero", len(zero))


if __name__ == "__main__":
    main(*sys.argv[1:])
