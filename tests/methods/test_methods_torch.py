"""Steps of torch.optim on the factorization, by autograd, are those of the methods of its names."""

from __future__ import annotations

import numpy as np
import pytest
from driving import drive
from made import direct_engine, reduced_engine
from matrices import setting
from with_torch import torch

from mfact.methods.choice import METHODS
from mfact.targets.dense import DenseTarget

SGD = {
    "gradient-descent": {},
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.8, "nesterov": True},
}


def torch_loop(name, M, start, steps, weight):
    """Points of torch.optim.SGD or Adam, whose learning rate is set before each step."""
    M = torch.tensor(M)
    U, V = parts = [torch.tensor(part.copy(), requires_grad=True) for part in start]
    kind = torch.optim.Adam if name == "adam" else torch.optim.SGD
    optimizer = kind(parts, lr=1.0, **SGD.get(name, {}))
    points = [tuple(start)]
    for eta in steps:
        optimizer.zero_grad()
        D = U.T @ U - V.T @ V
        loss = 0.5 * ((U @ V.T - M) ** 2).sum() + weight / 8 * (D**2).sum()
        loss.backward()
        optimizer.param_groups[0]["lr"] = eta
        optimizer.step()
        points.append(tuple(part.detach().numpy().copy() for part in parts))
    return points


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("name", [*SGD, "adam"])
def test_the_steps_are_those_of_torch(name, falls, weight):
    M, start = setting(4, (17, 13), 3, 0.3)
    eta = 0.3 / np.linalg.norm(M, 2)
    steps = eta / (1 + np.arange(120)) ** 0.4 if falls else np.full(120, eta)
    method = METHODS[name].having({k: v for k, v in SGD.get(name, {}).items() if k == "momentum"})
    engines = [direct_engine(DenseTarget(M), weight, method)]
    if method.commutes_with_rotation:
        engines.append(reduced_engine(DenseTarget(M), 3, weight, method=method))
    points = torch_loop(name, M, start, steps, weight)
    for engine in engines:
        states, _ = drive(engine, engine.start(start), steps)
        for state, theirs in zip(states, points, strict=True):
            for mine, other in zip(state.coordinates.leave(state.point), theirs, strict=True):
                np.testing.assert_allclose(mine, other, rtol=0, atol=1e-12 * 20)
