"""Writes test/golden/augment.json: what torchvision (on Pillow) makes of two images, by every change, strength and sign, as hashes.

torchvision 0.14.1, Pillow 9.4, PyTorch 1.13; any later ones should agree.
"""
import base64
import hashlib
import json

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, RandAugment, TrivialAugmentWide, functional as F
from torchvision.transforms.autoaugment import _apply_op

rng = np.random.default_rng(7)


def image(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 90 * np.sin(0.3 * (c + 1) * x + 0.2 * y + c) for c in range(3)]
    noise = rng.normal(0, 20, (height, width, 3))
    return Image.fromarray(np.clip(np.stack(waves, -1) + noise, 5, 250).astype(np.uint8))


def planes(img):
    return np.asarray(img).transpose(2, 0, 1).tobytes()


def digest(img):
    return hashlib.sha256(planes(img)).hexdigest()[:8]


images = [image(16, 16), image(21, 14)]
strengths, results = {}, {}
for index, img in enumerate(images):
    for name, space in [
        ("trivialaugment", TrivialAugmentWide()._augmentation_space(31)),
        ("randaugment", RandAugment()._augmentation_space(31, (img.height, img.width))),
    ]:
        for op, (magnitudes, signed) in space.items():
            steps = [float(m) for m in magnitudes] if magnitudes.ndim else [0.0]
            strengths[f"{index}/{name}/{op}"] = [round(s, 5) for s in steps]
            for sign in [1, -1] if signed else [1]:
                results[f"{index}/{name}/{op}/{sign}"] = [
                    digest(_apply_op(img, op, sign * s, InterpolationMode.NEAREST, None)) for s in steps
                ]
hues = []
for index, img in enumerate(images):
    for share in np.linspace(-0.5, 0.5, 41):
        out = F.adjust_hue(img, float(share))
        hues.append([index, float(share), digest(out)])
# All colors whose channels are multiples of 15, for hue.
grid = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), -1).reshape(18, 324, 3).astype(np.uint8)
for share in [-0.37, -0.1, 0.05, 0.25, 0.5]:
    hues.append([2, share, digest(F.adjust_hue(Image.fromarray(grid), share))])
json.dump(
    {
        "images": [
            {"width": img.width, "height": img.height, "pixels": base64.b64encode(planes(img)).decode()} for img in images
        ],
        "strengths": strengths,
        "results": results,
        "hues": hues,
    },
    open("test/golden/augment.json", "w"),
    separators=(",", ":"),
)
print(len(results), len(hues))
