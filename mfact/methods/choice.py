"""The methods there are, by the name that --method gives them."""

from __future__ import annotations

from mfact.core import Method
from mfact.methods.gradient_descent import GradientDescent

METHODS: dict[str, Method] = {each.name: each for each in (GradientDescent(),)}


def law_known(name: str) -> bool:
    """Whether it is known what the steps of the method of this name add to D."""
    return name in METHODS and METHODS[name].law is not None
