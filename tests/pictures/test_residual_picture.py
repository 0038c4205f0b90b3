"""The picture of the residual draws what was found, and names the worst."""

from __future__ import annotations

import numpy as np
import pytest

from mfact.pictures.drawing import Dots, Line
from mfact.pictures.residual import MOST_DOTS, NAMED, residual
from mfact.run.solve import solve
from mfact.studies.differing import Subject
from mfact.studies.residual import Along, Residual

RUN = solve(np.diag([2.0, 1.0]), rank=1, seed=1, schedule="constant")


def found(rows, columns=7, zero=()):
    rng = np.random.default_rng(rows)
    sizes = rng.uniform(1, 2, rows)
    sizes[list(zero)] = 0
    return Residual(
        Along(sizes, rng.uniform(0.1, 1, rows)),
        Along(np.ones(columns), np.arange(1.0, columns + 1)),
    )


def drawn(panel):
    return next(mark for mark in panel.marks if isinstance(mark, Dots | Line))


def test_a_few_rows_stand_at_their_index():
    each = found(20)
    rows, columns = residual(Subject("a.h5", RUN), each).panels
    assert np.array_equal(drawn(rows).x, np.arange(20))
    assert np.array_equal(drawn(rows).y, each.rows.residuals / each.rows.sizes)
    assert np.array_equal(drawn(columns).y, np.arange(1.0, 8.0))
    assert rows.marks[0].at == pytest.approx(each.relative)


def test_many_go_from_the_worst_to_the_best():
    each = found(MOST_DOTS + 1)
    rows, _ = residual(Subject("a.h5", RUN), each).panels
    assert np.array_equal(drawn(rows).y, np.sort(each.rows.relative)[::-1])
    assert "worst" in rows.x.label


def test_the_worst_are_named_and_rows_of_zeros_counted():
    each = found(20, zero=(3, 4))
    notes = residual(Subject("a.h5", RUN), each).notes
    place = int(np.nanargmax(each.rows.relative))
    assert notes[0].startswith(f"worst rows: {place} (")
    assert notes[0].count("(") == NAMED
    assert notes[1].startswith("worst columns: 6 (7)")
    assert "2 rows of zeros are not drawn" in notes
