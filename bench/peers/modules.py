"""Fovea's attention modules in PyTorch, by their formulas (docs/catalogue.md) and with the same keys, default options. The modules
themselves are in attention/, by family.

As one would write them for speed in eager mode: no permuted copies of whole maps where the reduced ones will do, activations in place
where nothing else reads the array.
"""
from attention.channels import ECA, FCA, GCT, LCT, SE, SRM, SimAM
from attention.convolutions import (
    EPSA,
    LKA,
    MPM,
    SK,
    SPM,
    CoT,
    ParNet,
    ResidualAttention,
    ResidualBlock,
    SCBottleneck,
    SCConv,
    VANAttention,
    VANBlock,
)
from attention.places import BAM, CBAM, CPCA, ELA, EMA, GAM, GE, MLCA, SGE, Coord, ScSE, Shuffle, Triplet
from attention.relations import (
    CAM,
    GC,
    PAM,
    RGA,
    BoT,
    DANetHead,
    DoubleAttention,
    Halo,
    NonLocal,
    PSAParallel,
    PSASequential,
)

# By the names of Fovea's catalogue.
MODULES = {
    "a2": DoubleAttention,
    "bam": BAM,
    "bot": BoT,
    "cam": CAM,
    "cbam": CBAM,
    "coord": Coord,
    "cot": CoT,
    "cpca": CPCA,
    "danet-head": DANetHead,
    "eca": ECA,
    "ela": ELA,
    "ema": EMA,
    "epsa": EPSA,
    "fca": FCA,
    "gam": GAM,
    "gc": GC,
    "gct": GCT,
    "ge": GE,
    "halo": Halo,
    "lct": LCT,
    "lka": LKA,
    "mlca": MLCA,
    "mpm": MPM,
    "non-local": NonLocal,
    "pam": PAM,
    "parnet": ParNet,
    "psa-parallel": PSAParallel,
    "psa-sequential": PSASequential,
    "residual-attention": ResidualAttention,
    "residual-block": ResidualBlock,
    "rga": RGA,
    "sc-bottleneck": SCBottleneck,
    "scconv": SCConv,
    "scse": ScSE,
    "se": SE,
    "sge": SGE,
    "shuffle": Shuffle,
    "simam": SimAM,
    "sk": SK,
    "spm": SPM,
    "srm": SRM,
    "triplet": Triplet,
    "van-attention": VANAttention,
    "van-block": VANBlock,
}

# Their weights depend on the size of their maps.
SIZED = {"bot", "rga"}


def create(name, channels, side):
    """A module by its name, with its default options, for square maps."""
    return MODULES[name](channels, (side, side)) if name in SIZED else MODULES[name](channels)
