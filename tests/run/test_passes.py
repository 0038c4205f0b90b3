"""`passes` of a run is what a counter of one's own round M counts."""

import numpy as np
import pytest
from matrices import noisy

from mfact.core import Outcome
from mfact.run import checkpoint as resuming
from mfact.run.solve import resume, solve
from mfact.targets.dense import DenseTarget


class Counting(DenseTarget):
    calls = 0

    def products(self, U, V):
        self.calls += 1
        return super().products(U, V)

    def normal(self, U, V):
        self.calls += 1
        return super().normal(U, V)

    def residual_norm(self, U, V):
        self.calls += 1
        return super().residual_norm(U, V)


def made(sigma, noise=0.0, shape=(14, 11)):
    return noisy(np.random.default_rng(1), shape, sigma, noise)


NOISY, TIE = made([3.0, 2.0], 0.05), made([3.0, 2.0, 1.9])
LARGER = made([3.0, 2.0], 0.05, (60, 50))
CONSTANT = {"rank": 2, "schedule": "constant"}
ESCAPE = {**CONSTANT, "escape": True, "tol_gradient": 1e-2, "start_scale": 1e-6}
# Name -> matrix, options, and how the run ends: or else it would not show what it is named for.
RUNS = {
    "direct": (NOISY, {**CONSTANT, "engine": "direct"}, "GLOBAL_OPTIMUM"),
    "direct, no optimum": (
        NOISY, {**CONSTANT, "engine": "direct", "optimum": False}, "GLOBAL_OPTIMUM"),
    "direct, to rounding": (
        TIE[:, :2] @ np.eye(2), {**CONSTANT, "engine": "direct"}, "GLOBAL_OPTIMUM"),
    "direct, few steps": (NOISY, {**CONSTANT, "max_iter": 2}, "ITERATION_LIMIT"),
    "direct, escape": (TIE, {**ESCAPE, "engine": "direct"}, "GLOBAL_OPTIMUM"),
    "direct, diverging": (NOISY, {**CONSTANT, "engine": "direct", "step_size": 0.9}, "DIVERGED"),
    "reduced": (NOISY, CONSTANT, "GLOBAL_OPTIMUM"),
    "reduced, no optimum": (NOISY, {**CONSTANT, "optimum": False}, "GLOBAL_OPTIMUM"),
    "reduced, escape": (TIE, ESCAPE, "GLOBAL_OPTIMUM"),
    "reduced, exact rank": (made([3.0, 2.0]), CONSTANT, "GLOBAL_OPTIMUM"),
    "spectral start": (NOISY, {**CONSTANT, "start": "spectral"}, "GLOBAL_OPTIMUM"),
    "beyond memory": (LARGER, {**CONSTANT, "max_basis_bytes": 15_000}, "GLOBAL_OPTIMUM"),
    "rank 1": (NOISY, {"rank": 1}, "GLOBAL_OPTIMUM"),
    "fast-forward": (NOISY, {"rank": 2, "delta": 0.3}, "GLOBAL_OPTIMUM"),
    "fast-forward, no optimum": (NOISY, {"rank": 2, "optimum": False}, "GLOBAL_OPTIMUM"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_passes_are_counted(name):
    M, options, outcome = RUNS[name]
    target = Counting(M)
    result = solve(target, seed=1, **options)
    assert result.outcome.name == outcome
    assert result.summary["passes"] == target.calls > 0
    rows = result.trace["passes"]
    assert np.all(np.diff(rows) >= 0)
    assert rows[-1] <= target.calls
    if name.startswith("direct"):
        assert np.array_equal(rows - rows[0], result.trace["step"])
    assert ("escapes" in result.summary) == ("escape" in name)
    assert ("plain_steps" in result.summary) == ("fast-forward" in name)
    notes = " ".join(result.summary.get("notes", []))
    assert ("the basis reached its limit" in notes) == (name == "beyond memory")


@pytest.mark.parametrize(
    ("name", "limit", "every", "step_size"),
    [
        ("direct", 100, 40, 0.02),
        ("reduced", 100, 10, 0.02),
        ("beyond memory", 70, 10, 0.05),
        ("fast-forward", 20_000, 300, None),
    ],
)
def test_parts_of_a_run_are_added_and_the_fingerprint_of_the_matrix_is_not(
    tmp_path, monkeypatch, name, limit, every, step_size
):
    M, options, outcome = RUNS[name]
    path = str(tmp_path / "c.h5")
    first, at_writing = Counting(M), []
    real = resuming.write_checkpoint

    def write(*args):
        real(*args)
        at_writing.append(first.calls)

    monkeypatch.setattr(resuming, "write_checkpoint", write)
    part = solve(first, seed=1, checkpoint=path, checkpoint_every=str(every), force=True,
                 max_iter=limit, step_size=step_size, **options)  # fmt: skip
    assert part.outcome is Outcome.ITERATION_LIMIT
    assert len(at_writing) > 1
    # This target takes its sums beside the norm, for which no product is counted here either.
    assert part.summary["passes"] == first.calls
    saved = resuming.read(path)
    assert saved.document["passes"] == at_writing[-1]

    second = Counting(M)
    went_on = resume(saved, second, max_iter=10**7)
    assert went_on.outcome.name == outcome
    assert went_on.summary["passes"] == saved.document["passes"] + second.calls
