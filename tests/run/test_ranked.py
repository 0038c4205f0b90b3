"""The rank that a spectrum gives, against singular values by numpy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from scipy.sparse import csr_array, random_array

from mfact.errors import SettingsError
from mfact.gradient_flow.coordinates import Svd
from mfact.krylov.values import leading_values
from mfact.run import ranked as module
from mfact.run import seen
from mfact.run.ranked import LEADING, ranked, ranked_of
from mfact.studies.inspect import inspect_matrix
from mfact.targets.door import held

SHARES = ("10%", "50%", "80%", "95%", "99%", "99.9%", "99.9999%")
CLOSE = 1e-9
"""How near a share may be to an edge that the test leaves to either side."""


def found(M, wish, dtype="float64", **room):
    target = held(M, dtype).target()
    return ranked(target, target.shape, wish, **room)


def least(sigma, wish):
    """The fewest by these values, and how far the shares are from the one that is asked for."""
    share = float(wish[:-1]) / 100
    held_by = np.cumsum(sigma**2) / np.sum(sigma**2)
    return int(np.argmax(held_by >= share * (1 - 1e-15))) + 1, np.min(np.abs(held_by - share))


@given(
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
    st.integers(0, 2**32),
    st.floats(0.0, 4.0),
    st.sampled_from(SHARES),
    st.sampled_from(["dense", "sparse", "float32"]),
)
def test_the_fewest_that_hold_a_share(shape, seed, fall, wish, form):
    rng = np.random.default_rng(seed)
    M = matrix(rng, shape, np.exp(-fall * np.arange(min(shape)) * rng.random(min(shape))))[0]
    if form == "sparse":
        M = csr_array(M * (rng.random(shape) < 0.6) + np.eye(*shape))
    dtype = "float32" if form == "float32" else "float64"
    sigma = np.linalg.svd(np.asarray(M.toarray() if form == "sparse" else M), compute_uv=False)
    rank, off = least(sigma, wish)
    got = found(M, wish, dtype)
    if off > (1e-4 if form == "float32" else CLOSE):
        assert got.rank == rank
        assert got.why == f"the fewest that hold {wish[:-1]} % of ‖M‖_F²"
    assert rank <= got.rank <= min(shape) or off <= CLOSE or form == "float32"
    assert got.passes == 1


@pytest.mark.parametrize(
    ("sigma", "wish", "rank", "why"),
    [
        ([1.0] * 4, "50%", 3, "the fewest that surely hold 50 % of ‖M‖_F²"),
        ([3.0, 1.0], "90%", 2, "the fewest that surely hold 90 % of ‖M‖_F²"),
        ([3.0, 1.0], "89.9999%", 1, "the fewest that hold 89.9999 % of ‖M‖_F²"),
        ([3.0, 1.0], "90.0001%", 2, "the fewest that hold 90.0001 % of ‖M‖_F²"),
        ([3.0, 1.0, 0.0], "100%", 2, "the numerical rank: the rest is rounding"),
        ([3.0, 1.0], "100%", 2, "the numerical rank: the rest is rounding"),
        ([3.0, 1.0, 1e-20], "99.999999999999999%", 2, "the numerical rank: the rest is rounding"),
        ([3.0, 2.0], "99.999999999999999%", 2, "the numerical rank: the rest is rounding"),
        ([2.0], "1%", 1, "the fewest that hold 1 % of ‖M‖_F²"),
        ([100.0, 90.0, 3.0, 2.0, 2.0, 1.0], "auto", 2, "the largest gap: σ_2/σ_3 = 30"),
        ([5.0, 4.0, 0.0, 0.0], "auto", 2, "the numerical rank: the rest is rounding"),
    ],
)
def test_edges(sigma, wish, rank, why):
    got = found(np.diag(sigma), wish)
    assert (got.rank, got.why, got.wish) == (rank, why, wish)


@pytest.mark.parametrize("scale", [1e-160, 1e160])
def test_norms_whose_squares_leave_the_floats(scale):
    assert found(scale * np.diag([3.0, 2.0, 1.0]), "90%").rank == 2


def noise(shape, seed=5):
    return np.random.default_rng(seed).standard_normal(shape)


def taken(refused):
    """The share that a refusal says to ask for."""
    return re.search(r"use --rank (\S+),", str(refused.value))[1]


@pytest.mark.parametrize("M", [noise((60, 40)), np.diag(1 / np.arange(1.0, 31))])
def test_without_a_gap_auto_is_refused_with_the_reason_of_inspect_and_a_way_out(M):
    with pytest.raises(SettingsError) as refused:
        found(M, "auto")
    assert inspect_matrix(M).reason in str(refused.value)
    assert found(M, taken(refused)).why == "the fewest that hold 95 % of ‖M‖_F²"


@given(st.integers(0, 2**32), st.integers(1, 12), st.floats(0.5, 40.0))
def test_auto_is_what_inspect_suggests_for_a_gap(seed, rank, ratio):
    sigma = np.append(ratio * np.linspace(2, 1, rank), np.linspace(1, 0.5, 26 - rank))
    M = matrix(np.random.default_rng(seed), (30, 26), sigma)[0]
    seen = inspect_matrix(M)
    values = np.array(seen.singular_values)
    ratios = (values[:-1] / values[1:])[: len(values) // 2]
    if ratios.max() < 10:
        with pytest.raises(SettingsError, match="no clear"):
            found(M, "auto")
    else:
        assert found(M, "auto").rank == seen.suggested_rank == np.argmax(ratios) + 1


def test_a_matrix_of_zeros_has_no_rank_to_find():
    for wish in ("95%", "100%", "auto"):
        with pytest.raises(SettingsError, match="the matrix is zero"):
            found(np.zeros((4, 3)), wish)


@pytest.fixture
def few(monkeypatch):
    """Matrices of 30 rows are large."""
    for each in (module, seen):
        monkeypatch.setattr(each, "FULL_UP_TO", 30)


@pytest.mark.parametrize("wish", ["30%", "75%", "95%"])
def test_of_a_large_matrix_as_many_values_are_computed_as_it_takes(few, wish):
    M = noise((80, 60))
    rank, off = least(np.linalg.svd(M, compute_uv=False), wish)
    got = found(M, wish)
    assert (got.rank, off > CLOSE) == (rank, True)
    assert (rank > LEADING) == (wish != "30%")
    assert got.passes > 1


@pytest.mark.slow
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.02, 0.1, 0.3, 1.0]),
    st.sampled_from([0.0, 0.05, 0.5]),
    st.floats(1, 99),
    st.sampled_from(["dense", "float32", "columns"]),
)
def test_values_that_are_not_settled_tell_the_same_rank(seed, fall, loud, percent, form):
    rng, d = np.random.default_rng(seed), 120
    sigma = np.exp(-fall * np.arange(d)) if fall < 1 else 1 / np.sqrt(1.0 + np.arange(d))
    M = matrix(rng, (150, d), sigma)[0]
    M = M + loud * np.linalg.norm(M) / np.sqrt(M.size) * rng.standard_normal(M.shape)
    left = M - M.mean(0) if form == "columns" else M
    wish = f"{percent:.4g}%"
    rank, off = least(np.linalg.svd(left, compute_uv=False), wish)
    target = held(M, "float32" if form == "float32" else "float64")
    target = target.centred("columns" if form == "columns" else "none").target()
    with pytest.MonkeyPatch.context() as patch:
        for each in (module, seen):
            patch.setattr(each, "FULL_UP_TO", 30)
        got = ranked(target, target.shape, wish)
    assert got.rank == rank or off < (1e-5 if form == "float32" else CLOSE)


def test_a_share_that_is_told_surely_waits_for_no_digits(few):
    M = noise((200, 90)) + matrix(np.random.default_rng(3), (200, 90), [1e3, 900.0, 750.0])[0]
    got, settled = found(M, "60%"), held(M, "float64").target()
    leading_values(settled, LEADING, 30)
    assert (got.rank, got.why) == (2, "the fewest that hold 60 % of ‖M‖_F²")
    assert got.passes == 2 < settled.passes - 2
    assert found(M, "auto").passes == settled.passes


def test_the_numerical_rank_of_a_large_matrix(few):
    M = matrix(np.random.default_rng(1), (90, 80), np.linspace(2, 1, 33))[0]
    got = found(M, "100%")
    assert (got.rank, got.why) == (33, "the numerical rank: the rest is rounding")


@pytest.mark.parametrize("wish", ["95%", "100%"])
@pytest.mark.parametrize("room", [None, 1])
def test_beyond_the_limit_it_is_said_what_the_leading_hold(few, monkeypatch, wish, room):
    monkeypatch.setattr(module, "DOUBLINGS", 1)
    M = noise((80, 70))
    with pytest.raises(SettingsError) as refused:
        found(M, wish, room=room)
    text = str(refused.value)
    assert f"the leading {20 if room else 40} " in text
    assert ("there is no room to look for more" if room else "no more are looked for") in text
    count = 20 if room else 40
    sigma = np.linalg.svd(M, compute_uv=False)
    share = np.cumsum(sigma**2)[count - 1] / np.sum(sigma**2)
    if wish == "95%":
        assert f"hold {np.floor(1e4 * share) / 100:g} % of" in text
    assert taken(refused) == f"{np.floor(100 * share):.0f}%"
    assert found(M, taken(refused), room=room).rank <= count


@pytest.mark.slow
def test_what_as_many_as_are_looked_for_cannot_hold_is_refused_at_the_first_look(few, monkeypatch):
    looks, real = [], module.look
    monkeypatch.setattr(module, "look", lambda *given: looks.append(1) or real(*given))
    M = np.diag(np.append(1.2, np.ones(499)))
    with pytest.raises(SettingsError) as refused:
        found(M, "70%")
    assert "20 components hold 4.08 % of ‖M‖_F², and 320, as many as are" in str(refused.value)
    assert len(looks) == 1
    assert found(M, taken(refused)).rank == 20
    assert found(M, "60%").rank == 300


def test_the_way_out_of_a_large_one_that_holds_little(few, monkeypatch):
    monkeypatch.setattr(module, "LEADING", 1)
    monkeypatch.setattr(module, "DOUBLINGS", 0)
    M = np.diag(np.append(1.2, np.ones(199)))
    for wish in ("95%", "auto"):
        with pytest.raises(SettingsError) as refused:
            found(M, wish)
        assert re.fullmatch(r"0\.\d%", taken(refused))
        assert found(M, taken(refused)).rank == 1


def test_where_all_values_are_known_already_the_rank_is_the_same():
    M = noise((40, 30)) @ np.diag(0.8 ** np.arange(30))
    target = held(M, "float64").target()
    for wish in SHARES:
        got = ranked_of(target, Svd.of(target).sigma, wish)
        assert got[:3] == found(M, wish)[:3]
        assert got.passes == 0
    with pytest.raises(SettingsError, match="no clear gap"):
        ranked_of(target, Svd.of(target).sigma, "auto")


def test_empty_rows_and_columns_change_no_rank():
    S = random_array((40, 30), density=0.3, rng=np.random.default_rng(2)).toarray()
    wide = np.zeros((70, 60))
    wide[5:45, 10:40] = S
    for wish in SHARES:
        target = held(S, "float64").target()
        assert ranked(target, wide.shape, wish).rank == found(wide, wish).rank
