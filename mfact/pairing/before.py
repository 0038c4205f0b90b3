"""Which of two layers comes first, by their names."""

from __future__ import annotations

from functools import lru_cache

from mfact.pairing.named import Path, natural, shared, stem, tokens
from mfact.pairing.vocabulary import NORMS

_PLACES = (
    ((0, 0), {"input", "stem", "first", "in", "patch", "embed", "embedding", "embeddings", "emb",
              "wte", "wpe", "tok", "token", "pos"}),
    ((1, 1), {"conv", "convs", "convolution", "features", "feature", "backbone", "encoder", "enc",
              "trunk", "body", "up", "wi"}),
    ((3, 3), {"fc", "fcs", "linear", "dense", "classifier", "decoder", "dec", "lin", "down", "wo"}),
    ((4, 4), {"output", "out", "head", "logits", "final", "last"}),
)  # fmt: skip
_ANYWHERE = (1, 3)


@lru_cache(1 << 14)
def place_of(part: str) -> tuple[int, int]:
    """From where to where in a network a module of that name may stand, from the front.

    >>> place_of("conv1"), place_of("fc1"), place_of("fc_out"), place_of("norm")
    ((1, 1), (3, 3), (4, 4), (1, 3))
    """
    said = {*tokens(part)}
    if part == "c_proj":  # behind c_fc
        return (4, 4)
    found = [] if said & NORMS else [place for place, known in _PLACES if known & said]
    return (0, 0) if (0, 0) in found else max(found, default=_ANYWHERE)


def comes_before(a: Path, b: Path) -> bool | None:
    """Whether layer a comes before layer b, False where it comes behind it; None: names do not say.

    >>> comes_before(("features", "28"), ("classifier", "0")), comes_before(("a",), ("b",))
    (True, None)
    """
    at = shared(a, b)
    if at >= min(len(a), len(b)):
        return None
    x, y = a[at], b[at]
    if stem(x) == stem(y):
        return natural(x) < natural(y)
    (x_from, x_to), (y_from, y_to) = place_of(x), place_of(y)
    if x_to < y_from or y_to < x_from:
        return x_to < y_from
    return None


def by_place(path: Path) -> tuple[object, ...]:
    """A key for paths: from the front of a network, and then numbers as numbers.

    >>> sorted([("fc1",), ("conv10",), ("conv2",)], key=by_place)
    [('conv2',), ('conv10',), ('fc1',)]
    """
    return tuple((place_of(part), natural(part)) for part in path)
