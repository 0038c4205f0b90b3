"""A run of any method that is cut and resumed is the run that was never cut, bit for bit."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from cut_runs import Cut, assert_same, finished
from matrices import of_kind

from mfact.core import Outcome
from mfact.methods.choice import METHODS, PLAIN
from mfact.run.solve import solve

OTHERS = [name for name in METHODS if name != PLAIN]
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "auto": ("noisy", {}),
    "direct": ("noisy", {"engine": "direct"}),
    "beyond memory": ("noisy", {"max_basis_bytes": 1500}),
    "decaying": ("tie", {"schedule": "power", "max_iter": 150}),
    "balanced": ("noisy", {"objective": "balanced", "balance_weight": 0.3, "max_iter": 150}),
    "float32": ("noisy", {"dtype": "float32", "tol": 1e-5}),
    "centred": ("noisy", {"center": "columns"}),
    "escape": ("tie", {"escape": True, "tol_gradient": 1e-2, "start_scale": 1e-6}),
}


def cases():
    for method in OTHERS:
        for kind in KINDS:
            quick = (method, kind) in {("momentum", "beyond memory"), ("scaled", "auto")}
            yield pytest.param(method, kind, marks=[] if quick else pytest.mark.slow)


@cache
def whole(method: str, kind: str) -> Any:
    matrix, options = KINDS[kind]
    return solve(of_kind(matrix), rank=2, seed=1, method=method, **{"max_iter": 3000, **options})


@pytest.mark.parametrize(("method", "kind"), list(cases()))
def test_cut_at_many_steps(tmp_path, method, kind):
    matrix, options = KINDS[kind]
    M, path, uncut = of_kind(matrix), tmp_path / "run.checkpoint", whole(method, kind)
    for part in (0, 0.1, 0.35, 0.6, 0.99):
        step = int(part * uncut.summary["iterations"])
        result = solve(
            M, rank=2, seed=1, method=method, checkpoint=str(path), observers=[Cut(step)],
            signals=True, block=7, **{"max_iter": 3000, **options},
        )  # fmt: skip
        assert_same(uncut, finished(result, path, M), same_blocks=False)


@pytest.mark.slow
@pytest.mark.parametrize("method", OTHERS)
def test_each_ends_where_it_should(method):
    for kind in ("auto", "direct", "beyond memory", "centred"):
        assert whole(method, kind).outcome is Outcome.GLOBAL_OPTIMUM, kind
