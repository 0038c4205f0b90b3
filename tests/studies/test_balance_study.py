"""The balance of whole files, against plain sums, torch's steps, and what our own runs recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from with_torch import torch

import mfact
from mfact.errors import MemoryPlanError, SettingsError
from mfact.studies import balance as study

DATA = Path(__file__).parents[2] / "data" / "network"
RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((40, 7)), RNG.standard_normal((40, 3))


def test_numbers_are_those_of_plain_sums(tmp_path):
    W = {f"{name}": RNG.standard_normal(shape) for name, shape in
         (("a.weight", (5, 7)), ("a.bias", (5,)), ("b.weight", (3, 5)))}  # fmt: skip
    np.savez(tmp_path / "w.npz", **W)
    found = mfact.balance(tmp_path / "w.npz")
    fed = [sum(W["a.weight"][i] ** 2) + W["a.bias"][i] ** 2 for i in range(5)]
    drawn = [sum(W["b.weight"][:, i] ** 2) for i in range(5)]
    excess = sum((a**0.5 - b**0.5) ** 2 for a, b in zip(fed, drawn, strict=True))
    truth = {"difference": sum(fed) - sum(drawn), "ratio": sum(fed) / sum(drawn), "excess": excess,
             "excess_share": excess / (sum(fed) + sum(drawn)),
             "worst": max(abs(a - b) for a, b in zip(fed, drawn, strict=True))}  # fmt: skip
    worst = found.standings[0][0].worst
    assert abs(worst.Q) == pytest.approx(truth.pop("worst"), rel=1e-13)
    for name, value in truth.items():
        assert found.numbers[name] == found.numbers[f"{name}_1"] == pytest.approx(value, rel=1e-13)


def test_a_run_file_is_its_start_and_its_end(tmp_path):
    run = mfact.network(
        X, Y, "7:6rb-5a.1-3", step_size=0.05, seed=1, max_iter=30, method="momentum"
    )
    run.save(tmp_path / "run.h5")
    found = mfact.balance(tmp_path / "run.h5")
    assert [each.step for each in found.checkpoints] == [0, 30]
    for h in (1, 2):
        for at, row in ((0, 0), (1, -1)):
            standing = found.standings[at][h - 1]
            np.testing.assert_allclose(standing.into, run.neurons[f"{h}/in"][row], rtol=1e-13)
            np.testing.assert_allclose(standing.out, run.neurons[f"{h}/out"][row], rtol=1e-13)
        assert found.numbers[f"drift_{h}"] == pytest.approx(run.trace[f"neuron_drift_{h}"][-1])


def test_a_factorization_is_a_network_of_two_layers(tmp_path):
    M = RNG.standard_normal((9, 6))
    run = mfact.solve(M, 2, seed=1, schedule="constant")
    run.save(tmp_path / "run.h5")
    found = mfact.balance(tmp_path / "run.h5").standings[0][0]
    np.testing.assert_allclose(-found.Q, np.diag(run.U.T @ run.U - run.V.T @ run.V), atol=1e-12)


def test_the_balanced_weights_of_a_run_compute_the_same(tmp_path):
    run = mfact.network(X, Y, "7:6rb-5r-3", step_size=0.05, seed=1, max_iter=30, start="kaiming")
    run.save(tmp_path / "run.h5")
    mfact.balance(tmp_path / "run.h5", rescale=tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        ours, theirs = run.weights, dict(file)
    relu = lambda z: np.maximum(z, 0)  # noqa: E731
    one, other = (
        relu(relu(X @ W["W/1"].T + W["b/1"]) @ W["W/2"].T) @ W["W/3"].T for W in (ours, theirs)
    )
    assert np.abs(one - other).max() < 1e-14 * np.abs(one).max() * 10  # three layers of products
    again = mfact.balance(tmp_path / "out.npz", layers="7:6rb-5r-3")
    assert again.numbers["worst"] < 1e-13
    with pytest.raises(SettingsError, match="one network"):
        mfact.balance([tmp_path / "out.npz", _copy(tmp_path)], rescale=tmp_path / "x.npz")


def _copy(folder):
    (folder / "other.npz").write_bytes((folder / "out.npz").read_bytes())
    return folder / "other.npz"


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [("SGD", "holds"), ("Adam", "violated"), ("decay", "violated"), ("tanh", "violated")],
)
@pytest.mark.parametrize("form", ["pt", "npz"])
def test_a_step_of_gradient_descent_is_told_from_others(tmp_path, rule, verdict, form):
    torch.manual_seed(0)
    act = torch.nn.Tanh if rule == "tanh" else torch.nn.ReLU
    layers = [torch.nn.Linear(7, 12), act(), torch.nn.Linear(12, 8), act(), torch.nn.Linear(8, 3)]
    net = torch.nn.Sequential(*layers).double()
    make = {"Adam": lambda p: torch.optim.Adam(p, 1e-3),
            "decay": lambda p: torch.optim.SGD(p, 0.05, weight_decay=1e-2)}  # fmt: skip
    optimizer = make.get(rule, lambda p: torch.optim.SGD(p, 0.05))(net.parameters())
    paths = [tmp_path / f"step-{t}.{form}" for t in (9, 10)]
    for path in paths:
        if form == "pt":
            torch.save({"model_state_dict": net.state_dict(), "epoch": 1}, path)
        else:
            np.savez(path, **{name: w.numpy() for name, w in net.state_dict().items()})
        optimizer.zero_grad()
        loss = ((net(torch.tensor(X)) - torch.tensor(Y)) ** 2).mean()
        loss.backward()
        optimizer.step()
    found = mfact.balance(paths, steps_apart=1)
    assert [(claim.name, claim.verdict) for claim in found.claims] == [
        ("kappa-1", verdict), ("kappa-2", verdict),
    ]  # fmt: skip
    assert found.holds == (verdict == "holds")


def test_more_steps_than_one_tell_what_steps_in_one_direction_have(tmp_path):
    files = [DATA / f"step-{step}.safetensors" for step in (1001, 1100)]
    for claim in mfact.balance(files, steps_apart=99).claims:
        assert "; about 0.0101 where 99 steps go one way), as the law predicts" in claim.detail
    for wrong in (0, -1, 1.5, True, "1"):
        with pytest.raises(SettingsError, match=r"^steps_apart is .*: give 1, 2, …$"):
            mfact.balance(files, steps_apart=wrong)


def test_what_does_not_fit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.savez(tmp_path / "w.npz", **{"a.weight": np.ones((5, 7)), "b.weight": np.ones((3, 5))})
    monkeypatch.setattr(study, "available_bytes", lambda: 1000)
    with pytest.raises(MemoryPlanError, match=r"the balance needs .* name fewer layers with chain"):
        mfact.balance(tmp_path / "w.npz")
