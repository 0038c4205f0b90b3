"""A run of a matrix less its means that is cut and goes on is the one that was never cut."""

from __future__ import annotations

import numpy as np
import pytest
from centred_by_hand import KINDS
from cut_runs import EXAMPLES, Cut, assert_same, assert_same_array, finished
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import of_kind

from mfact.core import Outcome
from mfact.errors import StorageError
from mfact.matrices.source import open_matrix
from mfact.run.checkpoint import read
from mfact.run.solve import resume, solve
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.targets import streamed
from mfact.targets.door import held

CONSTANT = {"rank": 2, "schedule": "constant", "seed": 1, "modes": "on"}
OPTIONS = {
    "reduced": {**CONSTANT, "engine": "reduced"},
    "direct": {**CONSTANT, "engine": "direct"},
    "decaying": {"rank": 2, "seed": 1},
    "balanced": {**CONSTANT, "objective": "balanced"},
    "float32": {**CONSTANT, "dtype": "float32", "tol": 1e-4},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPTIONS)
@settings(max_examples=EXAMPLES)
@given(mean=st.sampled_from([0.5, 1e3]), share=st.floats(0, 1))
def test_cut_at_any_step(tmp_path_factory, kind, name, mean, share):
    A, path = of_kind("noisy") + mean, tmp_path_factory.mktemp("cut") / "c.h5"
    options = {**OPTIONS[name], "center": kind}
    whole = solve(A, **options)
    cut = Cut(share * whole.trace["step"][-1])
    result = solve(A, checkpoint=str(path), observers=[cut], signals=True, **options)
    went_on = finished(result, path, A)
    assert_same(whole, went_on, same_blocks=False)
    assert_same_array("mean", whole.mean, went_on.mean)


@pytest.fixture
def in_file(tmp_path, monkeypatch):
    """The matrix and its file, each pass of which is several slabs."""
    monkeypatch.setattr(streamed, "SLAB_BYTES", 600)

    def at(A):
        path = str(tmp_path / "A.npy")
        np.save(path, A)
        return lambda: held(open_matrix(path), "float64").streamed()

    return at


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", KINDS)
def test_in_its_file(kind, order, in_file, tmp_path):
    matrix = in_file(np.asarray(of_kind("noisy") + 30.0, order=order))
    options, kept = {**CONSTANT, "center": kind}, str(tmp_path / "c.h5")
    whole = solve(matrix(), **options)
    for steps in (1, 20):
        cut = solve(matrix(), checkpoint=kept, max_iter=steps, **options, engine="reduced")
        assert cut.outcome is Outcome.ITERATION_LIMIT
        went_on = resume(kept, matrix(), max_iter=10**6)
        assert went_on.problem["held"] == "in its file"
        for part in ("U", "V", "mean"):
            assert_same_array(part, getattr(whole, part), getattr(went_on, part))
        assert went_on.summary["passes"] == whole.summary["passes"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_holds_claims_to_goes_on_too(kind, tmp_path):
    """The rounding of A is known after a cut as before: no claim is broken by it."""
    A, kept = of_kind("noisy") + 1e6, str(tmp_path / "c.h5")
    options = {**CONSTANT, "center": kind}
    facts = [told(lambda see: solve(A, observers=[see], **options))]
    solve(A, checkpoint=kept, max_iter=9, **options, engine="reduced")
    facts.append(told(lambda see: resume(kept, A, max_iter=10**6, observers=[see])))
    assert facts[0].offset == facts[1].offset > 1e6
    assert facts[0].unit == facts[1].unit > 1e-11
    assert facts[0].unit_of_step == facts[1].unit_of_step


def told(run):
    """What an observer of a run is told of it."""
    seen = []

    class See:
        def start(self, facts):
            seen.append(facts)

        def segment(self, rows):
            pass

        def stop(self, result):
            pass

    run(See())
    return seen[0]


def test_another_matrix_or_one_that_was_centred_otherwise_is_refused(tmp_path):
    A, kept = of_kind("noisy") + 5.0, str(tmp_path / "c.h5")
    solve(A, checkpoint=kept, max_iter=5, center="columns", **CONSTANT)
    changed = A.copy()
    changed[3, 4] += 1e-3
    for other in (A.T.copy(), A + np.arange(14)[:, None], changed):
        with pytest.raises(StorageError, match=r"another matrix: (without its means )?its "):
            resume(kept, other)
    arrays, document = read_checkpoint(kept)
    document["settings"]["center"] = "rows"
    write_checkpoint(kept, arrays, document)
    with pytest.raises(StorageError, match=r"another matrix: (without its means )?its "):
        resume(kept, A)


def test_a_checkpoint_from_before_there_were_means_goes_on_and_one_of_no_kind_is_refused(tmp_path):
    A, kept = of_kind("noisy"), str(tmp_path / "c.h5")
    solve(A, checkpoint=kept, max_iter=5, engine="reduced", **CONSTANT)
    arrays, document = read_checkpoint(kept)
    assert document["settings"].pop("center") == "none"
    write_checkpoint(kept, arrays, document)
    assert read(kept).settings.center == "none"
    went_on = resume(kept, A, max_iter=10**6)
    np.testing.assert_array_equal(went_on.U, solve(A, engine="reduced", **CONSTANT).U)
    for bad in ("both", 3, None):
        document["settings"]["center"] = bad
        write_checkpoint(kept, arrays, document)
        with pytest.raises(StorageError, match="center") as refused:
            resume(kept, A)
        assert "\n" not in str(refused.value)
