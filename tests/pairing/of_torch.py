"""torch's networks as state dicts, and the laws of a chain by torch's autograd."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from with_torch import torch

from mfact.chains.joints import Chain
from mfact.tensors.state_dict import StateDict, Tensor

nn = torch.nn
relu = torch.relu


class Net(nn.Module):
    """Modules by name, in their order, and the way through them."""

    def __init__(self, way, **modules):
        super().__init__()
        self.way = way
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.way(self, x)


def tensor(name, values, storage=""):
    """One of a file; values: torch's, or NumPy's."""
    values = values.detach() if isinstance(values, torch.Tensor) else torch.tensor(values)
    kind = str(values.dtype).removeprefix("torch.")
    return Tensor(name, tuple(values.shape), kind, values.numpy, storage)


def state_dict(held, *, rename=str, order=None):
    """What is saved of a module, or tensors by name. order: a generator that shuffles the names, of
    a file that does not keep the order.
    """
    held = held.state_dict() if isinstance(held, nn.Module) else held
    names = list(held)
    if order is not None:
        order.shuffle(names)
    storages = [(held[name].data_ptr() if isinstance(held[name], torch.Tensor) else 0)
                for name in names]  # fmt: skip
    tensors = [
        tensor(rename(name), held[name], str(at) if at else "")
        for name, at in zip(names, storages, strict=True)
    ]
    return StateDict(Path("net.pt"), "net.pt", "torch", tuple(tensors), order is None, dict)


def pairs(chain: Chain) -> list[str]:
    return [f"{joint.first} > {joint.second}" for joint in chain.joints]


def why(chain: Chain, what: str) -> str:
    """Why something is left out, by a pattern of it."""
    (found,) = [left.why for left in chain.left_out if re.search(what, left.what)]
    return found


def slopes(module, inputs, rename=str):
    """Each parameter and its slope of a loss, by the name in the file."""
    module.zero_grad()
    out = module(inputs)
    target = torch.randn(out.shape, generator=torch.Generator().manual_seed(3), dtype=out.dtype)
    (0.5 * (out - target) ** 2).mean().backward()
    found = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        slope = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        found[rename(name)] = parameter.detach().numpy(), slope.numpy()
    return found


def defects(chain: Chain, found) -> dict[str, float]:
    """Of each joint the largest |Σ ⟨v, ∂L/∂v⟩ fed − p·drawn| of a unit, relative to Σ|v ∂L/∂v|; NaN
    where no gradient reaches them.

    found: each parameter and its slope.
    """
    told = {}
    for joint in chain.joints:
        signs = [1.0] * (len(joint.slots) - len(joint.drawn)) + [-joint.degree] * len(joint.drawn)
        sums, sizes = np.zeros(joint.units), np.zeros(joint.units)
        for sign, slot in zip(signs, joint.slots, strict=True):
            v, g = found[slot.tensor]
            sums += sign * slot.sums(v, g)
            sizes += slot.sums(np.abs(v), np.abs(g))
        # Below that a gradient is what rounding left of none.
        size = float(sizes.max())
        told[f"{joint.first} > {joint.second}"] = (
            float(np.abs(sums).max()) / size if size > 1e-12 else math.nan
        )
    return told


def worst(chain: Chain, found) -> float:
    """The largest of all, NaN where no gradient reaches some units."""
    return float(np.max([*defects(chain, found).values(), 0.0]))
