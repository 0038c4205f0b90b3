"""Names of tensors taken apart: the layer that one belongs to, and what it is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

Path = tuple[str, ...]

WEIGHTS = {"weight": "torch", "kernel": "keras", "W": "", "w": "", "weights": ""}
"""What weights are called, and who calls them so: torch's are units×inputs, Keras' and Flax's
inputs×units; others do not say.
"""

BIASES = ("bias", "b", "biases", "beta", "offset")
SCALES = ("weight", "gamma", "scale")
"""Of a normalization."""

STATISTICS = ("running_mean", "running_var", "moving_mean", "moving_variance", "mean", "var")
"""What batch normalization keeps of its inputs."""

BUFFERS = re.compile(
    r"running_\w+|moving_\w+|mean|var|num_batches_tracked|n_averaged|.*mask|.*position_ids"
    r"|inv_freq|freqs_cis|cos_cached|sin_cached|relative_position_index|.*_buffer"
)
"""Numbers that gradient descent does not move, by their names."""

_AROUND = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_IN_FRONT = {"module", "params", "batch_stats", "model_state_dict", "state_dict"}
_KNOWN = "weights?|kernel|bias(?:es)?|beta|gamma|scale|offset|W|w|b"
_ROLE = re.compile(
    rf"(?:(?P<stem>.*[^_])_)?(?P<role>{_KNOWN}|running_mean|running_var|moving_mean"
    r"|moving_variance|num_batches_tracked)"
)
_NUMBERED = re.compile(rf"(?P<role>{_KNOWN})_?(?P<number>[0-9]+)")
_NUMBER = re.compile(r"([0-9]+)")
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


_KEPT = 1 << 14  # parts of paths, of which one network has few


class Name(NamedTuple):
    """path: of the layer, without what DataParallel, torch.compile or Flax put around it. role:
    what the tensor is there, such as weight. label: the layer, as a page shows it.
    """

    path: Path
    role: str
    label: str

    @classmethod
    def of(cls, name: str, *, bare: bool = True) -> Name:
        """A name taken apart. bare: whether what stands around the network is left out.

        >>> Name.of("module.features.0.weight")
        Name(path=('features', '0'), role='weight', label='features.0')
        >>> Name.of("fc1_weight").path, Name.of("W2"), Name.of("dense_1/kernel:0").label
        (('fc1',), Name(path=('2',), role='W', label='W2'), 'dense_1')
        """
        mark = "/" if "/" in name else "."
        parts = [part for part in re.split("[./]", name.removesuffix(":0")) if part]
        if bare:
            parts = _bare(parts)
        *path, last = parts or [name]
        if "parametrizations" in path:  # parametrizations.weight.original0
            at = path.index("parametrizations")
            return cls(tuple(path[:at]), mark.join(parts[at:]), mark.join(path[:at]))
        whole = mark.join([*path, last])
        if path and last.isdecimal() and re.fullmatch(_KNOWN, path[-1]):
            return cls((*path[:-1], last), path[-1], whole)
        if found := _NUMBERED.fullmatch(last):
            return cls((*path, found["number"]), found["role"], whole)
        if last != "recurrent_kernel" and (found := _ROLE.fullmatch(last)):
            path += [found["stem"]] if found["stem"] else []
            return cls(tuple(path), found["role"], mark.join(path) or whole)
        return cls(tuple(path), last, mark.join(path) or whole)


def taken_apart(names: Sequence[str]) -> dict[str, Name]:
    """Each name -> its parts. What stands around a network is kept where names would be equal
    without it, as of a network and its average.
    """
    found = {name: Name.of(name) for name in names}
    if len({(each.path, each.role) for each in found.values()}) < len(names):
        found = {name: Name.of(name, bare=False) for name in names}
    return found


@lru_cache(_KEPT)
def tokens(component: str) -> tuple[str, ...]:
    """The words in one part of a path, in lower case, without numbers.

    >>> tokens("SelfAttention_0"), tokens("batchnorm1"), tokens("fc_mu"), tokens("netG")
    (('self', 'attention'), ('batchnorm',), ('fc', 'mu'), ('net', 'g'))
    """
    return tuple(word.lower() for word in _TOKEN.findall(component))


def words(path: Iterable[str]) -> frozenset[str]:
    """All of a path."""
    return frozenset(word for part in path for word in tokens(part))


def pieces(path: Path) -> Path:
    """A path with the parts that Keras joins by "_" apart, behind a number.

    >>> pieces(("conv2_block1_0_conv",)), pieces(("dense_1",))
    (('conv2', 'block1', '0', 'conv'), ('dense_1',))
    """
    return tuple(piece for part in path for piece in re.split(r"(?<=[0-9])_", part))


@lru_cache(_KEPT)
def number(part: str) -> str:
    """The last of the numbers in a part of a path, "" where it does not end with one."""
    found = re.search("[0-9]+$", part)
    return "" if found is None else str(int(found[0][:18]))


@lru_cache(_KEPT)
def stem(part: str) -> str:
    """A part of a path but for its numbers.

    >>> stem("conv2d_1"), stem("conv2d"), stem("12")
    ('conv#d', 'conv#d', '')
    """
    return re.sub(r"[0-9]+", "#", re.sub(r"_?[0-9]+$", "", part))


@lru_cache(_KEPT)
def natural(part: str) -> tuple[tuple[int, str], ...]:
    """A key that puts numbers in their order: 2 before 10.

    >>> sorted(["l10", "l2", "l"], key=natural)
    ['l', 'l2', 'l10']
    """
    return tuple(
        (int(each[:18]), "") if each.isdecimal() else (-1, each) for each in _NUMBER.split(part)
    )


def shared(a: Path, b: Path) -> int:
    """How many parts two paths have in common, from the front."""
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    return same


def _bare(parts: list[str]) -> list[str]:
    kept = [part for part in parts if part not in _AROUND]
    while len(kept) > 1 and kept[0] in _IN_FRONT:
        kept = kept[1:]
    return kept or parts
