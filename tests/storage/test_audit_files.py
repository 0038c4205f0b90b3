"""What `mfact balance --format json` printed, read back: all of it, or refused in one line."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_files import balance_of
from network_files import HOSTILE, one_line, places, put

from mfact.errors import MemoryPlanError, MfactError, StorageError
from mfact.pictures.audit import audit_balance
from mfact.storage.audits import read_audit


def kept(path, document):
    """As someone may have written it: Python writes NaN, Infinity and halves of pairs too."""
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_was_printed_is_read(tmp_path, count):
    document = balance_of(count)
    assert len(document["checkpoints"]) == count
    assert read_audit(kept(tmp_path / "b.json", document)) == document


@given(count=st.sampled_from([1, 4]), data=st.data())
def test_any_place_may_hold_anything(tmp_path_factory, count, data):
    path = tmp_path_factory.mktemp("made") / "b.json"
    document = balance_of(count)
    put(document, data.draw(st.sampled_from(places(document))), data.draw(st.sampled_from(HOSTILE)))
    try:
        list(audit_balance(read_audit(kept(path, document))).rows())
    except MfactError as error:
        one_line(error)


@given(raw=st.binary(max_size=40) | st.text(max_size=40).map(lambda text: f"{{{text}".encode()))
def test_any_bytes_are_refused_in_one_line(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("made") / "b.json"
    path.write_bytes(raw)
    with pytest.raises(StorageError) as caught:
        read_audit(path)
    assert "\n" not in str(caught.value)
    assert "mfact balance CHECKPOINT --format json" in caught.value.way_out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"schema": "mfact-result/1"}',
         "is a mfact-result/1 document, not a mfact-balance/1 one: pass the run file itself"),
        ('{"schema": "mfact-network-result/1"}', "pass the run file itself"),
        ('{"schema": "mfact-sweep/1"}', "pass the file that `mfact sweep -o` wrote"),
        ('{"schema": "mfact-balance/2"}', "use a newer mfact"),
        ('{"schema": "mfact-check/1"}', "is a mfact-check/1 document"),
        ('{"schema": ["x"]}', "is not a document of mfact: pass what"),
        ("{}", "is not a document of mfact: pass what"),
        ('{"schema": "mfact-balance/1"}', "is not of a balance: it lacks order: pass what"),
        ("[1, 2]", "is not a JSON document: the JSON text is not an object"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "is not a JSON document"),
    ],
)  # fmt: skip
def test_another_document_is_named(tmp_path, text, told):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(StorageError) as caught:
        read_audit(path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        (("checkpoints", 1, "joints", 0, "in"), -1.0, "checkpoints[1].joints[0].in is -1.0"),
        (("checkpoints", 0, "joints", 1, "h"), 1, "the numbers of its joints is [1, 1]"),
        (("intervals",), [], "the number of its intervals is 0, and not 3"),
        (("joints",), [], "no layers that feed each other"),
        (("checkpoints", 2, "step"), 0.5, "checkpoints[2].step is 0.5, and not a"),
    ],
)
def test_what_is_no_balance_is_told_by_its_place(tmp_path, where, value, told):
    document = balance_of(4)
    put(document, where, value)
    with pytest.raises(StorageError, match="is not of a balance") as caught:
        read_audit(kept(tmp_path / "b.json", document))
    assert told in str(caught.value)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, told in (("pipe", "is not a regular file"), (".", "is not a regular file"),
                       ("none.json", "No such file")):  # fmt: skip
        with pytest.raises(StorageError, match=told):
            read_audit(tmp_path / name)


def test_a_file_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = kept(tmp_path / "b.json", balance_of(1))
    monkeypatch.setattr("mfact.storage.reading.available_bytes", lambda: 1000)
    with pytest.raises(MemoryPlanError, match="of memory to read and 1000 B is available"):
        read_audit(path)
