"""Runs of each method that are cut: their claims, and all else, are those of a run that was not."""

from __future__ import annotations

import matrices
import numpy as np
import pytest

from mfact.methods.choice import METHODS, PLAIN
from mfact.run.solve import resume, solve
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint

M = matrices.noisy(np.random.default_rng(2), (20, 13), [2.0, 1.0, 0.7], 0.01)
OPTIONS = {"rank": 3, "seed": 1, "schedule": "constant", "every": 1}
ENGINES = [(m, e) for m in METHODS for e in ("direct", "reduced") if (m, e) != ("adam", "reduced")]


@pytest.mark.parametrize(("method", "engine"), ENGINES)
@pytest.mark.parametrize("cut", [1, 7])
def test_claims_do_not_know_of_a_cut(method, engine, cut, tmp_path):
    options = {**OPTIONS, "method": method, "engine": engine}
    whole = solve(M, max_iter=30, **options)
    path = str(tmp_path / "run.checkpoint")
    solve(M, max_iter=cut, checkpoint=path, **options)
    parts = resume(path, M, max_iter=30)
    assert parts.claims == whole.claims
    assert (parts.outcome, parts.message) == (whole.outcome, whole.message)
    assert parts.trace.keys() == whole.trace.keys()
    for name, column in whole.trace.items():
        assert np.array_equal(column, parts.trace[name], equal_nan=True), name
    assert np.array_equal(parts.U, whole.U)
    assert np.array_equal(parts.V, whole.V)


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_checkpoint_of_before_there_were_other_methods_goes_on(engine, tmp_path):
    """Of mfact 0.11: its monitors kept nothing of them."""
    options = {**OPTIONS, "method": PLAIN, "engine": engine}
    path = str(tmp_path / "run.checkpoint")
    solve(M, max_iter=20, checkpoint=path, **options)
    arrays, document = read_checkpoint(path)
    del document["monitors"]["log-det-law"], document["monitors"]["ledger"]["line_1"]
    for name in ("momentum", "damping"):
        del document["settings"][name]
    del document["chosen"]["tuned"]
    write_checkpoint(path, arrays, document)
    assert resume(path, M, max_iter=60).claims == solve(M, max_iter=60, **options).claims
