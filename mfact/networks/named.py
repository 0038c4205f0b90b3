"""Activations by name, as TOML and run files write them."""

from __future__ import annotations

from mfact.networks.activations import Activation, Leaky, Linear, Relu, Square

_PLAIN: dict[str, Activation] = {"linear": Linear(), "relu": Relu(), "square": Square()}

WAYS = 'write "relu", "leaky 0.1", "square" or "linear"'


def written(activation: Activation) -> str:
    """The name, with every digit of a slope.

    >>> written(Relu()), written(Leaky(0.1))
    ('relu', 'leaky 0.1')
    """
    if isinstance(activation, Leaky):
        return f"leaky {float(activation.slope)!r}"
    return activation.name.lower()


def activation_of(name: str) -> Activation | None:
    """The homogeneous activation of a name, in whichever case; None where there is none.

    >>> activation_of("leaky 0.1"), activation_of("leaky 1"), activation_of("tanh")
    (Leaky(slope=0.1, degree=1, is_linear=False), None, None)
    """
    kind, _, number = name.lower().partition(" ")
    if kind != "leaky":
        return _PLAIN.get(name.lower())
    try:
        slope = float(number)
    except ValueError:
        return None
    return Leaky(slope) if 0 < slope < 1 else None
