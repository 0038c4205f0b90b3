"""Every run holds the factors that it writes to its last recorded step."""

import numpy as np
import pytest
import scipy.sparse
from matrices import noisy

from mfact.cli.main import run
from mfact.core import Factors, Outcome, Verdict
from mfact.run import ending
from mfact.run.solve import solve
from mfact.storage.runs import read_run
from mfact.targets.dense import DenseTarget


def matrix(noise=0.05, shape=(40, 30)):
    return noisy(np.random.default_rng(1), shape, [3.0, 2.0, 1.0], noise)


CONSTANT = {"rank": 2, "schedule": "constant"}
RUNS = {
    "reduced": CONSTANT,
    "direct": {**CONSTANT, "engine": "direct"},
    "float32": {**CONSTANT, "dtype": "float32", "tol": 1e-4},
    "direct, float32": {**CONSTANT, "engine": "direct", "dtype": "float32", "tol": 1e-4},
    "limit": {**CONSTANT, "max_iter": 7},
    "no step": {**CONSTANT, "max_iter": 0},
    "sharpened by many passes": {
        **CONSTANT, "rank": 1, "engine": "reduced", "max_iter": 2, "tol": 1e-13,
    },
    "no optimum": {**CONSTANT, "optimum": False},
    "beyond memory": {**CONSTANT, "max_basis_bytes": 6000},
    "balanced": {**CONSTANT, "objective": "balanced"},
    "diverging": {**CONSTANT, "step_size": 0.9},
    "fast-forward": {"rank": 2, "delta": 0.3},
    "limit in flight": {"rank": 2, "max_iter": 20_000},
    "escape": {**CONSTANT, "escape": True, "start_scale": 1e-6, "tol_gradient": 1e-2},
    "escape, direct, float32": {
        **CONSTANT, "engine": "direct", "dtype": "float32", "tol": 1e-4, "escape": True,
        "start_scale": 1e-6, "tol_gradient": 1e-2, "max_iter": 1,
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.05, 0.0])
@pytest.mark.parametrize("hold", [np.asarray, np.asfortranarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("name", RUNS)
def test_no_false_alarm(name, hold, noise):
    M = matrix(noise)
    result = solve(hold(M), seed=1, **RUNS[name])
    claim = result.claims[-1]
    assert (claim.name, claim.verdict) == ("written-factors", Verdict.HOLDS)
    assert result.U.dtype == result.V.dtype == result.settings["dtype"]["value"]
    truth = 0.5 * np.linalg.norm(result.U.astype(float) @ result.V.T - M) ** 2
    # What float32 factors and entries round to.
    eps = 1e-13 if result.U.dtype == np.float64 else 1e-5
    assert claim.numbers["measured"] == pytest.approx(truth, rel=eps * 100, abs=eps * 10)
    assert claim.numbers["recorded"] == result.summary["loss"]


def test_a_start_that_is_out_of_all_bounds_has_no_row(tmp_path):
    np.savez(tmp_path / "s.npz", U=np.full((40, 2), 1e70), V=np.full((30, 2), 1e70))
    result = solve(matrix(), rank=2, start=str(tmp_path / "s.npz"), schedule="constant",
                   engine="direct", step_size=0.1)  # fmt: skip
    assert result.outcome is Outcome.DIVERGED
    assert result.claims[-1].verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)


def perturbed(A, share):
    return A * (1 + share * np.random.default_rng(5).standard_normal(A.shape))


def with_bit(A, bit):
    A, place = A.copy(), np.unravel_index(np.abs(A).argmax(), A.shape)
    A.view(np.uint64)[place] ^= np.uint64(1 << (52 - bit))
    return A


FAULTS = {
    "perturbed by 1e-6": lambda U, V: (perturbed(U, 1e-6), V),
    "perturbed by 1e-11": lambda U, V: (perturbed(U, 1e-11), V),
    "columns of U swapped": lambda U, V: (U[:, ::-1].copy(), V),
    "rows of V cycled": lambda U, V: (U, np.roll(V, 1, axis=0)),
    "sign of U": lambda U, V: (-U, V),
    "cast to float32": lambda U, V: (
        U.astype(np.float32).astype(float), V.astype(np.float32).astype(float),
    ),
    "a high bit": lambda U, V: (with_bit(U, 1), V),
    "a low bit": lambda U, V: (with_bit(U, 32), V),
    "not a number": lambda U, V: (np.where(np.arange(len(U))[:, None] == 3, np.nan, U), V),
    "zero": lambda U, V: (0 * U, V),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("noise", [0.05, 0.0])
@pytest.mark.parametrize("name", ["reduced", "direct", "limit", "fast-forward", "beyond memory"])
def test_a_fault_in_the_factors_is_seen(name, noise, fault, monkeypatch):
    real, said = ending.leave, []

    def leave(state):
        return Factors(*FAULTS[fault](*real(state)))

    monkeypatch.setattr(ending, "leave", leave)
    result = solve(matrix(noise), seed=1, warn=said.append, **RUNS[name])
    assert result.outcome is Outcome.FAULTY
    assert result.claims[-1].verdict == Verdict.VIOLATED
    # Nothing is claimed of the end point.
    assert not any(claim.name == "global-optimum" for claim in result.claims)
    assert "verdict" not in result.summary
    assert len(said) == 1
    assert said[0].startswith("failed: the factors are not those of the last step: of the factors")
    assert result.message in said[0]


def test_a_stale_state_is_seen(monkeypatch):
    real = ending.leave
    stale = solve(matrix(), seed=1, **{**CONSTANT, "max_iter": 20})
    monkeypatch.setattr(ending, "leave", lambda *_: Factors(stale.U, stale.V))
    assert solve(matrix(), seed=1, **CONSTANT).outcome is Outcome.FAULTY
    monkeypatch.setattr(ending, "leave", real)
    assert solve(matrix(), seed=1, **CONSTANT).outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.parametrize("share", [2.0, 1 + 1e-7])
def test_a_matrix_that_changes_in_memory_is_seen(share):
    M = matrix()
    target = DenseTarget(M)

    class Changing:
        def start(self, facts): ...

        def segment(self, rows):
            M[3, 4] *= share

        def stop(self, result): ...

    result = solve(target, seed=1, observers=[Changing()], **CONSTANT)
    assert result.outcome is Outcome.FAULTY


def test_the_command_fails_and_keeps_the_result(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("M.npy", matrix())
    real = ending.leave
    monkeypatch.setattr(
        ending, "leave", lambda *a: Factors(*(perturbed(f, 1e-6) for f in real(*a)))
    )
    words = ["solve", "M.npy", "-r", "2", "--schedule", "constant", "--seed", "1"]
    assert run([*words, "--exit-zero"]) == 1
    out, err = capsys.readouterr()
    assert "failed: the factors are not those of the last step" in out
    assert "global optimum" not in out
    faults = [line for line in err.splitlines() if "failed" in line]
    assert len(faults) == 1
    kept = read_run("M.run.h5")
    assert kept.outcome is Outcome.FAULTY
    assert run(["check", "M.run.h5"]) == 5
    monkeypatch.setattr(ending, "leave", real)
    assert run(words) == 0
    assert run(["check", "M.run.h5"]) == 0


@pytest.mark.parametrize("weight", [1e5, 1e8, 1e20, 1e60])
@pytest.mark.parametrize("engine", ["direct", "auto"])
def test_a_penalty_far_above_the_loss_takes_none_of_its_digits(weight, engine):
    for seed in range(5):
        M = np.random.default_rng(seed).standard_normal((14, 9))
        result = solve(
            M, rank=3, seed=seed, objective="balanced", balance_weight=weight, max_iter=50,
            engine=engine, schedule="constant",
        )  # fmt: skip
        assert result.outcome is not Outcome.FAULTY
        loss = 0.5 * np.linalg.norm(result.U @ result.V.T - M) ** 2
        assert result.summary["loss"] == pytest.approx(loss, rel=1e-12)
