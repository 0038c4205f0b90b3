"""The page of `inspect`: whole numbers and bars in proportion at every width."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from mfact.report.machine import json_text
from mfact.report.parts import text_of
from mfact.report.spectrum import bar, inspection_document, inspection_page
from mfact.report.terminal import Look
from mfact.studies.prospect import prospect

SOURCE = {
    "name": "d.npy",
    "path": "d.npy",
    "format": "npy",
    "stored_dtype": "<f8",
    "order": "C",
    "file_bytes": 1234,
}
FOUND = prospect(np.diag([8.0, 4.0, 2.0, 0.0]))


@pytest.mark.parametrize("width", [20, 39, 40, 100, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_numbers_are_whole_at_every_width(width, ascii_only):
    text = text_of(inspection_page(FOUND, SOURCE), Look(width=width, ascii_only=ascii_only))
    for number in ("8.000000e+00", "4.000000e+00", "2.000000e+00", "0.000000e+00"):
        assert number in text
    assert "…" not in text
    assert text.isascii() or not ascii_only
    assert max(map(len, text.splitlines())) <= width


def test_bars_are_in_proportion():
    text = text_of(inspection_page(FOUND, SOURCE), Look(width=100))
    lengths = [line.count("█") for line in text.splitlines() if "e+00" in line]
    assert lengths == [50, 25, 12, 0]  # 12 and a half
    assert bar(1.0, 7) == "█" * 7


def test_what_is_not_shown_is_counted():
    text = text_of(inspection_page(FOUND, SOURCE, most=2), Look())
    assert "… and 2 more" in text
    assert "2.000000e+00" not in text


def test_a_lower_bound_is_called_one():
    from dataclasses import replace

    text = text_of(inspection_page(replace(FOUND, rank_is_exact=False), SOURCE), Look())
    assert re.search(r"numerical rank +at least 3 ", text)


def test_the_zero_matrix_has_no_step():
    text = text_of(inspection_page(prospect(np.zeros((2, 2))), SOURCE), Look())
    assert "constant step" not in text
    assert "the matrix is zero" in text


def test_the_page_says_why_there_is_no_forecast():
    noise = prospect(np.random.default_rng(1).standard_normal((300, 250)))
    assert noise.suggested_rank is None
    assert "no rank is clear, so name one with -r" in text_of(
        inspection_page(noise, SOURCE), Look()
    )
    tiny = prospect(np.diag([2e-60, 1e-60]))
    text = text_of(inspection_page(tiny, SOURCE), Look())
    assert "beyond the scales that runs take" in text
    assert "Forecast" not in text_of(inspection_page(prospect(np.zeros((2, 2))), SOURCE), Look())


def test_options_of_other_commands_are_called_by_these():
    text = text_of(inspection_page(FOUND, SOURCE), Look())
    assert "solve --engine direct" in text
    assert len(re.findall("--engine", text)) == 1


def test_document():
    back = json.loads(json_text(inspection_document(FOUND, SOURCE)))
    assert back["schema"] == "mfact-inspection/1"
    assert back["singular_values"] == [8.0, 4.0, 2.0, 0.0]
    assert back["source"] == SOURCE
    assert back["suggested_step"] == 0.0625
