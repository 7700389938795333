"""Golden vectors of modules whose authors published Caffe code, from its layers and the formulas of the papers, in float64.

    python3 tools/golden/caffe_forms.py test/golden

Wang et al.: Non-local Neural Networks, CVPR 2018 (https://arxiv.org/abs/1711.07971); lib/models/nonlocal_helper.py of
facebookresearch/video-nonlocal-net@c253ed5, which has the embedded Gaussian and the dot product:
  x' = maxima of x over 2x2 squares, f = softmax over j of (theta(x_i) . phi(x'_j) * d^-0.5), or theta(x_i) . phi(x'_j) / n
  z = x + BN(W(sum over j of f_ij * g(x'_j)))
  of the paper: softmax over j of x_i . x'_j (equation 2), and ReLU(w . [theta(x_i); phi(x'_j)]) / n (equation 5)
Hu et al.: Gather-Excite, NeurIPS 2018 (https://arxiv.org/abs/1810.12348); models/RN50-GEP.prototxt and models/RN50-GEPP.prototxt of
hujie-frank/GENet@ae791f8, which gather from the whole map:
  theta:  y = x * sigmoid(BN(depthwise(x))), theta-plus: y = x * sigmoid(up(ReLU(down(ReLU(BN(depthwise(x)))))))
  of the paper: convolutions of stride 2 with ReLU between, and nearest-neighbor upsampling
"""

import sys
from collections import OrderedDict

import torch
from paper_forms import make
from torch import nn
from torch.nn import functional as F


class NonLocal(nn.Module):
    def __init__(self, channels, width, pairwise, subsample=True, norm=True):
        super().__init__()
        self.pairwise, self.subsample = pairwise, subsample
        self.g = nn.Conv2d(channels, width, 1)
        last = nn.Conv2d(width, channels, 1)
        self.W = nn.Sequential(last, nn.BatchNorm2d(channels)) if norm else last
        if pairwise != "gaussian":
            self.theta, self.phi = nn.Conv2d(channels, width, 1), nn.Conv2d(channels, width, 1)
        if pairwise == "concatenation":
            self.concat_project = nn.Sequential(nn.Conv2d(2 * width, 1, 1, bias=False), nn.ReLU())

    def forward(self, x):
        seen = F.max_pool2d(x, 2) if self.subsample else x
        theta, phi = (x, seen) if self.pairwise == "gaussian" else (self.theta(x), self.phi(seen))
        theta, phi = theta.flatten(2), phi.flatten(2)
        f = torch.einsum("ncp,ncq->npq", theta, phi)
        if self.pairwise == "embedded-gaussian":
            f = torch.softmax(f * theta.shape[1] ** -0.5, 2)
        elif self.pairwise == "gaussian":
            f = torch.softmax(f, 2)
        elif self.pairwise == "dot-product":
            f = f / phi.shape[2]
        else:
            w = self.concat_project[0].weight.flatten()
            rows, columns = theta.shape[2], phi.shape[2]
            pairs = torch.cat([theta[:, :, :, None].expand(-1, -1, -1, columns), phi[:, :, None].expand(-1, -1, rows, -1)], 1)
            f = F.relu(torch.einsum("c,ncpq->npq", w, pairs)) / columns
        y = torch.einsum("ncq,npq->ncp", self.g(seen).flatten(2), f)
        return x + self.W(y.reshape(x.shape[0], -1, *x.shape[2:]))


def gather(channels, extent, size):
    depthwise = lambda **geometry: nn.Conv2d(channels, channels, groups=channels, bias=False, **geometry)
    if extent == 0:
        return nn.Sequential(OrderedDict(conv1=depthwise(kernel_size=size), norm1=nn.BatchNorm2d(channels)))
    layers = OrderedDict()
    for i in range(1, extent.bit_length()):
        layers[f"conv{i}"] = depthwise(kernel_size=3, stride=2, padding=1)
        layers[f"norm{i}"] = nn.BatchNorm2d(channels)
        if 2**i < extent:
            layers[f"act{i}"] = nn.ReLU()
    return nn.Sequential(layers)


class GatherExcite(nn.Module):
    def __init__(self, channels, extent, hidden=None, size=None):
        super().__init__()
        self.gather = gather(channels, extent, size)
        if hidden:
            self.mlp = nn.Sequential(OrderedDict(fc1=nn.Conv2d(channels, hidden, 1), act=nn.ReLU(), fc2=nn.Conv2d(hidden, channels, 1)))

    def forward(self, x):
        g = self.gather(x)
        if hasattr(self, "mlp"):
            g = self.mlp(F.relu(g))
        return x * torch.sigmoid(F.interpolate(g, size=x.shape[2:], mode="nearest"))


def main(folder):
    about = {"source": "tools/golden/caffe_forms.py, from the authors' Caffe code and the paper", "note": "keys are those of the PyTorch port"}
    softmax, dot = "embedded-gaussian", "dot-product"
    for train in (True, False):
        mode = "train" if train else "eval"
        zero = ["phi.bias", *(["g.bias", "W.0.bias"] if train else [])]
        make(folder, f"non-local-{mode}", "non-local", {}, lambda: NonLocal(6, 3, softmax), (2, 6, 5, 7), 11, train, zero, **about)
        whole = {"extent": 0, "size": [5, 6], "reduction": 2}
        make(folder, f"ge-e0-{mode}", "ge", whole, lambda: GatherExcite(6, 0, 3, (5, 6)), (4, 6, 5, 6), 15, train, **about)
        squares = {"extent": 8, "reduction": 2}
        make(folder, f"ge-e8-{mode}", "ge", squares, lambda: GatherExcite(4, 8, 2), (4, 4, 9, 6), 17, train, **about)
    forms = {dot: {"pairwise": dot, "subsample": False, "norm": False}, "gaussian": {"pairwise": "gaussian"}, "concatenation": {"pairwise": "concatenation", "reduction": 3}}
    make(folder, "non-local-dot-product", "non-local", forms[dot], lambda: NonLocal(6, 3, dot, False, False), (2, 6, 4, 5), 12, False, **about)
    make(folder, "non-local-gaussian", "non-local", forms["gaussian"], lambda: NonLocal(6, 3, "gaussian"), (2, 6, 5, 4), 13, False, **about)
    make(folder, "non-local-concatenation", "non-local", forms["concatenation"], lambda: NonLocal(6, 2, "concatenation"), (2, 6, 5, 4), 18, False, **about)
    theta = {"form": "theta", "extent": 0, "size": [5, 6]}
    make(folder, "ge-theta-e0-train", "ge", theta, lambda: GatherExcite(6, 0, None, (5, 6)), (4, 6, 5, 6), 16, True, **about)


if __name__ == "__main__":
    main(sys.argv[1])
