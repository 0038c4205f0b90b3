"""κ of networks that torch trained: at most 1 after one step of SGD, far above it without the law.

Short forms of a table over seeds and spacings: 60 steps, one seed, the networks that it is of.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from joints_by_hand import dense
from with_torch import torch

from mfact.chains.joints import Chain, Joint, Slot
from mfact.chains.kappa import moved
from mfact.core import Verdict
from mfact.theory.checkpoint_claims import claims

nn, F = torch.nn, torch.nn.functional
STEPS = 60
SGD = torch.optim.SGD


class Squared(nn.Module):
    def forward(self, z):
        return z * z


def mlp(activation=nn.ReLU):
    return nn.Sequential(
        nn.Linear(10, 32), activation(), nn.Linear(32, 24), activation(), nn.Linear(24, 4)
    )


def trained(make, net, batch=None, dtype=torch.float64, steps=STEPS):
    """A checkpoint a step."""
    torch.manual_seed(0)
    X, T = torch.randn(256, 10, dtype=dtype), torch.randn(256, 4, dtype=dtype)
    network = net().to(dtype)
    optimizer = make(network.parameters())
    found = []
    for _ in range(steps + 1):
        found.append({k: v.detach().numpy().copy() for k, v in network.state_dict().items()})
        rows = torch.randint(0, 256, (batch,)) if batch else slice(None)
        optimizer.zero_grad()
        F.mse_loss(network(X[rows]), T[rows]).backward()
        optimizer.step()
    return found


def moves(chain, checkpoints, kind="float64"):
    kinds = dict.fromkeys(checkpoints[0], kind)
    return [
        [moved(joint, w, then, (kinds, kinds)) for joint in chain.joints]
        for w, then in pairwise(checkpoints)
    ]


def judged(chain, checkpoints, steps_apart=None, kind="float64"):
    names = [f"step {t}" for t in range(len(checkpoints))]
    return claims(chain, moves(chain, checkpoints, kind), steps_apart, names)


def kappas(found):
    return np.concatenate([each.kappa[each.judged] for interval in found for each in interval])


def trained_in(dtype, make, net, batch):
    """(Checkpoints a step apart, the kind in which they are stored)."""
    return trained(make, net, batch, dtype), str(dtype).removeprefix("torch.")


CHAIN = dense([10, 32, 24, 4])

LAWFUL = {
    "full batch": (lambda p: SGD(p, 0.1), mlp, None),
    "batch 16": (lambda p: SGD(p, 0.05), mlp, 16),
    "batch 4": (lambda p: SGD(p, 0.05), mlp, 4),
    "edge of stability": (lambda p: SGD(p, 1.0), mlp, None),
    "leaky": (lambda p: SGD(p, 0.1), lambda: mlp(lambda: nn.LeakyReLU(0.1)), None),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", LAWFUL)
def test_one_step_of_sgd_has_kappa_of_at_most_one(name, dtype):
    checkpoints, kind = trained_in(dtype, *LAWFUL[name])
    found = moves(CHAIN, checkpoints, kind)
    assert not np.any([each.over.any() for interval in found for each in interval])
    if kind == "float64":
        # first order left by rounding, 1e-16 ‖w‖‖Δw‖ against ‖Δw‖²: ‖w‖ is at most 1e4 ‖Δw‖ here
        assert kappas(found).max() <= 1 + 1e-10
    for claim in judged(CHAIN, checkpoints, 1, kind):
        assert claim.verdict is Verdict.HOLDS, claim


BROKEN = {
    "Adam": (lambda p: torch.optim.Adam(p, 1e-3), mlp, None),
    "Adam, batch 16": (lambda p: torch.optim.Adam(p, 1e-3), mlp, 16),
    "weight decay": (lambda p: SGD(p, 0.1, weight_decay=1e-2), mlp, None),
    "tanh": (lambda p: SGD(p, 0.1), lambda: mlp(nn.Tanh), None),
    "GELU": (lambda p: SGD(p, 0.1), lambda: mlp(nn.GELU), None),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", BROKEN)
def test_where_the_law_is_not_at_work_kappa_is_far_above_one(name, dtype):
    checkpoints, kind = trained_in(dtype, *BROKEN[name])
    assert np.median(kappas(moves(CHAIN, checkpoints, kind))) > 10
    for steps_apart in (1, None):
        for claim in judged(CHAIN, checkpoints, steps_apart, kind):
            assert claim.verdict is Verdict.VIOLATED, claim


def test_steps_that_go_one_way_have_a_kappa_of_about_one_over_their_number():
    checkpoints = trained(*LAWFUL["full batch"])
    for apart in (5, 20):
        found = np.median(kappas(moves(CHAIN, checkpoints[::apart])))
        assert 0.3 / apart < found < 0.6 / apart
    for claim in judged(CHAIN, checkpoints[::20], 20):
        assert claim.verdict is Verdict.HOLDS


def test_a_bias_that_is_forgotten_looks_like_a_law_that_is_not_at_work():
    checkpoints = trained(*LAWFUL["full batch"])
    for interval in moves(CHAIN, checkpoints[::20]):
        for each in interval:
            assert np.median(each.kappa_without_bias) > 20 * np.median(each.kappa)
    first = judged(CHAIN, checkpoints[::20])[0]
    assert first.numbers["without_bias"] > 20 * first.numbers["kappa"]
    forgotten = dense([10, 32, 24, 4], bias=False)
    assert judged(forgotten, checkpoints, 1)[0].verdict is Verdict.VIOLATED


def test_checkpoints_far_apart_tell_nothing():
    checkpoints = trained(*BROKEN["Adam"], steps=300)[::300]
    for claim in judged(CHAIN, checkpoints):
        assert claim.verdict is Verdict.NOT_MET
        assert claim.detail.startswith("checkpoints too far apart to say")


@pytest.mark.parametrize("name", ["full batch", "batch 16"])
def test_bfloat16_hides_single_steps(name):
    checkpoints = [
        {k: torch.tensor(W).bfloat16().float().numpy() for k, W in each.items()}
        for each in trained(*LAWFUL[name])
    ]
    for claim in judged(CHAIN, checkpoints, 1, "bfloat16"):
        assert claim.verdict is Verdict.INCONCLUSIVE
        assert "rounding of the stored weights hides" in claim.detail


def test_channels_groups_and_degrees_have_their_own_law():
    """Convolution, squared, pooled, in groups, ReLU, flattened; unequal p of the joints."""

    def net():
        return nn.Sequential(
            nn.Unflatten(1, (1, 2, 5)), nn.Conv2d(1, 6, 2, padding=1), Squared(),
            nn.Conv2d(6, 4, 2, groups=2), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
            nn.Linear(8, 4),
        )  # fmt: skip

    first = Joint(
        "conv", "groups", 6, (Slot("1.weight", (6, 4), (0,)),),
        (Slot("3.weight", (2, 2, 3, 4), (0, 2)),), Slot("1.bias", (6,), (0,)), 2,
    )  # fmt: skip
    second = Joint(
        "groups", "fc", 4, (Slot("3.weight", (4, 12), (0,)),),
        (Slot("7.weight", (4, 4, 2), (1,)),), Slot("3.bias", (4,), (0,)),
    )  # fmt: skip
    chain = Chain((first, second), (), "by hand")
    checkpoints = trained(lambda p: SGD(p, 0.05), net, 32)
    for claim in judged(chain, checkpoints, 1):
        assert claim.verdict is Verdict.HOLDS, claim
    wrong = Joint("conv", "groups", 6, first.fed, first.drawn, first.bias, 1)
    claim, _ = judged(Chain((wrong, second), (), ""), checkpoints, 1)
    assert claim.verdict is Verdict.VIOLATED
