"""Which weights share units where the architecture is known: of a file, a run, a factorization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mfact.chains.joints import Chain, Joint, LeftOut, Slot
from mfact.errors import DataError, SettingsError
from mfact.networks.architecture import Architecture, Stage
from mfact.networks.layers import Conv, Dense
from mfact.pairing.axes import Axes, dense, kernel, scale
from mfact.pairing.before import by_place
from mfact.pairing.kinds import PASSING, Layer
from mfact.pairing.layers import layers_of
from mfact.pairing.layouts import CONVOLUTION, DENSE, EITHER, readings
from mfact.pairing.leftovers import ENDS, listed
from mfact.pairing.meeting import meet
from mfact.pairing.row import BY_NAME, IN_FILE
from mfact.tensors.state_dict import StateDict, Tensor
from mfact.words import by, printable

_PLAIN = ("oi", "io", "oik", "kio")
_CHAIN = "leave --layers out, or name layers that share units with --chain"


def chain_of(net: Architecture, names: Mapping[str, str]) -> Chain:
    """The joints of a network whose weights are laid as its parts are. names: of W/1, b/1, W/2, …
    -> of the tensors.

    Of an activation that does not scale the place is left out.

    Raises SettingsError for shared weights, of which the laws are of groups of units or mix layers,
    and where no activation scales.
    """
    _refuse_shared(net)
    layers = []
    for h, stage in enumerate(net.weighted, 1):
        name, shape = names[f"W/{h}"], stage.layer.weights(stage.given)
        is_conv = isinstance(stage.layer, Conv)
        axes = (kernel(name, shape, channels_last=False) if is_conv
                else dense(name, shape, units_first=True))  # fmt: skip
        bias = scale(names[f"b/{h}"], axes.units).fed() if stage.layer.biases() else None
        kind = CONVOLUTION if is_conv else DENSE
        layers.append(Layer(name, (name,), kind, (), h, axes, bias))
    return _joined(net, layers, names.values(), "as the layers of the network")


def laid_out(file: StateDict, net: Architecture) -> Chain:
    """The weights of a file in their order as those of an architecture, and its joints: degrees by
    its activations.

    Raises SettingsError or DataError for another number of layers, other shapes, biases that one
    side alone has, numbers outside a mask, shared weights, and layers that no architecture has.
    """
    _refuse_shared(net)
    held = [layer for layer in layers_of(file) if layer.kind != PASSING]
    if not file.in_order:
        held.sort(key=lambda layer: by_place(layer.path))
    if other := next((layer for layer in held if not _is_plain(layer)), None):
        what = other.why or other.kind
        raise SettingsError(
            f"{file.label} holds {printable(other.label)} ({what}), which --layers cannot say",
            _CHAIN,
        )
    if len(held) != len(net.weighted):
        raise SettingsError(
            f"{file.label} holds {len(held)} layers with weights, {listed(_labels(held))}, and"
            f" --layers says {len(net.weighted)}",
            "say each of them, in that order",
        )
    found = [
        _matched(f"layer {h} of --layers", layer, stage, file)
        for h, (layer, stage) in enumerate(zip(held, net.weighted, strict=True), 1)
    ]
    words = IN_FILE if file.in_order else BY_NAME
    return _joined(net, found, file.named, f"{words}, as --layers says")


def factor_chain(U_shape: Sequence[int], V_shape: Sequence[int]) -> Chain:
    """The one joint of a factorization UVᵀ, U of d₁×r and V of d₂×r: the network W₂W₁ with W₁ = Vᵀ
    and W₂ = U, whose units are the r columns.

    >>> factor_chain((4, 2), (3, 2)).joints[0].drawn
    (Slot(tensor='U', shape=(4, 2), axes=(1,)),)
    """
    d1, r = U_shape
    d2, _ = V_shape
    joint = Joint("V", "U", r, (Slot("V", (d2, r), (1,)),), (Slot("U", (d1, r), (1,)),))
    return Chain((joint,), (), "as the factors of UVᵀ", scales=True)


def _joined(net: Architecture, layers: Sequence[Layer], names: Iterable[str], order: str) -> Chain:
    """Layer h of a network against layer h + 1."""
    joints, left = [], []
    for place in net.joints:
        first, second = layers[place.h - 1 : place.h + 1]
        if place.degree is None:
            phi = net.weighted[place.h - 1].layer.activation.name
            what = f"{printable(first.label)} and {printable(second.label)}"
            left.append(LeftOut(what, f"{phi} between them does not scale"))
        else:
            joints.append(meet(first, second, degree=place.degree))
    if not joints:
        raise SettingsError(
            f"no law stands in this network: {left[0].why}",
            "audit one with ReLU, leaky ReLU, the square or no activation between two layers",
        )
    taken = {slot.tensor for joint in joints for slot in joint.slots}
    ends = [name for name in names if name not in taken]
    more = (LeftOut(listed(ends), ENDS),) if ends else ()
    return Chain(tuple(joints), (*left, *more), order, scales=True)


def _refuse_shared(net: Architecture) -> None:
    for h, stage in enumerate(net.weighted, 1):
        if isinstance(stage.layer, Dense) and stage.layer.share is not None:
            raise SettingsError(
                f"layer {h} has shared weights, of which the laws are of groups of units, or mix"
                " layers",
                "train it by mfact network, which audits them, or see by mfact show what it found",
            )


def _is_plain(layer: Layer) -> bool:
    return layer.why == EITHER or (
        layer.is_weight and layer.axes is not None and layer.axes.letters in _PLAIN
    )


def _labels(layers: Iterable[Layer]) -> list[str]:
    return [layer.label for layer in layers]


def _matched(where: str, layer: Layer, stage: Stage, file: StateDict) -> Layer:
    """A layer of the file, its weight read as that of a stage. where: the stage, in words."""
    assert layer.axes is not None
    tensor, label = file.named[layer.axes.tensor], printable(layer.label)
    maybe = readings(tensor.name, tensor.shape) if layer.why == EITHER else (layer.axes,)
    fits = [axes for axes in maybe if _fits(axes, tensor.shape, stage)]
    if not fits:
        shape = stage.layer.weights(stage.given)
        is_last = layer.axes.letters in ("io", "kio")
        raise SettingsError(
            f"{where} has weights of {by(shape)}, and {label} of {by(tensor.shape)}"
            + (", inputs×units" if is_last else ""),
            f"say what {label} is there, or {_CHAIN}",
        )
    if len(fits) > 1:
        raise SettingsError(f"{label} may be {EITHER}", f"{_CHAIN}, which takes units×inputs")
    has, says = layer.bias is not None, bool(stage.layer.biases())
    if has != says:
        told = "has a bias, and {} none" if says else "has no bias, and {} has one"
        raise SettingsError(
            f"{where} {told.format(label)}",
            "leave its b out, or bias in TOML" if says else "add b to it, as 100rb, or bias = true",
        )
    _require_mask(where, fits[0], tensor, stage)
    return replace(layer, axes=fits[0], why="")


def _fits(axes: Axes, shape: tuple[int, ...], stage: Stage) -> bool:
    """Whether a weight read so has the shape of the stage's."""
    if (axes.units, axes.inputs) != (stage.made[0], stage.given[0]):
        return False
    if not isinstance(stage.layer, Conv):
        return not axes.is_grid
    k = shape[:-2] if axes.is_channel_last else shape[2:]
    return axes.is_grid and stage.layer.kernel in (k, (1, *k))


def _require_mask(where: str, axes: Axes, tensor: Tensor, stage: Stage) -> None:
    mask = stage.layer.mask if isinstance(stage.layer, Dense) else None
    if mask is None:
        return
    W = tensor.values()
    outside = (W if axes.letters == "oi" else W.T)[mask == 0]
    if wrong := int(np.count_nonzero(outside)):
        raise DataError(
            f"{printable(tensor.name)} is not 0 where the mask of {where} is, at {wrong} of"
            f" {len(outside)} places",
            "give the mask that the network was trained with",
        )
