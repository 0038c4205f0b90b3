"""What a gap within the tolerance is worth where the optimum is known to an error only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matrices import matrix, noisy

from mfact.core import Ledger, Outcome, Plain, State
from mfact.descent import Known
from mfact.problems.optimum import optimum_of
from mfact.run.confirm import Judge
from mfact.run.solve import resume, solve
from mfact.stopping import Stop
from mfact.theory.lemma_3_2 import GLOBAL_OPTIMUM, INCONCLUSIVE, STRICT_SADDLE

# A state of plain steps: the gap is that of its row.
STATE = State(100, (), (), Ledger((), ()), Plain())
UNKNOWN = Known()


class NoEngine:
    """One that shows nothing."""

    def sharpened(self, state, tolerance):
        return state


def met(asked):
    return Stop(0, Outcome.GLOBAL_OPTIMUM, "the gap is 1e-7", "optimum", asked)


def judged(tol, asked, error, second=1.0):
    """The stop on a gap below `asked`, and the gap to ask below from then on."""
    optimum = optimum_of([2.0, second], 1, floor=0.5 * second**2, error=2.0 * error)
    found = Judge(NoEngine(), None, tol)(STATE, met(asked), Known(optimum))
    return found.stop, found.ask_below


@pytest.mark.parametrize(
    ("kind", "ends"), [(GLOBAL_OPTIMUM, True), (STRICT_SADDLE, False), (INCONCLUSIVE, False)]
)
def test_of_an_optimum_that_is_not_known_to_the_tolerance_a_certificate_decides(
    monkeypatch, kind, ends
):
    certificate = SimpleNamespace(kind=kind, reason="seen by passes")
    monkeypatch.setattr(Judge, "certificate", lambda self, state: (state, certificate))
    found, ask_below = judged(1e-6, 1e-6, 1.01e-6)
    assert (found is not None) == ends
    if ends:
        assert (found.outcome, found.reason) == (Outcome.GLOBAL_OPTIMUM, "seen by passes")
    else:
        assert ask_below < 0  # no gap of these rows can tell more


@pytest.mark.parametrize("error", [1e-7, 0.99e-6])
def test_the_error_of_the_optimum_is_taken_off_the_tolerance(error):
    stop, needed = judged(1e-6, 1e-6, error)
    assert stop is None
    assert needed == pytest.approx(1e-6 - error)
    stop, _ = judged(1e-6, needed, error)
    assert stop == met(needed)


def test_a_tolerance_as_large_as_the_gap_of_a_saddle_is_undercut():
    stop, needed = judged(0.8, 0.8, 0.0)
    assert stop is None
    assert 0.74 < needed < 0.75  # 1 − (σ₂/σ₁)² = 3/4


def test_without_an_error_the_tolerance_stands():
    assert judged(0.7, 0.7, 0.0) == (met(0.7), 0.7)


@pytest.mark.parametrize("kind", [STRICT_SADDLE, INCONCLUSIVE])
def test_a_gap_that_no_row_shows_is_asked_for_again_later(monkeypatch, kind):
    """Nothing ends on the way past a saddle, nor where a certificate cannot tell yet."""
    certificate = SimpleNamespace(kind=kind, reason="seen by passes")
    monkeypatch.setattr(Judge, "certificate", lambda self, state: (state, certificate))
    near = Stop(0, Outcome.GLOBAL_OPTIMUM, "near", needs="gap")
    found = Judge(NoEngine(), None, 1e-6)(STATE, near, UNKNOWN)
    assert (found.state, found.stop, found.known) == (STATE, None, UNKNOWN)
    assert found.wait_until > STATE.step


@pytest.mark.parametrize("limit", [30_000, 40_000])
@pytest.mark.parametrize("optimum", [True, False])
def test_an_escape_goes_on_beyond_the_memory_of_the_bases(limit, optimum):
    rng = np.random.default_rng(1)
    M = noisy(rng, (100, 100), [3.0, 2.0, 1.0], 0.05)
    # The saddle's direction comes by passes over M there, in the size of M.
    result = solve(
        M, rank=3, seed=1, start_scale=1e-6, escape=True, max_iter=1500, tol_gradient=1e-2,
        max_basis_bytes=limit, optimum=optimum,
    )  # fmt: skip
    assert result.summary["escapes"] == 3
    assert result.outcome.exit_code == 0
    values = np.linalg.svd(M, compute_uv=False)
    excess = np.linalg.norm(result.U @ result.V.T - M) ** 2 - np.sum(values[3:] ** 2)
    assert excess <= 1e-2 * values[2] ** 2  # all three are fitted: a saddle is at σ₃² or more


@pytest.mark.parametrize("limit", [4_000, 30_000])
def test_a_fast_forward_escapes_where_its_bases_may_not_grow(tmp_path, limit):
    """Its start holds the first pair alone; where the second is, only passes over M can tell."""
    rng = np.random.default_rng(1)
    sigma = np.r_[3.0, 2.0, 0.2 * 0.97 ** np.arange(98)]
    M, left, right = matrix(rng, (100, 100), sigma)
    start = {"U": 0.3 * np.eye(100, 2), "V": 0.3 * np.eye(100, 2)}
    np.savez(tmp_path / "s.npz", U=left @ (start["U"] * [1, 0]), V=right @ (start["V"] * [1, 0]))
    options = {
        "rank": 2, "start": str(tmp_path / "s.npz"), "escape": True, "min_iter": 1100,
        "tol_gradient": 1e-6, "schedule": "power", "delta": 0.3, "force": True,
        "max_iter": 200_000,
    }  # fmt: skip
    result = solve(M, max_basis_bytes=limit, **options)
    assert (result.outcome, result.summary["escapes"]) == (Outcome.GLOBAL_OPTIMUM, 1)
    assert "basis_size" not in result.summary  # it went on by plain steps
    best = (left[:, :2] * sigma[:2]) @ right[:, :2].T
    assert np.linalg.norm(result.U @ result.V.T - best) <= 1e-4
    # Wherever it is cut, on either side of the escape, it comes to the same end.
    whole = result.summary["iterations"]
    for cut in (1500, whole - 100):
        path = str(tmp_path / "c")
        solve(M, max_basis_bytes=limit, checkpoint=path, **{**options, "max_iter": cut})
        again = resume(path, M, max_iter=200_000)
        assert again.summary["iterations"] == whole
        assert np.array_equal(again.U, result.U)
