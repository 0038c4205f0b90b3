"""The methods there are, by the name that --method gives them."""

from __future__ import annotations

from mfact.core import Method
from mfact.methods.adam import Adam
from mfact.methods.alternating import Alternating
from mfact.methods.alternating_scaled import AlternatingScaled
from mfact.methods.gradient_descent import GradientDescent
from mfact.methods.momentum import Momentum
from mfact.methods.nesterov import Nesterov
from mfact.methods.scaled import Scaled

METHODS: dict[str, Method] = {
    each.name: each
    for each in (
        GradientDescent(),
        Alternating(),
        Momentum(),
        Nesterov(),
        Scaled(),
        AlternatingScaled(),
        Adam(),
    )
}
"""With the parameters that they have until they are tuned."""

PLAIN = GradientDescent.name
"""That of the paper, of which its claims speak, and forecasts."""
