"""A network's flow as a document, a page and a sheet."""

from __future__ import annotations

import csv
import json

import pytest
from machines import NETWORKS, drawn

from mfact.report.network_flow_tables import SCHEMA, document, page, rows
from mfact.report.parts import markdown_of, text_of
from mfact.report.sheets import sheet
from mfact.report.terminal import Look
from mfact.studies.network_flow import network_flow

FOUND = network_flow(*drawn(*NETWORKS["linear"]), time=2.0, times=3)
MADE = document(FOUND, "5-4-2")


def test_the_document_is_json_and_holds_what_was_found():
    made = json.loads(json.dumps(MADE, allow_nan=False))
    assert made == MADE
    assert made["schema"] == SCHEMA
    assert made["network"]["parameters"] == 5 * 6 + 4 * 5 + 2 * 4
    assert [row["flow_time"] for row in made["flow"]] == [0, 1, 2]
    assert made["flow"][2]["loss"] == FOUND.flow.rows["loss"][2]
    assert made["flow"][2]["matrix_drift_2"] == FOUND.flow.rows["matrix_drift_2"][2]
    assert (made["outcome"], made["exit_code"]) == ("REACHED", 0)
    assert [claim["verdict"] for claim in made["claims"]] == ["holds"] * 3


def test_the_sheet_has_every_column_of_the_rows():
    lines = list(csv.DictReader("".join(sheet(rows(MADE))).splitlines()))
    assert len(lines) == 3
    assert {"flow_time", "loss", "norm_3", "difference_2", "matrix_drift_1"} <= lines[0].keys()
    assert float(lines[2]["loss"]) == MADE["flow"][2]["loss"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_fits_a_terminal(name):
    found = network_flow(*drawn(*NETWORKS[name]), time=0.1, times=3, rtol=1e-3)
    made = json.loads(json.dumps(document(found, name)))
    text = text_of(page(made), Look(width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert "the flow reached s = 0.1" in text
    assert text.count(" over s 0 to 0.1") == 2  # L and the drift
    assert all(claim.name in text for claim in found.claims)
    assert "| s | L |" in markdown_of(page(made))


def test_a_flow_that_ended_early_tells_its_way_out():
    found = network_flow(*drawn(*NETWORKS["linear"]), time=1e4, most=100)
    made = document(found, "5-4-2")
    assert made["exit_code"] == 3
    assert "--rtol" in text_of(page(made), Look(width=200))
