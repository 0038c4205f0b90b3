"""Runs that are made together share a basis, and are the runs that each would be alone."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.holders import Foreign
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mfact.methods.choice import METHODS
from mfact.run.solve import solve
from mfact.settings import RunSettings
from mfact.storage.runs import write_run
from mfact.studies import making
from mfact.studies.differing import Subject
from mfact.studies.making import Made
from mfact.studies.variations import ALL, Refused, variations
from mfact.targets.door import held

SHORT = {"max_iter": 40, "tol": 1e-6}


def matrix(shape=(60, 45), rank=3, seed=7):
    rng = np.random.default_rng(seed)
    whole = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    return whole + 0.1 * rng.standard_normal(shape)


def together(M, asked, varied, **options):
    runs = variations(asked, varied)
    made = Made(
        lambda kind: held(M, kind),
        runs,
        lambda M, run, found: solve(M, run.settings, found=found, reproducible=True),
        **options,
    )
    return made, [*made]


def bits(result, path):
    write_run(path, result, reproducible=True)
    return path.read_bytes()


@pytest.mark.slow
@settings(max_examples=8, phases=[Phase.generate])  # shrinking takes minutes
@given(
    shape=st.tuples(st.integers(3, 70), st.integers(3, 70)),
    rank=st.integers(1, 3),
    seed=st.integers(0, 2**16),
    center=st.sampled_from(["none", "columns", "rows"]),
    dtype=st.sampled_from(["float64", "float32"]),
)
def test_the_file_of_a_run_does_not_tell_in_whose_company_it_was_made(
    tmp_path_factory, shape, rank, seed, center, dtype
):
    M, folder = matrix(shape, seed=seed), tmp_path_factory.mktemp("runs")
    asked = RunSettings(rank=rank, seed=seed, center=center, dtype=dtype, **SHORT)
    made, found = together(M, asked, {"method": ALL})
    assert [each.run.settings["method"]["value"] for each in found] == [*METHODS]
    for each in found:
        method = each.run.settings["method"]["value"]
        alone = solve(M, asked, method=method, reproducible=True)
        assert bits(each.run, folder / "together.h5") == bits(alone, folder / "alone.h5")
    assert made.passes.alone == sum(each.run.summary["passes"] for each in found)
    assert made.passes.taken < made.passes.alone


def test_a_user_s_target_is_multiplied_less_often_and_each_run_counts_its_own_passes():
    M, taken = matrix(), []

    class Watched(Foreign):
        def products(self, U, V):
            taken.append((U.shape[1], V.shape[1]))
            return self._held.products(U, V)

        def __init__(self, M):
            super().__init__(M)
            del self.products

    asked = RunSettings(rank=2, seed=1, schedule="constant", engine="reduced", optimum=False,
                        **SHORT)  # fmt: skip
    some = ("gradient-descent", "momentum", "scaled")
    made, found = together(Watched(M), asked, {"method": some})
    shared = len(taken)
    taken.clear()
    alone = [solve(Watched(M), asked, method=method) for method in some]
    assert shared < len(taken)
    for each, run in zip(found, alone, strict=True):
        np.testing.assert_array_equal(each.run.U, run.U)
        assert each.run.summary["passes"] == run.summary["passes"]
    assert made.passes.alone - made.passes.taken == len(taken) - shared - 2  # the sums, not passes


def test_the_rank_that_all_wish_for_is_found_once():
    asked = RunSettings(rank="95%", seed=1, schedule="constant", **SHORT)
    made, found = together(matrix(), asked, {"method": ("momentum", "nesterov")})
    assert made.passes.alone == sum(each.run.summary["passes"] for each in found)
    assert made.passes.taken < made.passes.alone


def test_nothing_is_kept_where_no_two_runs_ask_for_the_same():
    told = []
    made, found = together(
        matrix(), RunSettings(rank=2, schedule="constant"), {"seed": (1, 2)}, told=told.append
    )
    assert made.passes.taken == made.passes.alone == sum(e.run.summary["passes"] for e in found)
    assert told == []


def test_what_is_kept_is_said_and_goes_with_the_last_run_that_may_ask_for_it():
    told, kept = [], []

    class Seen(Made):
        def _one(self, M, memory, *rest):
            kept.append(memory)
            assert kept[-1].bytes == 0 or len(kept) % 2 == 0
            return super()._one(M, memory, *rest)

    runs = variations(
        RunSettings(rank=2, schedule="constant", engine="reduced", **SHORT),
        {"seed": (1, 2), "method": ("momentum", "nesterov")},
    )
    made = Seen(
        lambda kind: held(matrix(), kind),
        runs,
        lambda M, run, found: solve(M, run.settings),
        told=told.append,
    )
    assert len([*made]) == len(kept) == 4
    assert {id(each) for each in kept} == {id(kept[0])}
    assert kept[0].bytes == 0
    assert 0 < kept[0].most <= making.SMALL
    (said,) = told
    assert "a common basis is kept in" in said


def test_a_method_that_cannot_run_so_is_told_beside_the_others():
    asked = RunSettings(rank=2, seed=1, engine="reduced", **SHORT)
    _, found = together(matrix(), asked, {"method": ALL})
    assert [type(each) for each in found] == [Subject] * 6 + [Refused]
    assert "adam" in str(found[-1].error)
