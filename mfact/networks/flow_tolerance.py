"""How exactly the flow of a network is followed: less so where its gradient jumps."""

from __future__ import annotations

from mfact.errors import SettingsError
from mfact.networks.activations import Leaky, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Pool

RTOL = 1e-10
JUMPS_RTOL = 1e-5
LEAST_RTOL = 1e-13
LEAST_JUMPS_RTOL = 1e-6
"""Steps are as many as 1/rtol where ∇L jumps: here already minutes for small networks."""


def jumps(net: Architecture) -> bool:
    """Whether ∇L does: at a ReLU, a leaky ReLU or max pooling."""
    return any(
        isinstance(layer.activation, (Relu, Leaky))
        or layer.activation.name == "relu6"
        or (isinstance(layer, Pool) and layer.kind == "max")
        for layer in (stage.layer for stage in net.stages)
    )


def chosen_rtol(net: Architecture, rtol: float | None = None) -> float:
    """The error allowed to a step, relative to ‖v‖: rtol, or where it is None that of the network.

    Where ∇L jumps, the error of a step across is of first order, and a flow may slide along a jump
    from both of whose sides it is driven back: steps are as small as rtol then.
    Raises SettingsError for one that cannot be met.

    >>> from mfact.networks.layers import Dense
    >>> chosen_rtol(Architecture.of([Dense(3), Dense(1)], (2,)))
    1e-10
    """
    least, usual = (LEAST_JUMPS_RTOL, JUMPS_RTOL) if jumps(net) else (LEAST_RTOL, RTOL)
    if rtol is None:
        return usual
    if least <= rtol < 1:
        return rtol
    why = " where the gradient jumps (ReLU, leaky ReLU, max pooling)" if jumps(net) else ""
    raise SettingsError(
        f"the flow cannot be followed to a relative tolerance of {rtol:g}{why}",
        f"choose it from {least:g} to below 1, as {usual:g}",
    )
