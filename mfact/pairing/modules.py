"""The modules of a state dict: which tensors belong together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from mfact.pairing.named import BIASES, BUFFERS, SCALES, WEIGHTS, Path, taken_apart
from mfact.tensors.state_dict import StateDict, Tensor

_ROOT = (*WEIGHTS, *BIASES)
"""Roles that a network of one layer has at its root; any other tensor there is alone."""


@dataclass(frozen=True, eq=False)
class Module:
    """label: as a page shows it. held: its tensors by their roles. place: of its weight in the
    file, or of what stands first.
    """

    path: Path
    label: str
    held: dict[str, Tensor]
    place: int

    @cached_property
    def main(self) -> str | None:
        """The role of its weight."""
        known = (*WEIGHTS, *SCALES, "embedding", "embeddings")
        return next((role for role in known if role in self.held), None)

    @cached_property
    def moved(self) -> dict[str, Tensor]:
        """What gradient descent moves."""
        return {role: each for role, each in self.held.items()
                if each.is_weight and not BUFFERS.fullmatch(role)}  # fmt: skip

    @cached_property
    def bias(self) -> Tensor | None:
        """A bias of one axis."""
        found = (self.moved[role] for role in BIASES if role in self.moved)
        return next((each for each in found if len(each.shape) == 1), None)


def modules_of(file: StateDict) -> list[Module]:
    """Every tensor of a file in one of them, in the order of the file."""
    held: dict[Path, dict[str, Tensor]] = defaultdict(dict)
    labels: dict[Path, str] = {}
    places: dict[Path, dict[str, int]] = defaultdict(dict)
    names = taken_apart([tensor.name for tensor in file.tensors])
    for place, tensor in enumerate(file.tensors):
        path, role, label = names[tensor.name]
        if (not path and role not in _ROOT) or role in held.get(path, ()):
            path, label = (*path, tensor.name), tensor.name
        held[path][role] = tensor
        places[path][role] = place
        labels.setdefault(path, label)
    found = []
    for path, its in held.items():
        module = Module(path, labels[path], its, min(places[path].values()))
        if module.main is None:
            module = Module(path, _all_of(module), its, module.place)
        else:
            module = Module(path, module.label, its, places[path][module.main])
        found.append(module)
    return sorted(found, key=lambda module: module.place)


def _all_of(module: Module) -> str:
    """A module without a weight, by what it has."""
    if not module.moved or module.label in {each.name for each in module.held.values()}:
        return module.label
    mark = "/" if "/" in module.label else "."
    last = next(iter(module.held)) if len(module.held) == 1 else "*"
    return module.label if module.label.endswith(last) else f"{module.label}{mark}{last}"
