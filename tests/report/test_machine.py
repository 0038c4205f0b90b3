"""Documents for programs: read back by the parsers that programs use."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import numpy as np
from handmade import handmade

from mfact.core import Claim, Outcome, Verdict
from mfact.report.machine import json_pieces, json_text, jsonl_pieces
from mfact.report.views import github_text, junit_text


def _refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def strict(text):
    return json.loads(text, parse_constant=_refuse)


def text_of(result, **options):
    return "".join(json_pieces(result, **options))


def test_json_holds_the_whole_result():
    result = handmade()
    back = strict(text_of(result))
    assert back["schema"] == "mfact-result/1"
    assert back["outcome"] == "GLOBAL_OPTIMUM"
    assert back["exit_code"] == 0
    assert back["shape"] == {"M": [6, 4], "rank": 2}
    np.testing.assert_array_equal(back["factors"]["U"], result.U)
    np.testing.assert_array_equal(back["factors"]["V"], result.V)
    assert back["trace"]["step"] == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(back["trace"]["loss"], result.trace["loss"])
    assert back["claims"][0]["verdict"] == "holds"
    assert back["settings"]["tol"] == {"value": 1e-10, "source": "environment"}


def test_what_is_not_finite_becomes_null():
    back = strict(text_of(handmade()))
    assert back["summary"]["gap"] is None
    assert back["trace"]["gap"][-1] is None
    assert back["claims"][1]["numbers"]["bound"] is None


def test_options_leave_out_clock_and_factors():
    assert text_of(handmade()) == json_text(strict(text_of(handmade())))
    back = strict(text_of(handmade(), timing=False, factors=False))
    assert "seconds" not in back["summary"]
    assert "time" not in back["provenance"]
    assert "factors" not in back


def test_names_with_bytes_that_are_no_text_stay_valid_json():
    text = text_of(handmade(problem={"name": "a\udcff.npy"}))
    assert text.isascii()
    assert strict(text)["problem"]["name"] == "a\udcff.npy"


def test_jsonl_is_one_object_a_line_rows_first():
    lines = [strict(line) for line in "".join(jsonl_pieces(handmade())).splitlines()]
    assert [line["type"] for line in lines] == ["row"] * 5 + ["result"]
    assert lines[1]["step"] == 10
    assert lines[1]["loss"] == 12.5
    assert lines[4]["gap"] is None
    assert lines[-1]["summary"]["iterations"] == 40


def test_junit_counts_what_it_holds():
    claims = (
        Claim("good", "a", Verdict.HOLDS, "", "s"),
        Claim("bad", "a < b", Verdict.VIOLATED, "at step 3 & 4", "s"),
        Claim("open", "c", Verdict.INCONCLUSIVE, "", "s"),
    )
    result = handmade(outcome=Outcome.ITERATION_LIMIT, claims=claims)
    suite = ElementTree.fromstring(junit_text(result))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "1")
    assert len(suite.findall("testcase")) == 4
    assert len(suite.findall("testcase/failure")) == 2
    assert suite.find("testcase[@name='bad']/failure").text == "a < b. at step 3 & 4"
    assert suite.find("testcase[@name='outcome']").get("time") == "0.250000"


def test_junit_with_control_characters_is_xml():
    result = handmade(problem={"name": "a\x00\x1b\udcff"}, message="b\x07")
    ElementTree.fromstring(junit_text(result))


def test_github_annotations_are_one_line_each_and_escaped():
    claim = Claim("x", "50% of\nit", Verdict.VIOLATED, "", "s")
    lines = github_text(handmade(claims=(claim,), outcome=Outcome.TIME_LIMIT)).splitlines()
    assert lines[0].startswith("::warning title=weights [1].npy::reached the time limit")
    assert len(lines) == 2
    assert re.fullmatch(r"::error title=weights \[1\]\.npy x::50%25 of\\nit\. ", lines[1])
