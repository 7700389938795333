"""Metrics of segmentation, straight from their definitions with NumPy, for test/golden/pixel-metrics.json: intersection over union as torchmetrics'
MulticlassJaccardIndex (macro, classes in neither map left out), pixel accuracy, and the boundary F-measure of Csurka et al., by all distances.

    python3 tools/golden/pixel_metrics.py test/golden
"""
import json
import sys

import numpy as np

IGNORED = 255


def boundary(labels, truth, c):
    """Pixels of a class with a neighbor of another; ignored ones are neither."""
    shown = np.where(truth == IGNORED, IGNORED, labels)
    found = []
    h, w = shown.shape
    for y in range(h):
        for x in range(w):
            if shown[y, x] != c:
                continue
            around = [shown[b, a] for b, a in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)) if 0 <= b < h and 0 <= a < w]
            if any(n not in (c, IGNORED) for n in around):
                found.append((y, x))
    return np.array(found, dtype=float).reshape(-1, 2)


def within(some, others, reach):
    d = np.sqrt(((some[:, None] - others[None]) ** 2).sum(-1))
    return (d.min(1) <= reach).mean()


def boundary_f(truth, guess, c):
    a, b = boundary(truth, truth, c), boundary(guess, truth, c)
    if not len(a) and not len(b):
        return None
    if not len(a) or not len(b):
        return 0.0
    reach = 0.0075 * np.hypot(*truth.shape)
    p, r = within(b, a, reach), within(a, b, reach)
    return 0.0 if p + r == 0 else 2 * p * r / (p + r)


def case(rng, classes, sizes, noise, absent):
    images = []
    for h, w in sizes:
        yy, xx = np.mgrid[:h, :w]
        truth = ((yy // max(1, h // 4) + xx // max(1, w // 5)) % (classes - absent)).astype(np.uint8)
        guess = np.roll(truth, rng.integers(-3, 4), axis=int(rng.integers(0, 2)))
        flip = rng.random((h, w)) < noise
        guess = np.where(flip, rng.integers(0, classes - absent, (h, w)), guess).astype(np.uint8)
        truth[rng.random((h, w)) < 0.1] = IGNORED
        images.append((truth, guess))
    confusion = np.zeros((classes, classes), int)
    for truth, guess in images:
        keep = truth != IGNORED
        np.add.at(confusion, (truth[keep], guess[keep]), 1)
    right, rows, columns = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    union = rows + columns - right
    iou = [None if u == 0 else r / u for r, u in zip(right, union)]
    fs = []
    for c in range(classes):
        own = [f for f in (boundary_f(t, g, c) for t, g in images) if f is not None]
        fs.append(float(np.mean(own)) if own else None)
    return {
        "classes": classes,
        "images": [{"width": t.shape[1], "height": t.shape[0], "truth": t.ravel().tolist(), "prediction": g.ravel().tolist()} for t, g in images],
        "iou": iou, "miou": float(np.mean([v for v in iou if v is not None])),
        "accuracy": float(right.sum() / confusion.sum()),
        "recall": [None if n == 0 else r / n for r, n in zip(right, rows)],
        "precision": [None if n == 0 else r / n for r, n in zip(right, columns)],
        "boundaryF": fs, "meanBoundaryF": float(np.mean([v for v in fs if v is not None])),
        "confusion": confusion.tolist(),
    }


rng = np.random.default_rng(23)
cases = [
    case(rng, 3, [(12, 20), (16, 9)], 0.1, 0),
    case(rng, 4, [(30, 40)], 0.02, 1),
    case(rng, 2, [(8, 8), (8, 8), (5, 31)], 0.3, 0),
    case(rng, 6, [(150, 240)], 0.0, 0),
]
json.dump(cases, open(f"{sys.argv[1]}/pixel-metrics.json", "w"), separators=(",", ":"))
