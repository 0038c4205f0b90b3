"""Gradient descent with Nesterov's momentum, in the form of torch.optim.SGD."""

from __future__ import annotations

from dataclasses import dataclass

from mfact.methods.momentum import Momentum
from mfact.methods.torch_form import TorchForm


@dataclass(frozen=True)
class Nesterov(Momentum):
    """u ← μu + ∇f(θ); θ₊ = θ − η(∇f(θ) + μu): θ is Nesterov's point y, at which he takes gradients.

    It is fastest for μ = (1 − √(ηµ))/(1 + √(ηµ)), where each step leaves 1 − √(ηµ) of the error.
    Source: Nesterov 1983 and 2018, 2.2.1; the form is that of torch.optim.SGD, the law mfact's.
    """

    name: str = "nesterov"
    title = "gradient descent with Nesterov’s momentum"

    @property
    def form(self) -> TorchForm:
        return TorchForm(self.momentum, nesterov=True)

    def best(self, root: float) -> float:
        return (1 - root) / (1 + root)
