"""What the names of modules say: why a layer takes no part, and which networks stand side by side.

No state dict shows how its network runs: who named the modules did.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mfact.networks.activations import BROKEN
from mfact.pairing.named import Path, shared, tokens, words

NORMS = {"norm", "norms", "bn", "bns", "ln", "lns", "gn", "gns", "rms", "batchnorm", "batchnorms",
         "layernorm", "layernorms", "groupnorm", "groupnorms", "rmsnorm",
         "instancenorm"}  # fmt: skip
SLOPES = {"prelu", "act", "activation", "relu"}
"""Modules whose only parameters are slopes of a leaky ReLU: degree 1 whatever they are."""

BLOCKS = {"block", "blocks", "bottleneck", "bottlenecks", "unit", "units"}
RESIDUAL = {"residual", "residuals", "resblock", "resblocks", "res"}

EMBEDDING = "an embedding, of which no law is audited here"
SKIP = "on a skip, which is added to other layers"

_WHY = {
    "attention": "attention, of which no law is audited here",
    "states": "a state space layer, of which no law is audited here",
    "recurrent": "a recurrent cell, whose weights act at every step",
    "gate": "a gate, which other layers are multiplied with",
    "skip": SKIP,
    "pooler": "a pooler, behind which stands tanh, which does not scale",
    "optimizer": "the state of an optimizer",
}
_BY_WORD = (
    ("recurrent", {"lstm", "gru", "rnn", "lstmcell", "grucell", "rnncell"}),
    ("gate", {"se", "gate", "gates", "gating", "router", "excitation", "excite", "glu", "swiglu",
              "geglu", "reglu"}),
    ("skip", {"downsample", "shortcut", "skip", "identity"}),
    ("pooler", {"pooler"}),
)  # fmt: skip
_ATTENTION = re.compile(
    r"attn|attention|qkv|^mha$|^(to_(q|k|v|kv|qkv|out)|in_proj.*|[qkvo]_proj)$|^bias_[kv]$"
)
_ASKING = {"q", "k", "v", "query", "key", "value", "wq", "wk", "wv", "q_proj", "k_proj", "v_proj"}
_ANSWERING = {"o", "out", "wo", "out_proj", "o_proj", "c_proj"}
_STATES = {"mamba", "ssm", "dt_proj", "x_proj", "A_log"}
_OPTIMIZER = {"optimizer", "optim", "exp_avg", "exp_avg_sq", "momentum_buffer", "max_exp_avg_sq"}
_EMBEDDING = {"embed", "embeds", "embedding", "embeddings", "emb", "wte", "wpe", "tok", "token"}
_LOOSE_EMBEDDING = re.compile(r"(.*_)?(pos|position|positional)_?(emb\w*|enc\w*)|(cls|mask)_token")
_ITS_OWN = {
    "actor", "critic", "policy", "value", "pi", "vf", "qf", "q", "generator", "discriminator",
    "gen", "disc", "online", "target", "student", "teacher", "ema", "mu",
    "mean", "sigma", "std", "var", "logvar", "logstd", "branch", "branches", "tower", "expert",
    "head", "heads",
}  # fmt: skip
_SEVERAL = {"heads", "branches", "towers", "experts", "critics", "actors", "members", "ensemble",
            "models", "nets"}  # fmt: skip


def reason(path: Path, roles: Collection[str], siblings: Collection[str]) -> str:
    """Why a layer of that name takes no part, "" where the name does not say so.

    roles: of its tensors. siblings: the last parts of the paths with the same parent, its own too.

    >>> reason(("layer1", "0", "downsample", "0"), ["weight"], ["0", "1"])
    'on a skip, which is added to other layers'
    """
    said = words(path)
    if _OPTIMIZER & {*path, *roles}:
        return _WHY["optimizer"]
    if any(role.startswith(("weight_ih", "weight_hh", "recurrent_")) for role in roles):
        return _WHY["recurrent"]
    if _is_attention(path, roles, siblings):
        return _WHY["attention"]
    if _STATES & {*said, *path, *roles} or {"x_proj", "dt_proj"}.issubset(siblings):
        return _WHY["states"]
    for what, known in _BY_WORD:
        if known & said:
            return _WHY[what]
    if path[-1:] == ("wi_0",) and "wi_1" in siblings:
        return _WHY["gate"]
    for name in BROKEN:
        if name in said or any(name in part.lower().split("_") for part in path):
            return f"by its name beside {name}, which does not scale"
    return ""


def is_embedding(path: Path, role: str) -> bool:
    """Of a matrix without a bias."""
    return role in _EMBEDDING or bool(_EMBEDDING & words(path))


def is_loose_embedding(role: str) -> bool:
    """Of a parameter that is no weight of a layer: of positions, or a token."""
    return role in _EMBEDDING or bool(_LOOSE_EMBEDDING.fullmatch(role))


def are_rivals(a: Path, b: Path) -> bool:
    """Whether two layers are of networks that stand side by side, such as actor and critic.

    >>> are_rivals(("actor", "2"), ("critic", "0")), are_rivals(("conv1",), ("conv2",))
    (True, False)
    """
    at = shared(a, b)
    if at >= min(len(a), len(b)):
        return False
    x, y = {*tokens(a[at])}, {*tokens(b[at])}
    if (x, y) in (({"net", "g"}, {"net", "d"}), ({"net", "d"}, {"net", "g"})):
        return True
    if not x | y:  # numbers below one name
        return at > 0 and bool(_SEVERAL & {*tokens(a[at - 1])})
    return bool(_ITS_OWN & x) and bool(_ITS_OWN & y)


def _is_attention(path: Path, roles: Collection[str], siblings: Collection[str]) -> bool:
    # A normalization before or behind attention has its name at times.
    named = path[:-1] if NORMS & words(path[-1:]) else path
    low = [part.lower() for part in (*named, *roles)]
    if any(_ATTENTION.search(part) for part in low):
        return True
    # Of the layer itself first: it may have thousands beside it.
    if not path or path[-1].lower() not in _ASKING | _ANSWERING:
        return False
    return len(_ASKING & {each.lower() for each in siblings}) >= 2
