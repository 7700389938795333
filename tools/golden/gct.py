"""Golden vectors of the Gated Channel Transformation, from the formulas of the paper, in float64.

    python3 tools/golden/gct.py test/golden

Yang et al.: Gated Channel Transformation for Visual Recognition, CVPR 2020 (https://arxiv.org/abs/1909.11519):
  s_c = alpha_c * norm of x_c                       embedding
  t_c = s_c / mean of the norm of s over channels   normalization
  y_c = x_c * (1 + tanh(gamma_c * t_c + beta_c))    gate
"""

import json
import struct
import sys

import torch

EPSILON = 1e-5


def gct(x, alpha, gamma, beta, mode):
    if mode == "l2":
        s = alpha * (x.pow(2).sum((2, 3), keepdim=True) + EPSILON).sqrt()
        t = s / (s.pow(2).mean(1, keepdim=True) + EPSILON).sqrt()
    else:
        s = alpha * x.abs().sum((2, 3), keepdim=True)
        t = s / (s.abs().mean(1, keepdim=True) + EPSILON)
    return x * (1 + torch.tanh(gamma * t + beta))


def run(mode, inputs, dtype):
    """Output, and the gradients of sum(y * dy), with everything in one precision."""
    leaves = {name: t.clone().to(dtype).requires_grad_() for name, t in inputs.items() if name != "dy"}
    y = gct(leaves["x"], leaves["alpha"], leaves["gamma"], leaves["beta"], mode)
    (y * inputs["dy"].to(dtype)).sum().backward()
    return {"y": y.detach(), "dx": leaves["x"].grad, **{f"grad/{k}": leaves[k].grad for k in PARAMETERS}}


PARAMETERS = ("alpha", "gamma", "beta")


def write(path, tensors, metadata):
    """A safetensors file: length of the header, header, data. Arrays of 8 bytes an element come first, so that all are aligned."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize):
        code = {"float64": "F64", "float32": "F32", "int64": "I64"}[array.dtype.name]
        start, data = len(data), data + array.tobytes()
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main(folder):
    for seed, mode in enumerate(("l2", "l1"), start=1):
        torch.manual_seed(seed)
        shape, channels = (2, 16, 6, 5), (1, 16, 1, 1)
        # Drawn in float32, so that the file holds exactly what was computed with; gains away from their initial 0 and 1.
        inputs = {
            "x": torch.randn(shape),
            "alpha": 1 + 0.3 * torch.randn(channels),
            "gamma": 0.7 * torch.randn(channels),
            "beta": 0.2 * torch.randn(channels),
            "dy": torch.randn(shape),
        }
        exact, single = run(mode, inputs, torch.float64), run(mode, inputs, torch.float32)
        error = {k: float((single[k] - exact[k]).abs().max() / exact[k].abs().max()) for k in exact}
        groups = {"y": error["y"], "dx": error["dx"], "grad": max(error[f"grad/{k}"] for k in PARAMETERS)}
        metadata = {
            "module": "gct",
            "options": json.dumps({"mode": mode, "epsilon": EPSILON}),
            "mode": "eval",
            "source": "tools/golden/gct.py, from the formulas of arXiv:1909.11519",
            "call": f"gct(x, alpha, gamma, beta, mode={mode!r})",
            "torch": torch.__version__,
            "seed": str(seed),
            "keys": json.dumps([[k, list(channels)] for k in PARAMETERS]),
            "no_grad": "[]",
            "zero_grad": "[]",
            "f32_rel": json.dumps({k: float(f"{v:.1e}") for k, v in groups.items()}),
            "note": "no mode-dependent layer: train and eval give the same result",
        }
        tensors = {k: v.numpy() for k, v in exact.items()}
        tensors.update({k if k in ("x", "dy") else f"param/{k}": v.numpy() for k, v in inputs.items()})
        write(f"{folder}/gct-{mode}.safetensors", tensors, metadata)
        print(f"{folder}/gct-{mode}.safetensors", metadata["f32_rel"])


if __name__ == "__main__":
    main(sys.argv[1])
