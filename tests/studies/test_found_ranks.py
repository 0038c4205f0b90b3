"""Ranks that are found for a flow, an inspection and a comparison, and the share explained."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix

from mfact.core import Outcome
from mfact.errors import SettingsError
from mfact.report.flow_tables import document, page
from mfact.report.labels import BRIEF, labelled
from mfact.report.parts import text_of
from mfact.report.terminal import Look
from mfact.report.text import share_text
from mfact.run import ranked, seen
from mfact.run.solve import solve
from mfact.run.summary import explained
from mfact.settings import FlowSettings, RunSettings
from mfact.studies.differing import Subject, differences, labels
from mfact.studies.flow import study
from mfact.studies.making import Made
from mfact.studies.prospect import prospect
from mfact.studies.variations import Refused, require_all, variations
from mfact.targets.door import held

RNG = np.random.default_rng(8)
M = matrix(RNG, (19, 13), [9.0, 7.0, 5.0, 0.3, 0.2, 0.1])[0]
NOISE = RNG.standard_normal((19, 13))
ASKED = RunSettings(rank="90%", seed=4, schedule="constant")


@pytest.mark.parametrize(("wish", "rank"), [("90%", 3), ("auto", 6), ("100%", 6), ("50%", 1)])
def test_a_flow_is_that_of_the_number(wish, rank):
    one, other = (study(M, FlowSettings(rank=r, seed=1, points=3)) for r in (wish, rank))
    assert one.rank == one.settings.rank == rank
    assert one.flow.scalars == other.flow.scalars
    docs = document(one, "M"), document(other, "M")
    assert docs[0]["rank"]["wish"] == wish
    assert docs[1]["rank"] is None
    assert docs[0]["flow"] == docs[1]["flow"]
    assert f"{rank}, {docs[0]['rank']['why']}" in text_of(page(docs[0]), Look())


def test_a_flow_of_no_gap_is_refused():
    with pytest.raises(SettingsError, match="use --rank 95%"):
        study(NOISE, FlowSettings(rank="auto"))


@pytest.mark.parametrize(("wish", "rank"), [("90%", 3), ("auto", 6), ("50%", 1)])
def test_a_forecast_is_for_the_rank_that_is_found(wish, rank):
    one, other = prospect(M, rank=wish), prospect(M, rank=rank)
    assert one.forecast.schedules == other.forecast.schedules
    assert (one.forecast.rank, other.forecast.why) == (rank, None)
    assert one.forecast.why
    with pytest.raises(SettingsError, match="no clear"):
        prospect(NOISE, rank="auto")


def test_a_forecast_of_a_large_matrix_knows_the_values_that_it_needs(monkeypatch):
    for module in (ranked, seen):
        monkeypatch.setattr(module, "FULL_UP_TO", 20)
    A = RNG.standard_normal((90, 70))
    found = prospect(A, rank="90%", leading=5)
    sigma = np.linalg.svd(A, compute_uv=False)
    rank = int(np.argmax(np.cumsum(sigma**2) >= 0.9 * np.sum(sigma**2))) + 1
    assert found.forecast.rank == rank
    assert len(found.singular_values) == rank + 1


def compared(settings, varied, A=M):
    runs, reads = variations(settings, varied, ["rank"]), []

    def hold(kind):
        reads.append(kind)
        return held(A, kind)

    def one(matrix, run, found):
        return solve(matrix, run.settings, found=found, sources={"rank": "flag"})

    require_all(held(A, "float64"), runs, ["rank"])
    return [*Made(hold, runs, one)], reads


def test_all_runs_of_a_comparison_have_the_rank_that_is_found_once(monkeypatch):
    looks = []
    real = ranked.look
    monkeypatch.setattr(ranked, "look", lambda *given: looks.append(1) or real(*given))
    found, reads = compared(ASKED, {"seed": (1, 2), "dtype": ("float64", "float32")})
    assert (len(looks), reads) == (2, ["float64", "float32"])
    for each in found[::2]:
        alone = solve(M, ASKED, seed=each.run.settings["seed"]["value"])
        assert np.array_equal(each.run.U, alone.U)
        assert each.run.settings["rank"] == {"value": "90%", "source": "flag", "used": 3}
        assert each.run.summary["passes"] == alone.summary["passes"]
        assert each.run.summary["notes"] == alone.summary["notes"]


def test_ranks_that_are_varied_are_told_by_their_numbers():
    found, _ = compared(ASKED, {"rank": ("50%", "90%", 2)})
    assert [each.name for each in found] == ["rank=50%", "rank=90%", "rank=2"]
    assert differences(found) == {"rank": ["1", "3", "2"]}
    assert labels(found) == ["rank 1", "rank 3", "rank 2"]
    alike = [Subject(name, solve(M, ASKED, rank=r)) for name, r in (("a", "90%"), ("b", 3))]
    assert differences(alike) == {}


def test_a_rank_that_is_not_found_ends_the_comparison_or_takes_the_place_of_its_run():
    with pytest.raises(SettingsError, match="no clear"):
        compared(RunSettings(rank="auto", schedule="constant"), {"seed": (1, 2)}, NOISE)
    found, _ = compared(ASKED, {"rank": ("auto", 2)}, NOISE)
    assert [type(each) for each in found] == [Refused, Subject]
    assert "no clear" in str(found[0].error)


def test_options_that_hang_on_the_rank_are_kept_for_it():
    asked = RunSettings(rank="90%", seed=1, delta=0.1)
    assert [run.left for run in variations(asked, {"seed": (1,)}, ["rank", "delta"])] == [()]


@given(st.floats(0, 2))
def test_the_share_explained_is_never_more_than_there_is(residual):
    share = explained(residual)
    assert share == pytest.approx(1 - residual**2, abs=1e-15)
    assert (share == 1) == (residual == 0)
    text = share_text(share)
    assert (text == "100 %") == (residual == 0)
    shown = float(text.removesuffix(" %"))
    assert shown <= 100 * share + 1e-9
    assert 100 * share - shown < 0.0101


@pytest.mark.parametrize("options", [{}, {"engine": "direct"}, {"dtype": "float32"}])
def test_a_run_tells_the_share_that_its_factors_explain(options):
    run = solve(NOISE, rank=3, seed=1, schedule="constant", max_iter=300, **options)
    rest = np.linalg.norm(run.U.astype(float) @ run.V.T - NOISE) / np.linalg.norm(NOISE)
    assert run.summary["explained"] == pytest.approx(1 - rest**2, rel=1e-5)
    told = dict(labelled(run.summary, BRIEF, only=True))
    assert told["explained of ‖M‖_F²"] == share_text(run.summary["explained"])


def test_of_a_run_that_diverged_it_may_be_less_than_nothing():
    run = solve(M, rank=2, seed=1, schedule="constant", step_size=1.0)
    assert run.outcome is Outcome.DIVERGED
    share = run.summary.get("explained")
    assert share is None or math.isnan(share) or share < 1
