"""Losses of segmentation by PyTorch in float64, for test/golden/losses.json. Dice is the formula of segmentation_models.pytorch
(`losses/dice.py` and `losses/_functional.py`), focal loss that of Lin et al. over a softmax.

    python3 tools/golden/losses.py test/golden
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(23)
IGNORED = 255


def numbers(t):
    return {"shape": list(t.shape), "data": t.detach().reshape(-1).tolist()}


def labeled(labels, classes):
    hot = F.one_hot(labels.clamp(max=classes - 1), classes).movedim(-1, 1).double()
    return hot * (labels != IGNORED).unsqueeze(1)


def cross_entropy(z, labels, o):
    w = torch.tensor(o["classWeights"]).double() if "classWeights" in o else None
    return F.cross_entropy(z, labels, weight=w, ignore_index=IGNORED, label_smoothing=o.get("labelSmoothing", 0))


def dice(z, labels, _):
    classes = z.shape[1]
    mask = (labels != IGNORED).unsqueeze(1)
    p = z.log_softmax(1).exp() * mask
    t = labeled(labels, classes)
    axes = [i for i in range(z.dim()) if i != 1]
    score = 2 * (p * t).sum(axes) / (p + t).sum(axes).clamp_min(1e-7)
    return ((1 - score) * (t.sum(axes) > 0)).mean()


def focal(z, labels, o):
    gamma = o.get("gamma", 2)
    keep = labels != IGNORED
    logs = z.log_softmax(1).movedim(1, -1)[keep]
    y = labels[keep]
    log_p = logs.gather(1, y[:, None])[:, 0]
    w = torch.tensor(o["classWeights"]).double()[y] if "classWeights" in o else torch.ones_like(log_p)
    return -(w * (1 - log_p.exp()) ** gamma * log_p).sum() / w.sum()


def binary(z, labels, o):
    classes = z.shape[1]
    smoothing = o.get("labelSmoothing", 0)
    t = labeled(labels, classes) * (1 - smoothing) + smoothing / classes
    if "targetThreshold" in o:
        t = (t > o["targetThreshold"]).double()
    return F.binary_cross_entropy_with_logits(z, t)


LOSSES = {"binaryCrossEntropy": binary, "crossEntropy": cross_entropy, "diceLoss": dice, "focalLoss": focal}
W = [0.5, 2.0, 1.0, 0.25, 3.0]
CASES = [
    ("crossEntropy", (2, 5, 4, 3), {"ignoreUnlabeled": True}),
    ("crossEntropy", (2, 5, 4, 3), {"classWeights": W, "ignoreUnlabeled": True}),
    ("crossEntropy", (2, 5, 4, 3), {"classWeights": W, "ignoreUnlabeled": True, "labelSmoothing": 0.1}),
    ("crossEntropy", (2, 5, 4, 3), {"ignoreUnlabeled": True, "labelSmoothing": 0.2}),
    ("crossEntropy", (7, 5), {"classWeights": W}),
    ("crossEntropy", (7, 5), {"classWeights": W, "labelSmoothing": 0.3}),
    ("diceLoss", (2, 5, 4, 3), {}),
    ("diceLoss", (1, 3, 6, 5), {}),
    ("diceLoss", (6, 3), {}),
    ("focalLoss", (2, 5, 4, 3), {}),
    ("focalLoss", (2, 5, 4, 3), {"gamma": 1.5, "classWeights": W}),
    ("focalLoss", (2, 5, 4, 3), {"gamma": 0}),
    ("focalLoss", (7, 5), {"gamma": 5}),
    ("binaryCrossEntropy", (7, 5), {}),
    ("binaryCrossEntropy", (7, 5), {"labelSmoothing": 0.1}),
    ("binaryCrossEntropy", (7, 5), {"labelSmoothing": 0.1, "targetThreshold": 0.2}),
]
out = []
for number, (loss, shape, options) in enumerate(CASES):
    classes = shape[1]
    z = (3 * torch.randn(shape, dtype=torch.float64)).requires_grad_()
    # The last class is absent in every second case.
    labels = torch.randint(0, classes - number % 2, (shape[0], *shape[2:]))
    if len(shape) > 2:
        labels[torch.rand(labels.shape) < 0.25] = IGNORED
    value = LOSSES[loss](z, labels, options)
    value.backward()
    out.append({
        "loss": loss, "options": options, "logits": numbers(z), "targets": numbers(labeled(labels, classes)),
        "value": value.item(), "gradient": numbers(z.grad),
    })
json.dump(out, open(f"{sys.argv[1]}/losses.json", "w"))
