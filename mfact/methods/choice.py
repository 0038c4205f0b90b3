"""The methods there are, by the name that --method gives them."""

from __future__ import annotations

from mfact.core import Method
from mfact.methods.gradient_descent import GradientDescent

METHODS: dict[str, Method] = {each.name: each for each in (GradientDescent(),)}
