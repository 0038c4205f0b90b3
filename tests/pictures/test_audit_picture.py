"""The picture of a balance: each number that is drawn is one of the document."""

from __future__ import annotations

import numpy as np
import pytest
from kept_files import balance_of

from mfact.pictures.audit import audit_balance
from mfact.pictures.drawing import Dots, Line


def column(doc, name, h, part="checkpoints"):
    values = [each["joints"][h - 1][name] for each in doc[part]]
    return np.array([np.nan if value is None else abs(value) for value in values])


def series(panel, kind=Line):
    """What is drawn somewhere, in order."""
    return [mark for mark in panel.marks if type(mark) is kind and len(mark.x)]


def relabelled(doc, count):
    """The same with so many places, of falling shares, and long names."""
    for part in (doc, *doc["checkpoints"], *doc["intervals"]):
        part["joints"] = [{**part["joints"][0], "h": h} for h in range(1, count + 1)]
    for joint in doc["joints"]:
        joint |= {"first": f"encoder.block.{joint['h']}.conv1", "second": "encoder.conv2"}
    for each in doc["checkpoints"]:
        for h, joint in enumerate(each["joints"], 1):
            joint["worst"] = 1 / h
    return doc


def test_over_the_checkpoints_each_place_has_its_columns():
    doc = balance_of(4)
    norms, apart, ratios, worst, kappa, moved = audit_balance(doc).panels
    steps = [1000, 1001, 1100, 2000]
    for h in (1, 2):
        for panel, place, name in (
            (norms, h - 1, "in"), (norms, h + 1, "out"), (apart, h - 1, "difference"),
            (ratios, h - 1, "ratio"), (worst, h - 1, "worst"),
        ):  # fmt: skip
            line = series(panel)[place]
            assert np.array_equal(line.x, steps)
            assert np.array_equal(line.y, column(doc, name, h))
        for panel, name in ((kappa, "kappa"), (moved, "moved")):
            dots = series(panel, Dots)[h - 1]
            assert np.array_equal(dots.x, steps[1:])
            assert np.array_equal(dots.y, column(doc, name, h, "intervals"), equal_nan=True)
    assert [line.label for line in series(apart)] == ["0 → 2", "2 → 4"]


def test_what_cannot_be_told_is_counted_in_a_note():
    doc = balance_of(4)
    missing = int(sum(np.isnan(column(doc, "kappa", h, "intervals")).sum() for h in (1, 2)))
    notes = audit_balance(doc).notes
    assert missing == 2
    assert "2 of 6 κ are not told: a move of more than 0.1‖w‖, or hidden by rounding" in notes
    assert doc["sentence"] in notes
    assert "worst at the end: unit 9 of 0 → 2, unit 9 of 2 → 4" in notes


def test_of_one_checkpoint_each_place_has_a_dot():
    doc = balance_of(1)
    picture = audit_balance(doc)
    assert picture.title.endswith("step-2000.safetensors")
    norms, apart, ratios, worst = picture.panels
    for panel, place, name in (
        (norms, 0, "in"), (norms, 1, "out"), (apart, 0, "difference"), (ratios, 0, "ratio"),
        (worst, 0, "worst"),
    ):  # fmt: skip
        dots = series(panel, Dots)[place]
        assert dots.y.tolist() == [column(doc, name, h)[0] for h in (1, 2)]
        assert panel.x.names == ("0 → 2", "2 → 4")
        assert dots.x.tolist() == [0, 1]


def test_without_steps_checkpoints_stand_in_their_order():
    doc = balance_of(2)
    for each, name in zip(doc["checkpoints"], ("far/best.pt", "far/last.pt"), strict=True):
        each |= {"step": None, "name": name}
    assert audit_balance(doc).panels[0].x.names == ("best.pt", "last.pt")
    for each in doc["checkpoints"]:
        each["name"] = "a" * 50
    panel = audit_balance(doc).panels[0]
    assert (panel.x.names, panel.x.label) == ((), "checkpoint")
    assert series(panel)[0].x.tolist() == [1, 2]


@pytest.mark.parametrize("count", [1, 4])
def test_of_many_places_the_worst_are_told_apart(count):
    doc = relabelled(balance_of(count), 30)
    picture = audit_balance(doc)
    named = [mark.label for mark in picture.panels[1].marks if mark.label]
    if count > 1:
        assert named == ["1", "2", "3", "4", "5", "6"]
        assert "24 more places, whose worst units are less so: grey" in picture.notes
        assert len(series(picture.panels[1])) == 30
    else:
        assert series(picture.panels[1], Dots)[0].x.tolist() == list(range(1, 31))
    assert any("6: encoder.block.6.conv1 → encoder.conv2" in note for note in picture.notes)


def test_zeros_are_not_drawn_by_powers_of_ten():
    doc = relabelled(balance_of(1), 3)
    for joint, size in zip(doc["checkpoints"][0]["joints"], (0.0, 1.0, 1e4), strict=True):
        joint["difference"] = size
    panel = audit_balance(doc).panels[1]
    assert panel.y.log
    assert np.array_equal(series(panel, Dots)[0].y, [np.nan, 1.0, 1e4], equal_nan=True)
