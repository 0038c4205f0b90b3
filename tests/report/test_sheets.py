"""CSV: read back, the same numbers."""

from __future__ import annotations

import csv
import io

import numpy as np
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st

from mfact.report.sheets import claim_rows, sheet, trace_rows

CELLS = st.none() | st.integers() | st.floats(allow_nan=False) | st.text('a,"\n ‖é')


@given(st.lists(st.fixed_dictionaries({"a": CELLS, "b, c": CELLS}), min_size=1))
def test_what_is_written_is_read_back(rows):
    text = "".join(sheet(rows))
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert found == [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]


def test_the_trace_keeps_every_digit():
    made = handmade(trace={"step": np.arange(3), "gap": np.array([1 / 3, np.nan, 1e-300])})
    found = list(csv.reader(io.StringIO("".join(sheet(trace_rows(made))))))
    assert found[0] == ["step", "gap"]
    assert [row[0] for row in found[1:]] == ["0", "1", "2"]
    assert float(found[1][1]) == 1 / 3
    assert (found[2][1], float(found[3][1])) == ("", 1e-300)


def test_claims_are_rows():
    found = list(csv.DictReader(io.StringIO("".join(sheet(claim_rows(handmade().claims))))))
    assert [row["claim"] for row in found] == ["lemma-3.1-i", "theorem-3.2"]
    assert found[1]["verdict"] == "hypotheses not met"
