"""Golden vectors of attention modules, from their authors' code in float64.

    python3 tools/golden/authors.py CLONES test/golden [name…]

CLONES is a folder with a clone of every repository named below, OWNER+NAME/repo or OWNER+NAME/repo/.git. Of each the commit below is read, and of
the file only the classes that are run; nothing of it is copied here. einops is needed for `bot`.
"""

import ast
import json
import math
import subprocess
import sys
import typing
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import einsum, nn

from gct import write

try:
    from einops import rearrange
except ImportError:
    rearrange = None

CLONES = None


def source(repository, commit, path):
    folder = Path(CLONES) / repository.replace("/", "+") / "repo"
    if not (folder / "HEAD").exists():
        folder = folder / ".git"
    return subprocess.run(["git", "-C", folder, "show", f"{commit}:{path}"], check=True, capture_output=True).stdout.decode(errors="replace")


def classes(text, names, **given):
    """The classes and functions of these names in a file, without its imports: what they need is given."""
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    space = {"torch": torch, "nn": nn, "F": F, "math": math, "einsum": einsum, "rearrange": rearrange, "Parameter": nn.Parameter,
             "Tensor": torch.Tensor, "_assert": torch._assert, "trunc_normal_": nn.init.trunc_normal_, **vars(typing), **given}
    exec(compile(tree, "authors", "exec"), space)
    return space


def make_divisible(v, divisor=8):
    near = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * v else near


class LocalConvolution(nn.Module):
    """CoTNet's CUDA kernel, as its own test writes it with unfold."""

    def __init__(self, inputs, outputs, kernel_size, stride, padding, dilation):
        super().__init__()
        self.unfold = nn.Unfold(kernel_size, dilation, padding, stride)

    def forward(self, x, w):
        n, c, height, width = x.shape
        x = self.unfold(x).view(n, c // w.shape[2], w.shape[2], w.shape[3], height, width)
        return (w.unsqueeze(2) * x.unsqueeze(1)).sum(-3).view(n, c, height, width)


# name of the file: module, options, repository, commit, path, names of classes, constructor, input shape
CASES = {}


def case(file, module, options, repository, commit, path, names, build, shape, call, given=None):
    CASES[file] = dict(module=module, options=options, repository=repository, commit=commit, path=path, names=names, build=build,
                       shape=shape, call=call, given=given or (lambda: {}))


case("shuffle-g4", "shuffle", {"groups": 4}, "wofmanaf/SA-Net", "00a676085e2ad12f3e2053109ece4840de6a5ce1", "models/sa_resnet.py",
     ["sa_layer"], lambda m: m["sa_layer"](16, groups=4), (2, 16, 6, 5), "sa_layer(16, groups=4)")
case("ema-g4", "ema", {"groups": 4}, "YOLOonMe/EMA-attention-module", "afc37ecf52454c03421a86105fc5c16eb4ea1ad3", "EMA_attention_module",
     ["EMA"], lambda m: m["EMA"](16, factor=4), (2, 16, 6, 5), "EMA(16, factor=4)")
ELA = ("AIFengheshu/Plug-play-modules", "2f933bc8060d48f5caef110bff08d7ce54d7d9a4", "(arXiv 2024) ELA.py", ["EfficientLocalizationAttention"])
case("ela", "ela", {"kernelSize": 7, "groups": None, "normGroups": None}, *ELA, lambda m: m["EfficientLocalizationAttention"](32),
     (2, 32, 6, 5), "EfficientLocalizationAttention(32)")
case("ela-c16-k5", "ela", {"kernelSize": 5, "groups": 16, "normGroups": 16}, *ELA, lambda m: m["EfficientLocalizationAttention"](16, 5),
     (2, 16, 4, 6), "EfficientLocalizationAttention(16, 5)")
case("mlca", "mlca", {"localSize": 5, "localWeight": 0.5, "kernelSize": None}, "wandahangFY/MLCA",
     "afbeb47a0f140b7ac446405218ac5d993931db28", "MLCA.py", ["MLCA"], lambda m: m["MLCA"](16), (2, 16, 7, 6), "MLCA(16)")
case("mlca-s2-w0.3", "mlca", {"localSize": 2, "localWeight": 0.3, "kernelSize": 3}, "wandahangFY/MLCA",
     "afbeb47a0f140b7ac446405218ac5d993931db28", "MLCA.py", ["MLCA"], lambda m: m["MLCA"](8, local_size=2, local_weight=0.3), (2, 8, 5, 4),
     "MLCA(8, local_size=2, local_weight=0.3)")
case("cpca", "cpca", {"reduction": 4}, "Cuthbert-Huang/CPCANet", "550b49a952c9d3da97c585e0ccb1c17a103b95c4",
     "CPCANet/nnunet/network_architecture/CPCANet.py", ["ChannelAttention", "RepBlock"], lambda m: m["RepBlock"](8, 8), (2, 8, 7, 6),
     "RepBlock(8, 8)")
case("a2", "a2", {"cm": 6, "cn": 4, "residual": False}, "nguyenvo09/Double-Attention-Network",
     "c378693ff6c0407e9e460570b168c22e642b3f54", "double_attention_layer.py", ["DoubleAttentionLayer"],
     lambda m: m["DoubleAttentionLayer"](8, 6, 4, reconstruct=True), (2, 8, 6, 5), "DoubleAttentionLayer(8, 6, 4, reconstruct=True)")
case("epsa-c16", "epsa", {"kernelSizes": [3, 5, 7, 9], "groups": [1, 2, 4, 4], "reduction": 2}, "murufeng/EPSANet",
     "9955041a1db4591fae080d2e6edb25e2a2914d47", "models/epsanet.py", ["conv", "PSAModule"],
     lambda m: m["PSAModule"](16, 16, conv_groups=[1, 2, 4, 4]), (2, 16, 7, 6),
     "PSAModule(16, 16, conv_groups=[1, 2, 4, 4]) with SEWeightModule(4, reduction=2)",
     lambda: {"SEWeightModule": lambda c: classes(
         source("murufeng/EPSANet", "9955041a1db4591fae080d2e6edb25e2a2914d47", "models/SE_weight_module.py"), ["SEWeightModule"]
     )["SEWeightModule"](c, reduction=2)})
case("parnet", "parnet", {"variant": "authors"}, "imankgoyal/NonDeepNetworks", "777b286c2d6045625b1d37099241034985a1404e",
     "imagenet/timm/models/simplenet_impl/repvgg.py", ["conv_bn", "RepVGGBlock"],
     lambda m: m["RepVGGBlock"](8, 8, 3, padding=1, se_block=True, activation=nn.SiLU()), (3, 8, 6, 5),
     "RepVGGBlock(8, 8, 3, padding=1, se_block=True, activation=nn.SiLU())",
     lambda: classes(source("imankgoyal/NonDeepNetworks", "777b286c2d6045625b1d37099241034985a1404e",
                            "imagenet/timm/models/simplenet_impl/utils.py"), ["autopad", "ConvSig", "SE1"]))
case("parnet-plain", "parnet", {"variant": "plain"}, "xmu-xiaoma666/External-Attention-pytorch",
     "d75848e40233ed56fa503c888472bab8b17c568c", "model/attention/ParNetAttention.py", ["ParNetAttention"],
     lambda m: m["ParNetAttention"](8), (3, 8, 6, 5), "ParNetAttention(8)")
case("cot", "cot", {"kernelSize": 3}, "JDAI-CV/CoTNet", "895e02467d5691c5227f501732dc84390706a25f", "models/cotnet.py", ["CotLayer"],
     lambda m: m["CotLayer"](16, 3), (4, 16, 5, 4), "CotLayer(16, 3), its local convolution by unfold",
     lambda: {"LocalConvolution": LocalConvolution, "get_act_layer": lambda name: nn.SiLU})
case("bot", "bot", {"size": [4, 5], "heads": 2, "variant": "authors"}, "lucidrains/bottleneck-transformer-pytorch",
     "440fbdc6cc31cef318cc6c10a466c408138065fa", "bottleneck_transformer_pytorch/bottleneck_transformer_pytorch.py",
     ["pair", "expand_dim", "rel_to_abs", "relative_logits_1d", "AbsPosEmb", "RelPosEmb", "Attention"],
     lambda m: m["Attention"](dim=8, fmap_size=(4, 5), heads=2, dim_head=4, rel_pos_emb=True), (2, 8, 4, 5),
     "Attention(dim=8, fmap_size=(4, 5), heads=2, dim_head=4, rel_pos_emb=True)")
TIMM = ("huggingface/pytorch-image-models", "aa4b5850c1543fa488abf260f18390eda46cf85d")
case("bot-timm", "bot", {"size": [5, 4], "heads": 2, "variant": "timm"}, *TIMM, "timm/layers/bottleneck_attn.py",
     ["rel_logits_1d", "PosEmbedRel", "BottleneckAttn"], lambda m: m["BottleneckAttn"](12, feat_size=(5, 4), num_heads=2), (2, 12, 5, 4),
     "BottleneckAttn(12, feat_size=(5, 4), num_heads=2)",
     lambda: {"to_2tuple": lambda v: v, "make_divisible": make_divisible})
case("halo", "halo", {"blockSize": 3, "haloSize": 1, "heads": 2}, *TIMM, "timm/layers/halo_attn.py",
     ["rel_logits_1d", "PosEmbedRel", "HaloAttn"], lambda m: m["HaloAttn"](8, num_heads=2, block_size=3, halo_size=1), (2, 8, 6, 9),
     "HaloAttn(8, num_heads=2, block_size=3, halo_size=1)", lambda: {"make_divisible": make_divisible})
case("halo-b2", "halo", {"blockSize": 2, "haloSize": 2, "heads": 4}, *TIMM, "timm/layers/halo_attn.py",
     ["rel_logits_1d", "PosEmbedRel", "HaloAttn"], lambda m: m["HaloAttn"](12, num_heads=4, block_size=2, halo_size=2), (1, 12, 4, 6),
     "HaloAttn(12, num_heads=4, block_size=2, halo_size=2)", lambda: {"make_divisible": make_divisible})


def fill(module, generator):
    """Random values everywhere, in float32."""
    normal = lambda shape, std: torch.randn(shape, generator=generator) * std
    uniform = lambda shape: torch.rand(shape, generator=generator) + 0.5
    norms = {id(p) for m in module.modules() if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) for p in [m.weight] if p is not None}
    state = {}
    for key, p in module.state_dict(keep_vars=True).items():
        last = key.split(".")[-1]
        if last == "num_batches_tracked":
            continue
        if last == "running_var" or id(p) in norms:
            state[key] = uniform(p.shape)
        elif last in ("bias", "running_mean"):
            state[key] = normal(p.shape, 0.2)
        elif p.dim() < 2 or p.numel() == p.shape[1]:
            state[key] = normal(p.shape, 0.8)
        else:
            state[key] = normal(p.shape, 1.5 / math.sqrt(p[0].numel()))
    return state


KINKS = []
plain_relu = F.relu


def watched_relu(x, inplace=False):
    KINKS.append(float(x.detach().abs().min()))
    return plain_relu(x)


F.relu = watched_relu


def run(build, mode, state, x, dy, dtype):
    """Output, gradients of sum(y * dy), buffers after the call."""
    module = build().to(dtype)
    module.load_state_dict({k: v.to(dtype) for k, v in state.items()}, strict=False)
    module.train(mode == "train")
    leaf = x.to(dtype).requires_grad_()
    y = module(leaf)
    (y * dy.to(dtype)).sum().backward()
    result = {"y": y.detach(), "dx": leaf.grad}
    missing = []
    for key, p in module.named_parameters():
        if p.grad is None:
            missing.append(key)
        result[f"grad/{key}"] = torch.zeros_like(p) if p.grad is None else p.grad
    if mode == "train":
        result.update({f"after/{key}": b.detach().to(torch.float64) for key, b in module.named_buffers()})
    return module, result, missing


def vector(folder, file, mode, spec, seed):
    """Writes a file, or returns why this seed does not do."""
    text = source(spec["repository"], spec["commit"], spec["path"])
    space = classes(text, spec["names"], **spec["given"]())
    build = lambda: spec["build"](space)
    generator = torch.Generator().manual_seed(seed)
    state = fill(build(), generator)
    x = torch.randn(spec["shape"], generator=generator)
    with torch.no_grad():
        shape = build().train(mode == "train")(x).shape
    dy = torch.randn(shape, generator=generator)
    KINKS.clear()
    module, exact, no_grad = run(build, mode, state, x, dy, torch.float64)
    if KINKS and min(KINKS) < 1e-4:
        return f"an argument of a ReLU of {min(KINKS):.1e}"
    _, single, _ = run(build, mode, state, x, dy, torch.float32)
    largest = max(float(v.abs().max()) for k, v in exact.items() if k.startswith("grad/"))
    zero = [k[5:] for k, v in exact.items() if k.startswith("grad/") and float(v.abs().max()) < 1e-12 * max(1, largest) and k[5:] not in no_grad]
    error = {k: float((single[k] - exact[k]).abs().max() / exact[k].abs().max()) for k in exact if k[5:] not in zero + no_grad and k[:5] != "after"}
    groups = {"y": error["y"], "dx": error["dx"], "grad": max(v for k, v in error.items() if k.startswith("grad/"))}
    if max(groups.values()) > 1e-5:
        return f"errors in float32 of {groups}"
    buffers = {k for k, _ in module.named_buffers()}
    keys = [[k, list(v.shape)] for k, v in module.state_dict().items()]
    metadata = {
        "module": spec["module"], "options": json.dumps(spec["options"]), "mode": mode,
        "source": f"{spec['repository']}@{spec['commit'][:7]}:{spec['path']}", "call": spec["call"], "torch": torch.__version__,
        "seed": str(seed), "keys": json.dumps(keys), "no_grad": json.dumps(no_grad), "zero_grad": json.dumps(zero),
        "f32_rel": json.dumps({k: float(f"{v:.1e}") for k, v in groups.items()}), "note": "",
    }
    tensors = {k: v.numpy() for k, v in exact.items()}
    tensors.update({"x": x.detach().numpy(), "dy": dy.numpy()})
    for key, value in module.state_dict().items():
        kind = "buffer" if key in buffers else "param"
        tensors[f"{kind}/{key}"] = state[key].numpy() if key in state else torch.zeros_like(value).to(torch.int64).numpy()
    write(f"{folder}/{file}.safetensors", tensors, metadata)
    size = Path(f"{folder}/{file}.safetensors").stat().st_size
    print(f"{folder}/{file}.safetensors", size, metadata["f32_rel"], f"zero {zero}" if zero else "")
    return None


def main(clones, folder, *names):
    global CLONES
    CLONES = clones
    torch.set_num_threads(1)
    for file, spec in CASES.items():
        if names and spec["module"] not in names:
            continue
        text = source(spec["repository"], spec["commit"], spec["path"])
        normed = any("BatchNorm" in type(m).__name__ for m in spec["build"](classes(text, spec["names"], **spec["given"]())).modules())
        for mode in ("train", "eval") if normed else ("eval",):
            for seed in range(1, 200):
                why = vector(folder, f"{file}-{mode}" if normed else file, mode, spec, seed)
                if why is None:
                    break
            else:
                raise SystemExit(f"{file}: no seed does: {why}")


if __name__ == "__main__":
    main(*sys.argv[1:])
