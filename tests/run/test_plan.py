"""From names to objects: what is chosen, and each refusal with its way out."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import gaussian, matrix

from mfact.errors import SettingsError
from mfact.options import flag
from mfact.problems.factorization import Factorization
from mfact.run.refusals import check, resolved_schedule
from mfact.run.seeds import with_seed
from mfact.run.start import begin
from mfact.settings import RunSettings
from mfact.targets.dense import DenseTarget

SIGMA = np.r_[4.0, 3.0, 2.0, np.linspace(1, 0.1, 12)]
M, PHI, PSI = matrix(np.random.default_rng(0), (40, 30), SIGMA)
TARGET = DenseTarget(M)


def build(settings):
    return begin(settings, Factorization(TARGET, settings.weight))


def settings(rank=3, **options):
    return RunSettings(rank=rank, seed=1, **options)


@pytest.mark.parametrize(
    ("options", "wrong", "way_out"),
    [
        ({"rank": 0}, "rank is 0", "at least 1"),
        ({"rank": -2}, "rank is -2", "at least 1"),
        ({"rank": 31}, "above min", "-r 30 or less"),
        ({"objective": "convex"}, "--objective is 'convex'", "plain, balanced"),
        ({"engine": "gpu"}, "--engine is 'gpu'", "auto, direct, reduced"),
        ({"schedule": "cosine"}, "--schedule is 'cosine'", "power"),
        ({"method": "newton"}, "--method is 'newton'", "gradient-descent"),
        ({"dtype": "float16"}, "--dtype is 'float16'", "float64, float32"),
        ({"fast_forward": "on"}, "--fast-forward is 'on'", "auto, off"),
        ({"schedule": "theorem-3.2"}, "for rank 1", "--schedule constant, or -r 1"),
        ({"step_size": 0.0}, "--step-size is 0", "positive"),
        ({"step_size": float("nan")}, "--step-size is nan", "finite"),
        ({"start_scale": -1.0}, "--start-scale is -1", "positive"),
        ({"start_ratio": float("inf")}, "--start-ratio is inf", "finite"),
        ({"max_time": 0.0}, "--max-time is 0", "positive"),
        ({"c_step": -0.1}, "--c-step is -0.1", "positive"),
        ({"ff_tol": 0.0}, "--ff-tol is 0", "positive"),
        ({"tol": -1e-3}, "--tol is -0.001", "at least 0"),
        ({"tol_residual": float("nan")}, "--tol-residual is nan", "at least 0"),
        ({"tol_gradient": -1.0}, "--tol-gradient is -1", "at least 0"),
        ({"balance_weight": -1.0}, "--balance-weight is -1", "at least 0"),
        ({"max_iter": -1}, "--max-iter is -1", "at least 0"),
        ({"every": 0}, "--every is 0", "at least 1"),
        ({"patience": 0}, "--patience is 0", "at least 1"),
        ({"threads": 0}, "--threads is 0", "at least 1"),
        ({"max_basis_bytes": 0}, "--max-basis-bytes is 0", "at least 1"),
        ({"delta": 0.0}, "--delta is 0", "at most 0.5"),
        ({"delta": 0.51}, "--delta is 0.51", "at most 0.5"),
        ({"min_iter": 10, "max_iter": 5}, "--min-iter 10 is above --max-iter 5", "--max-iter"),
    ],
)
def test_refusals(options, wrong, way_out):
    with pytest.raises(SettingsError) as error:
        check(RunSettings(**{"rank": 3, **options}), (40, 30))
    assert wrong in error.value.sentence
    assert way_out in error.value.way_out
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)


def test_a_negative_seed():
    with pytest.raises(SettingsError, match="--seed is -1"):
        check(RunSettings(rank=3, seed=-1), (40, 30))


@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ({"balance_weight": 2.0}, "--objective balanced"),
        ({"delta": 0.1, "schedule": "constant"}, "--schedule power"),
        ({"eps": 0.1, "schedule": "power"}, "--schedule theorem-3.1"),
        ({"c_step": 0.2, "schedule": "constant", "rank": 1}, "--schedule theorem-3.2"),
        ({"step_size": 0.2, "schedule": "certified"}, "--schedule constant"),
        ({"start_ratio": 9.0}, "--start unbalanced"),
        ({"start_scale": 0.1, "start": "old.npz"}, "--start gaussian"),
        ({"seed": 4, "start": "old.npz"}, "--start gaussian"),
        ({"ff_tol": 1e-6, "fast_forward": "off"}, "--fast-forward auto"),
        ({"max_basis_bytes": 10**9, "engine": "direct"}, "--engine reduced"),
    ],
)
def test_no_option_is_ignored(options, way_out):
    """Given by the user it is refused; by default alone it is nothing to refuse."""
    given = RunSettings(**{"rank": 3, **options})
    check(given, (40, 30))
    (name, *_) = options
    with pytest.raises(SettingsError, match="has no meaning") as error:
        check(given, (40, 30), explicit=[name])
    assert flag(name) in error.value.sentence
    assert way_out in error.value.way_out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"rank": 1}, "theorem-3.2"),
        ({"rank": 1, "objective": "balanced"}, "constant"),
        ({"rank": 1, "step_size": 0.1}, "constant"),
        ({"rank": 2}, "power"),
        ({"rank": 2, "step_size": 0.1}, "power"),
        ({"rank": 2, "schedule": "certified"}, "certified"),
    ],
)
def test_auto_is_the_papers_choice(options, expected):
    assert resolved_schedule(RunSettings(**options)) == expected


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 4.0])
def test_default_steps_are_safe_for_their_objective(weight):
    options = {"objective": "balanced", "balance_weight": weight} if weight else {}
    limit = 1 / (max(1.0, weight) * SIGMA[0])
    constant = build(settings(schedule="constant", **options))
    assert constant.schedule(0) == pytest.approx(0.5 * limit, rel=1e-4)
    power = build(settings(schedule="power", delta=0.2, **options))
    assert power.schedule(0) == pytest.approx(0.3 * limit, rel=1e-4)
    assert power.schedule(9) / power.schedule(0) == pytest.approx(10**-0.7)


def test_schedules_of_the_theorems():
    m = float(np.linalg.norm(M))
    one = build(settings(schedule="theorem-3.1", eps=0.3))
    assert one.schedule(1) == pytest.approx(np.sqrt(0.3 / 3) / (200 * m**1.5))
    assert one.scale == pytest.approx(np.sqrt(0.3) / 40)
    two = build(settings(rank=1, schedule="theorem-3.2", c_step=0.2))
    assert two.schedule(5) == pytest.approx(0.2 / SIGMA[0], rel=1e-4)
    three = build(settings(schedule="certified"))
    assert three.schedule(0) == pytest.approx(min(1 / (12 * m), 0.1 / (2 * m)))
    with pytest.raises(SettingsError, match="0 < ε <"):
        build(settings(schedule="certified", eps=2 * m))


@pytest.mark.parametrize("start", ["gaussian", "balanced", "unbalanced", "spectral"])
@pytest.mark.parametrize("rank", [1, 3, 30])
def test_sigma_1_within_its_error(start, rank):
    plan = build(settings(rank=rank, start=start, schedule="constant"))
    assert -1e-14 <= SIGMA[0] - plan.sigma_1 <= plan.sigma_1_error + 1e-13
    assert plan.sigma_1 == pytest.approx(SIGMA[0], rel=1e-5)
    assert plan.point.U.shape == (40, rank)


def test_spectral_start_holds_the_leading_pairs():
    plan = build(settings(start="spectral", start_scale=0.5, schedule="constant"))
    expected = 0.25 * (PHI[:, :3] * SIGMA[:3]) @ PSI[:, :3].T
    assert np.allclose(plan.point.U @ plan.point.V.T, expected, atol=1e-8)
    inside = plan.basis.left.basis @ (plan.basis.left.basis.T @ plan.point.U)
    assert np.allclose(inside, plan.point.U, atol=1e-14)


def given(folder, U, V):
    np.savez(folder / "start.npz", U=U, V=V)
    return str(folder / "start.npz")


def test_a_given_start_is_taken_as_it_is(tmp_path):
    rng = np.random.default_rng(3)
    point = gaussian(rng, M.shape, 3, 0.1)
    plan = build(RunSettings(rank=3, start=given(tmp_path, *point), schedule="constant"))
    assert np.array_equal(plan.point.U, point.U)
    assert plan.scale is None
    # It may miss the leading vectors; σ₁ must not.
    missing = given(tmp_path, PHI[:, 5:8], PSI[:, 5:8])
    plan = build(RunSettings(rank=3, start=missing, schedule="constant"))
    assert plan.sigma_1 == pytest.approx(SIGMA[0], rel=1e-5)


def test_a_given_start_of_another_size(tmp_path):
    start = given(tmp_path, *gaussian(np.random.default_rng(0), M.shape, 3, 1.0))
    with pytest.raises(SettingsError, match="M is 40×30 and the rank is 2"):
        build(RunSettings(rank=2, start=start))


def test_seeds_are_drawn_where_none_is_given():
    one, two = with_seed(RunSettings(rank=1)), with_seed(RunSettings(rank=1))
    assert one.seed != two.seed
    assert with_seed(RunSettings(rank=1, seed=5)).seed == 5


def test_a_start_is_a_kind_or_a_file_that_is_there(tmp_path):
    with pytest.raises(SettingsError, match="nor a file"):
        build(RunSettings(rank=3, start=str(tmp_path / "none.npz")))
