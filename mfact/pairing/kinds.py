"""What kind of layer a module is, by its names and shapes, and what it may take part in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from mfact.chains.joints import Slot
from mfact.pairing import vocabulary
from mfact.pairing.axes import Axes, scale
from mfact.pairing.layouts import APART, read
from mfact.pairing.modules import Module
from mfact.pairing.named import BIASES, STATISTICS, WEIGHTS, Path, words
from mfact.tensors.state_dict import Tensor

NORMALIZATION, PASSING, ADAPTER = "normalization", "passing", "adapter"
FACTORS = ("lora_A", "lora_B")

BUFFER = "buffers and counters, which gradient descent does not move"
_SLOPES = "slopes of an activation, which no law counts"
_MADE = "its weight is made of others, as by weight normalization"
_UNKNOWN = "no layer that is known here"


@dataclass(frozen=True, eq=False)
class Layer:
    """A module as the pairing sees it.

    label: as a page shows it. kind: "dense", "convolution", "transposed convolution",
    "normalization"; "adapter", a factor of low rank beside another layer; "passing", which changes
    no law between its neighbours; "apart", across which none is known. place: in the file. axes:
    how its weight lies, None without one that a law counts. bias: what feeds its units besides.
    why: that it takes no part by itself, else "". moved: the names of its tensors that gradient
    descent moves. is_batch: of a normalization, by what a batch has in each unit.
    """

    label: str
    path: Path
    kind: str
    tensors: tuple[Tensor, ...]
    place: int
    axes: Axes | None = None
    bias: Slot | None = None
    why: str = ""
    moved: frozenset[str] = frozenset()
    is_batch: bool = False

    @property
    def is_norm(self) -> bool:
        """Whether it is a normalization: γ and β feed its units, and what it is given is scaled."""
        return self.kind == NORMALIZATION

    @property
    def is_weight(self) -> bool:
        """Whether it has units and inputs, and may stand in a joint."""
        return self.axes is not None and not self.why and self.kind not in (NORMALIZATION, ADAPTER)

    @property
    def is_known(self) -> bool:
        """Whether it is one of the two, and takes part."""
        return self.is_weight or (self.is_norm and not self.why)

    @property
    def is_grid(self) -> bool:
        """Whether it is a convolution of some kind."""
        return self.axes is not None and self.axes.is_grid

    @property
    def places(self) -> int:
        """Of its kernel, 1 where it has none."""
        return 1 if self.axes is None else self.axes.places

    @property
    def units(self) -> int:
        """How many it feeds, 0 where that is not known."""
        return 0 if self.axes is None or self.why else self.axes.units

    @property
    def inputs(self) -> int:
        """How many it draws from, 0 where that is not known."""
        if self.axes is None or self.why:
            return 0
        return self.axes.units if self.is_norm else self.axes.inputs

    @property
    def sizes(self) -> frozenset[int]:
        """All that its tensors have."""
        return frozenset(n for tensor in self.tensors for n in tensor.shape)

    def left(self, why: str) -> Layer:
        """The same, which takes no part."""
        return replace(self, why=why)


def layer_of(module: Module, beside: Collection[str], layout: str) -> Layer:
    """beside: the last parts of the paths with the same parent. layout: of weights whose names do
    not say it.
    """
    main, moved, kept = module.main, module.moved, {*STATISTICS} & {*module.held}
    made = Layer(
        module.label, module.path, APART, tuple(module.held.values()), module.place,
        moved=frozenset(tensor.name for tensor in moved.values()),
    )  # fmt: skip
    if main is not None and main not in moved:
        kind = module.held[main].kind
        return replace(made, why=f"of kind {kind}, which gradient descent does not move")
    if not moved:
        norm = replace(made, kind=NORMALIZATION, is_batch=True)
        return norm if kept else replace(made, kind=PASSING, why=BUFFER)
    why = vocabulary.reason(module.path, module.held, beside)
    if main is None:
        return replace(made, why=why or _loose(moved))
    tensor, odd = moved[main], moved.keys() - {main, *BIASES}
    if not why and odd:
        why = f"it holds {min(odd)} besides, which is not known"
    made = replace(made, why=why)
    if len(tensor.shape) == 1:
        return _one_axis(made, tensor, module, is_batch=bool(kept))
    if len(tensor.shape) > 1:
        return _matrix(made, tensor, module, layout)
    return replace(made, why=why or _UNKNOWN)


def _loose(moved: Collection[str]) -> str:
    """What parameters are that are of no layer."""
    if all(map(vocabulary.is_loose_embedding, moved)):
        return vocabulary.EMBEDDING
    made = any(role.startswith(("weight_", "parametrizations")) for role in moved)
    return _MADE if made else _UNKNOWN


def _one_axis(made: Layer, tensor: Tensor, module: Module, *, is_batch: bool) -> Layer:
    """γ of a normalization, with β or without; or the slopes of an activation."""
    said, bias, biases = words(module.path), module.bias, module.moved.keys() & {*BIASES}
    if biases and (bias is None or bias.shape != tensor.shape):
        return replace(made, why=made.why or _UNKNOWN)
    if biases or is_batch or said & vocabulary.NORMS:
        axes = scale(tensor.name, tensor.shape[0])
        fed = None if bias is None else scale(bias.name, bias.shape[0]).fed()
        return replace(made, kind=NORMALIZATION, axes=axes, bias=fed, is_batch=is_batch)
    if module.main == "weight" and (said & vocabulary.SLOPES or tensor.shape == (1,)):
        return made if made.why else replace(made, kind=PASSING, why=_SLOPES)
    return replace(made, why=made.why or _UNKNOWN)


def _matrix(made: Layer, tensor: Tensor, module: Module, layout: str) -> Layer:
    """A weight of two axes or more."""
    biases = [module.moved[role] for role in BIASES if role in module.moved]
    if any(each.shape == tensor.shape for each in biases):  # over several axes at once
        return replace(made, kind=NORMALIZATION)
    role, length = module.main or "", None if module.bias is None else module.bias.shape[0]
    if len(tensor.shape) == 2 and not biases and vocabulary.is_embedding(module.path, role):
        axes = Axes(tensor.name, "io", tensor.shape)
        return replace(made, axes=axes, why=made.why or vocabulary.EMBEDDING)
    said = WEIGHTS.get(role, "torch") or layout
    kind, read_as, doubt = read(tensor.name, tensor.shape, module.path, said, length)
    why = made.why or doubt
    if biases and module.bias is None:
        why = why or _UNKNOWN
    fed = None
    if module.bias is not None and read_as is not None:
        fed = scale(module.bias.name, read_as.units).fed()
    if {*FACTORS} & {*module.path}:
        # They stand beside layers of any kind, and a law of their own between them.
        kind, why = ADAPTER, doubt
    return replace(made, kind=kind, axes=read_as, bias=fed, why=why)
