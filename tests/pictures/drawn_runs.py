"""Small runs to draw, and the marks of their pictures by name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from matrices import noisy, of_kind

from mfact.core import NetworkResult, Outcome
from mfact.pictures.drawing import Dots, Line
from mfact.run.solve import solve
from mfact.storage.runs import read_run
from mfact.studies.differing import Subject

OLD = Path(__file__).parents[1] / "storage" / "files" / "format_1.run.h5"

CONSTANT = {"rank": 2, "schedule": "constant"}
# By what they are: constant steps, decaying ones, of 10^1000 steps and more, none, too long ones.
OPTIONS = {
    "constant": CONSTANT,
    "direct": {**CONSTANT, "engine": "direct"},
    "no gap": {**CONSTANT, "engine": "direct", "optimum": False, "max_iter": 30},
    "balanced": {**CONSTANT, "objective": "balanced", "min_iter": 300},
    "rank 1": {"rank": 1, "schedule": "constant"},
    "decaying": {"rank": 2, "delta": 0.3},
    "endless": {"rank": 2, "schedule": "theorem-3.1", "eps": 2.0},
    "none": {**CONSTANT, "max_iter": 0},
    "diverging": {**CONSTANT, "step_size": 0.9},
    "loose": {**CONSTANT, "tol": 1e-6},
}


@cache
def subject(name, seed=1):
    """The run of that name, of one noisy 14×11 matrix; seed: of its start."""
    run = solve(of_kind("noisy"), seed=seed, **OPTIONS[name])
    return Subject(f"{name}-{seed}.run.h5", run)


def old():
    return Subject(str(OLD), read_run(OLD))


def network():
    """All that a picture of matrices asks of the run of a network."""
    nothing = [{}, {}, {}, {}, {}, {}, {}, {}]
    return Subject("net.h5", NetworkResult(
        outcome=Outcome.COMPLETED, message="", **dict(zip(
            ("weights", "start", "neurons", "ties", "network", "trace", "problem", "settings"),
            nothing, strict=True)), summary={}))  # fmt: skip


@st.composite
def random_subjects(draw):
    """A short run of a random matrix, of any rank, schedule and engine."""
    seed = draw(st.integers(0, 2**16))
    shape = (draw(st.integers(2, 9)), draw(st.integers(2, 9)))
    rank = draw(st.integers(1, min(shape)))
    rng = np.random.default_rng(seed)
    M = noisy(rng, shape, np.sort(rng.uniform(0.5, 3.0, min(shape)))[::-1], 0.01)
    options = {
        "schedule": draw(st.sampled_from(["constant", "power"])),
        "engine": draw(st.sampled_from(["reduced", "direct"])),
        "objective": draw(st.sampled_from(["plain", "balanced"])),
        "every": draw(st.sampled_from([None, 1, 7])),
        "max_iter": draw(st.integers(0, 300)),
    }
    return Subject("run.h5", solve(M, rank=rank, seed=seed, force=True, **options))


def curves(panel):
    """Its lines and dots, by label."""
    return {mark.label: mark for mark in panel.marks if isinstance(mark, Line | Dots)}


def marks(panel, kind):
    return [mark for mark in panel.marks if isinstance(mark, kind)]


def drawn(values):
    """What a log axis shows of them."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def same(a, b):
    """Bit for bit, but for what is NaN."""
    return np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True)


def printed(picture):
    """Its rows as JSON, so that each is a finite number, a text or nothing."""
    return json.loads(json.dumps([*picture.rows()], allow_nan=False))
