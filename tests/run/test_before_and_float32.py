"""What a run says before its first step, the tolerance that it can reach, and float32."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import matrix
from oracles import EPS, exact_gap

from mfact.core import Outcome
from mfact.errors import SettingsError
from mfact.run.solve import solve

MEAN = 1e6 + np.outer(np.sin(np.linspace(0, 6, 60)), np.cos(np.linspace(0, 3, 40)))


def notes_of(M, **options):
    """What is noted before the first step, and the result."""
    told = []
    result = solve(M, seed=1, note=told.append, **options)
    assert result.summary.get("notes", [])[: len(told)] == told
    return told, result


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"schedule": "constant"}, {}])
def test_what_would_crawl_is_refused_with_what_would_do(options):
    with pytest.raises(SettingsError) as refusal:
        solve(MEAN, rank=2, seed=1, refuse=True, **options)
    text = str(refusal.value)
    for way in ("use -r 1", "use --tol-residual", "use --center mean", "--force"):
        assert way in text
    assert "loosen --tol" not in text  # no gap below 1 leaves out a component
    if not options:
        return
    # Each way out was tried, with steps that take seconds and not minutes.
    assert solve(MEAN, rank=1, seed=1, refuse=True, **options).outcome is Outcome.GLOBAL_OPTIMUM
    tol = float(text.split("--tol-residual ")[1].split(",")[0])
    near = solve(MEAN, rank=2, seed=1, tol_residual=tol, optimum=False, refuse=True, **options)
    assert near.outcome is Outcome.CONVERGED
    less = solve(MEAN, rank=2, seed=1, center="mean", refuse=True, **options)
    assert less.outcome is Outcome.GLOBAL_OPTIMUM


def test_what_is_not_the_mean_is_not_called_so():
    M, _, _ = matrix(np.random.default_rng(1), (60, 40), [1e6, 1.0])
    with pytest.raises(SettingsError) as refusal:
        solve(M, rank=2, seed=1, schedule="constant", refuse=True)
    assert "use -r 1" in str(refusal.value)
    assert "mean" not in str(refusal.value)


def test_a_default_run_that_takes_far_longer_than_a_constant_step_says_so_first():
    M, _, _ = matrix(np.random.default_rng(1), (30, 20), [5.0, 2.0, 1.0])
    told, result = notes_of(M, rank=3)
    assert len(told) == 1
    assert told[0].startswith("decaying steps need about ")
    assert "--schedule constant about " in told[0]
    sooner = solve(M, rank=3, seed=1, schedule="constant")
    decades = result.summary["log10_iterations"] - np.log10(sooner.summary["iterations"])
    assert decades > 1.5  # the note speaks from two decades of forecast on
    assert notes_of(M, rank=3, schedule="power")[0] == []  # chosen, so known
    assert notes_of(M, rank=3, schedule="constant")[0] == []
    assert notes_of(matrix(np.random.default_rng(1), (30, 20), [1.0])[0], rank=1)[0] == []


def test_a_rank_above_the_signal_is_told_the_rank_and_the_tolerance_that_would_do():
    sigma = np.r_[4.0, 3.0, 2.0, np.full(3, 1e-3)]
    M, _, _ = matrix(np.random.default_rng(1), (30, 20), sigma)
    told, _ = notes_of(M, rank=5, schedule="constant", max_iter=2000)
    assert len(told) == 1
    assert "use -r 3" in told[0]
    tol = float(told[0].split("--tol-residual ")[1])
    assert tol == pytest.approx(1.1 * np.linalg.norm(sigma[3:]) / np.linalg.norm(sigma), rel=1e-2)
    assert solve(M, rank=5, seed=1, schedule="constant", tol_residual=tol).outcome.exit_code == 0
    assert solve(M, rank=3, seed=1, schedule="constant").outcome is Outcome.GLOBAL_OPTIMUM
    assert notes_of(M, rank=3, schedule="constant", max_iter=2000)[0] == []


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_tolerance_that_rounding_would_hide_is_lifted_or_refused(engine):
    """ε²‖M‖²/σ₂² in float32, where ‖M‖/σ₂ is about 1000: 1.4e-8."""
    M, _, _ = matrix(np.random.default_rng(1), (30, 20), [1.0, 1e-3])
    least = (2.0**-23 / 1e-3) ** 2
    options = {"rank": 2, "schedule": "constant", "dtype": "float32", "engine": engine,
               "max_iter": 40}  # fmt: skip
    told, result = notes_of(M, **options)
    assert result.settings["tol"]["value"] == 1e-10
    assert result.settings["tol"]["used"] == pytest.approx(least, rel=0.01)
    assert any(text.startswith("--tol 1e-10 is lifted to 1.4e-08") for text in told)
    given = {"sources": {"tol": "flag"}, "seed": 1, **options}
    with pytest.raises(
        SettingsError, match=r"--tol 1e-10 is below what float32 can tell, 1\.4e-08"
    ):
        solve(M, tol=1e-10, **given)
    assert solve(M, tol=1.02 * least, **given).settings["tol"].get("used") is None
    with pytest.raises(SettingsError, match="below what float32 can tell"):
        solve(M, tol=0.98 * least, **given)
    assert solve(M, tol=0.0, **given).outcome is Outcome.ITERATION_LIMIT  # asks for none


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exact rank", "noise"])
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("objective", ["plain", "balanced"])
def test_float32_is_of_the_passes_over_m_alone(kind, rank, objective):
    """Decaying steps are fast-forwarded, and end where those of float64 do, to float32."""
    sigma = np.r_[5.0, 3.0, 2.0] if kind == "exact rank" else np.r_[5.0, 3.0, 2.0, 0.1 * np.ones(9)]
    M, _, _ = matrix(np.random.default_rng(2), (60, 50), sigma)
    options = {"rank": rank, "seed": 1, "schedule": "power", "objective": objective, "tol": 1e-9}
    double = solve(M.astype(np.float32).astype(float), **options)
    single = solve(M, dtype="float32", **options)
    assert single.outcome is Outcome.GLOBAL_OPTIMUM
    assert single.U.dtype == single.V.dtype == np.float32
    # Factors of float32 leave rounding of U and V in the product.
    rounding = (2.0**-23 * np.linalg.norm(M) / sigma[rank - 1]) ** 2
    U, V = single.U.astype(float), single.V.astype(float)
    assert exact_gap(M.astype(np.float32).astype(float), U, V) <= 1e-9 + 4 * rounding
    for name in ("log10_iterations", "flow_time"):
        if name in double.summary:
            assert single.summary[name] == pytest.approx(double.summary[name], rel=0.02)
    assert ("plain_steps" in single.summary) == ("plain_steps" in double.summary)
    off = np.linalg.norm(single.trace["audit"][np.isfinite(single.trace["audit"])], np.inf)
    assert off <= 1e4 * EPS * np.linalg.norm(M)  # the ledger is kept in float64


def test_numbers_are_printed_to_the_digits_that_are_known():
    from mfact.report.run_page import RunPage
    from mfact.report.terminal import Look

    M = np.random.default_rng(1).standard_normal((60, 50))
    sigma = np.linalg.svd(M, compute_uv=False)
    result = solve(M, rank=1, seed=1, schedule="constant", tol=1e-3)
    values, errors = (np.array(result.problem[k]) for k in
                      ("singular_values", "singular_values_error"))  # fmt: skip
    assert (np.abs(values - sigma[:2]) <= errors).all()
    line = next(x for x in RunPage(result, full=True).text(Look()).splitlines() if "leading σ" in x)
    shown = line.split("leading σ")[1].strip().split(", ")
    for text, error, exact in zip(shown, errors, sigma, strict=False):
        number = text.removeprefix("at most ").split(" ")[0]
        places = len(number.partition(".")[2])
        assert abs(float(number) - exact) <= error + 10.0**-places or text.startswith("at most")
        assert 10.0**-places >= 0.1 * error
