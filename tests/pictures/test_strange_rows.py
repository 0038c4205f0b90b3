"""Whatever numbers a file has in its rows, there is a picture, or a refusal in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from drawn_runs import printed, subject
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import MfactError
from mfact.pictures.balance import balance
from mfact.pictures.convergence import convergence
from mfact.pictures.ledger import ledger
from mfact.pictures.names import X
from mfact.pictures.spectrum import spectrum
from mfact.studies.differing import Subject
from mfact.trace import COLUMNS

STRANGE = [0.0, -1.0, 1e-320, 1e300, 1.7e308, -1e300, np.inf, -np.inf, np.nan, 1.0, 1e-9]


class Told(NamedTuple):
    """Columns of any numbers, the steps ascending, and two numbers of the summary."""

    trace: dict
    summary: dict
    seed: int

    @property
    def subject(self):
        run = subject("constant", self.seed).run
        trace = {name: np.array(values) for name, values in self.trace.items()}
        return Subject("a", replace(run, trace=trace, summary={**run.summary, **self.summary}))


@st.composite
def strange(draw):
    """As a reader of files lets them through."""
    count = draw(st.integers(1, 6))
    steps = st.lists(st.sampled_from([0.0, 1.0, 7.0, 1e6, 1e16, 1e300, np.inf]),
                     min_size=count, max_size=count)  # fmt: skip
    names = draw(st.lists(st.sampled_from(sorted(set(COLUMNS) - {"step"})), unique=True))
    values = st.lists(st.sampled_from(STRANGE), min_size=count, max_size=count)
    trace = {"step": sorted(draw(steps))} | {name: draw(values) for name in names}
    bound = draw(st.sampled_from([None, 0.0, 1e-9, 1e300]))
    residual = draw(st.sampled_from([None, 0.0, 0.5, 2.0, 1e300]))
    summary = {"gap_bound": bound, "relative_residual": residual}
    return Told(trace, summary, draw(st.integers(1, 2)))


@pytest.mark.parametrize("kind", [convergence, balance, ledger])
@given(told=st.lists(strange(), min_size=1, max_size=3), x=st.sampled_from(X))
def test_rows_are_drawn_or_refused(kind, told, x):
    refusal = ""
    try:
        assert printed(kind([each.subject for each in told], x))
    except MfactError as error:
        refusal = str(error)
    assert "\n" not in refusal


@given(
    st.lists(st.sampled_from([0.0, 1e-300, 1.0, 1e150, 1e300]), max_size=4),
    st.sampled_from([None, 1e-300, 1.0, 1e300]),
)
def test_spectra_are_drawn(values, norm):
    run = subject("constant").run
    problem = {"singular_values": sorted(values, reverse=True), "norm": norm}
    assert printed(spectrum([Subject("a", replace(run, problem=problem))]))
