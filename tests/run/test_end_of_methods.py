"""How runs of each method end that do not come there: the way out is taken, and converges."""

from __future__ import annotations

import re

import matrices
import numpy as np
import pytest

from mfact.core import Outcome
from mfact.methods.choice import METHODS
from mfact.options import flag
from mfact.run.solve import solve


def matrix_of(kind):
    rng = np.random.default_rng(3)
    return {
        "exact": lambda: matrices.matrix(rng, (30, 20), [1, 0.5, 0.2])[0],
        "steep": lambda: 10 * matrices.matrix(rng, (30, 20), [1, 0.01])[0],
        "deficient": lambda: 1e-3 * matrices.matrix(rng, (30, 20), [1, 0.5])[0],
        "noise": lambda: rng.standard_normal((30, 20)),
    }[kind]()


def usual(method, M):
    return METHODS[method].step_size(float(np.linalg.norm(M, 2)), 0.0, max(M.shape))


def changed(options, message):
    """The options with what the message says after the last full stop."""
    way = message.split("; the last point before is kept. ")[1]
    given = dict(re.findall(r"--(step-size|momentum|damping) (\d[\d.e+-]*)", way))
    assert given or "eave out --" in way
    kept = {n: v for n, v in options.items() if f"eave out {flag(n)}" not in way}
    return kept | {name.replace("-", "_"): float(value) for name, value in given.items()}


def tried(M, rank, method, **options):
    """The message of a run that diverges; what it names converges."""
    common = {"rank": rank, "method": method, "seed": 1, "schedule": "constant", "force": True}
    result = solve(M, max_iter=3000, **common, **options)
    assert result.outcome is Outcome.DIVERGED
    again = solve(M, max_iter=60_000, **common, **changed(options, result.message))
    assert again.outcome is Outcome.GLOBAL_OPTIMUM, (result.message, again.message)
    return result.message


CASES = [
    *((m, {"times": k}) for m in METHODS if m != "adam" for k in (10, 100)),
    *((m, {"times": k, "momentum": 0.999}) for m in ("momentum", "nesterov") for k in (1, 5)),
    ("momentum", {"times": 5, "momentum": 0.5}),
    ("scaled", {"times": 5, "damping": 0.05}),
    ("alternating-scaled", {"times": 5, "damping": 0.05}),
    *((m, {"start_scale": 9.0}) for m in ("gradient-descent", "alternating", "momentum")),
    ("nesterov", {"start": "unbalanced", "start_ratio": 1e6}),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exact", "steep", "deficient", "noise"])
@pytest.mark.parametrize(("method", "options"), CASES)
def test_what_a_diverged_run_names_converges(method, options, kind):
    M, options = matrix_of(kind), dict(options)
    if "times" in options:
        options["step_size"] = options.pop("times") * usual(method, M)
    tried(M, 2 if kind == "steep" else 3, method, **options)


@pytest.mark.parametrize("method", ["momentum", "nesterov"])
def test_a_usual_step_whose_velocity_overshoots_is_told_a_smaller_one(method):
    message = tried(matrix_of("noise"), 3, method, momentum=0.999)
    assert "0.5 times 1/σ₁" in message
    assert message.endswith(" Use --momentum 0.8")


@pytest.mark.parametrize(
    ("method", "times", "words"),
    [
        ("alternating", 5, r"step size 5, 5 times 1/σ₁ = 1; .* Use --step-size 1$"),
        ("scaled", 10, r"step size 5 and --damping 0.5; .* Use --step-size 0.5$"),
        ("alternating-scaled", 10, r"step size 5 and --damping 0; .* Use --step-size 0.5$"),
        ("momentum", 10, r"step size 5, 5 times 1/σ₁ = 1 and --momentum 0.05; .*"
                         r" Use --step-size 0.5 --momentum 0.05$"),
    ],
)  # fmt: skip
def test_the_step_is_told_in_the_units_of_its_method(method, times, words):
    M = matrix_of("exact")
    options = {"momentum": 0.05} if method == "momentum" else {}
    options["step_size"] = times * usual(method, M)
    message = tried(M, 3, method, **options)
    assert re.search(words.replace(" --momentum 0.05$", "$"), message), message


@pytest.mark.parametrize(
    ("method", "schedule", "way"),
    [
        ("momentum", "power", "--schedule constant converges at a linear rate"),
        ("adam", "power", "use --schedule constant"),
        ("adam", "constant", "raise it, try another --step-size, or loosen --tol"),
        ("scaled", "constant", "raise it, or loosen --tol"),
    ],
)
def test_a_limit_names_what_helps(method, schedule, way):
    M = matrix_of("exact")
    result = solve(M, rank=3, method=method, schedule=schedule, seed=1, max_iter=9)
    assert result.outcome is Outcome.ITERATION_LIMIT
    assert result.message.endswith(f"; {way}")


def test_steps_on_which_a_run_bounces_to_its_limit_are_told():
    options = {"rank": 3, "method": "scaled", "seed": 1}
    result = solve(matrix_of("exact"), step_size=1.5, max_iter=400, **options)
    assert result.message.endswith("; raise it, use --step-size 0.5, or loosen --tol")
    again = solve(matrix_of("exact"), step_size=0.5, max_iter=400, **options)
    assert again.outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("method", ["scaled", "alternating-scaled"])
def test_a_run_whose_gram_matrices_leave_the_floats_diverges_as_any_other(method, engine):
    """However it gets there: no law of it asks LAPACK about what is no number."""
    for seed in range(6):
        M = matrices.noisy(np.random.default_rng(seed), (9, 7), [1, 0.5], 0.1 * (seed % 2))
        for step in (4.0, 1e3, 1e8):
            result = solve(M, rank=3, method=method, engine=engine, seed=seed, step_size=step,
                           max_iter=300, tol=0.0, force=True)  # fmt: skip
            assert result.outcome is Outcome.DIVERGED or step == 4.0
            verdicts = {claim.name: claim.verdict for claim in result.claims}
            assert verdicts["ledger"] == "holds"
            assert verdicts["log-det-law"] in ("holds", "inconclusive")


@pytest.mark.parametrize("method", [m for m in METHODS if m != "adam"])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_an_escape_begins_with_the_memories_of_step_0(engine, method):
    """From the saddle at zero by three escapes; the law holds across each."""
    M = matrices.matrix(np.random.default_rng(4), (14, 11), [3.0, 2.0, 1.0])[0]
    zero = np.zeros((14, 3)), np.zeros((11, 3))
    result = solve(M, rank=3, method=method, engine=engine, factors=zero, escape=True,
                   schedule="constant", damping=0.5 if "scaled" in method else None)  # fmt: skip
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert result.summary["escapes"] == 3
    laws = [claim for claim in result.claims if claim.name.endswith(("-law", "ledger"))]
    assert laws
    assert {claim.verdict for claim in laws} == {"holds"}
