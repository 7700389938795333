"""Writes test/golden/targets.json: metrics of labels and numbers by their definitions in numpy, losses by PyTorch. python3 tools/golden/targets.py"""
import json

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.RandomState(5)


def average_precision(targets, scores):
    """Precision and recall at every distinct score, as scikit-learn's average_precision_score."""
    positives = targets.sum()
    if positives == 0:
        return None
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = scores >= threshold
        recall, precision = targets[chosen].sum() / positives, targets[chosen].sum() / chosen.sum()
        total, before = total + (recall - before) * precision, recall
    return total


def f1(targets, answers):
    tp = ((targets == 1) & (answers == 1)).sum()
    wrong = (targets != answers).sum()
    return 0.0 if tp + wrong == 0 else 2 * tp / (2 * tp + wrong)


images, labels = 24, 5
logits = np.round(rng.randn(images, labels) * 1.5, 1) + 0.0  # with ties, without -0
targets = (rng.rand(images, labels) < [0.5, 0.2, 0.7, 0.1, 0.0]).astype(int)
targets[3, 3] = 1
answers = (1 / (1 + np.exp(-logits)) > 0.5).astype(int)
ap = [average_precision(targets[:, k], logits[:, k]) for k in range(labels)]
each = [f1(targets[:, k], answers[:, k]) for k in range(labels)]
multi_label = {
    "logits": logits.tolist(),
    "targets": targets.tolist(),
    "ap": ap,
    "f1": each,
    "map": float(np.mean([a for a in ap if a is not None])),
    "f1Micro": f1(targets.ravel(), answers.ravel()),
    "f1Macro": float(np.mean(each)),
    "top1": float((answers == targets).mean()),
    "loss": F.binary_cross_entropy_with_logits(torch.tensor(logits), torch.tensor(targets).double()).item(),
}

values = np.round(rng.randn(20, 3) * [2, 30, 0.1] + [5, -100, 1], 3)
truth = np.round(values + rng.randn(20, 3) * [1, 20, 0.05], 3)
truth[:, 2] = 1.5  # the same everywhere: R² is 0
deviation = [2.0, 25.0, 0.5]
spread = ((truth - truth.mean(0)) ** 2).sum(0)
squares = ((values - truth) ** 2).sum(0)
regression = {
    "values": values.tolist(),
    "targets": truth.tolist(),
    "deviation": deviation,
    "mae": np.abs(values - truth).mean(0).tolist(),
    "rmse": np.sqrt(squares / 20).tolist(),
    "r2": [1 - squares[k] / spread[k] if spread[k] > 0 else 0.0 for k in range(3)],
    "loss": float((((values - truth) / deviation) ** 2).mean()),
}

outputs = torch.tensor([[0.3, -2.0], [1.5, 0.25], [-0.75, 3.0]], requires_grad=True)
wanted = torch.tensor([[0.1, 0.5], [-0.5, 0.25], [0.0, 2.25]])
losses = []
for beta in [None, 1, 0.5, 3]:
    outputs.grad = None
    loss = F.mse_loss(outputs, wanted) if beta is None else F.smooth_l1_loss(outputs, wanted, beta=beta)
    loss.backward()
    losses.append({"beta": beta, "value": loss.item(), "gradient": outputs.grad.flatten().tolist()})

found = {
    "multiLabel": multi_label,
    "regression": regression,
    "losses": {"outputs": outputs.flatten().tolist(), "targets": wanted.flatten().tolist(), "cases": losses},
}
with open("test/golden/targets.json", "w") as file:
    file.write(json.dumps(found) + "\n")
