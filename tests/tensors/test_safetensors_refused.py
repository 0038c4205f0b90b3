"""Safetensors files that are none: one line says what is wrong, and what to do."""

from __future__ import annotations

import json

import pytest
from tensor_files import entry, opened, packed

from mfact.errors import DataError, MemoryPlanError, MfactError, StorageError

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

W = entry("F32", [1], 0, 4)
HUGE = {"w": entry("I8", [2**60], 0, 2**60)}


def text(table):
    return json.dumps(table)


BROKEN = {
    "no JSON": b"{'w': 1}",
    "no text": b'{"\xff": 1}',
    "half a surrogate pair": b'{"\\ud800": ' + text(W).encode() + b"}",
    "another coding": text({"w": W}).encode("utf-16"),
    "not a number": text({"w": W}).replace("[1]", "[NaN]").encode(),
    "a number without end": text({"w": W}).replace("[1]", "[" + "9" * 5000 + "]").encode(),
    "a deep nest": b'{"w":' * 50_000,
    "a list": b"[1, 2]",
    "a text behind it": text({"w": W}).encode() + b"\0\0",
    "twice": b'{"w": %b, "w": %b}' % ((text(W).encode(),) * 2),
    "an entry twice": text({"w": W}).replace('"shape"', '"dtype": "F32", "shape"').encode(),
    "no table": {"w": [1]},
    "no kind": {"w": {**W, "dtype": 4}},
    "no shape": {"w": {"dtype": "F32", "data_offsets": [0, 4]}},
    "half a length": {"w": {**W, "shape": [1.0]}},
    "a negative length": {"w": {**W, "shape": [-1]}},
    "yes as a length": {"w": {**W, "shape": [True]}},
    "a length beyond 64 bits": {"w": {**W, "shape": [2**64]}},
    "one offset": {"w": {**W, "data_offsets": [0]}},
    "an offset backwards": {"w": {**W, "data_offsets": [4, 0]}},
    "a negative offset": {"w": {**W, "data_offsets": [-4, 0]}},
    "metadata of numbers": {"__metadata__": {"a": 1}, "w": W},
    "metadata of none": {"__metadata__": [], "w": W},
}


def refusal(tmp_path, content, kind=DataError):
    with pytest.raises(MfactError) as caught:
        opened(tmp_path / "w.safetensors", content)
    assert type(caught.value) is kind
    assert str(caught.value).isprintable()
    assert caught.value.way_out
    return str(caught.value)


@pytest.mark.parametrize("what", list(BROKEN))
def test_a_broken_header(tmp_path, what):
    said = refusal(tmp_path, packed(BROKEN[what], bytes(4)))
    assert said.startswith("w.safetensors has a safetensors header ")
    assert said.endswith(": write it again with save_file of safetensors")


@pytest.mark.parametrize(
    ("name", "said"),
    [("no JSON", "that is not JSON"), ("twice", "that names w twice"),
     ("an entry twice", "that names dtype twice"), ("no table", "that says nothing of w"),
     ("metadata of numbers", "whose __metadata__ is no table of texts"),
     ("an offset backwards", "that gives -4 bytes to w, which needs 4")],
)  # fmt: skip
def test_what_is_broken_is_said(tmp_path, name, said):
    assert f"header {said}: " in refusal(tmp_path, packed(BROKEN[name], bytes(4)))


@pytest.mark.parametrize(
    ("entries", "size", "said"),
    [
        ({"w": entry("F32", [2], 0, 4)}, 4, "gives 4 bytes to w, which needs 8"),
        ({"w": W, "v": entry("F32", [1], 2, 6)}, 6, "by which v overlaps the one before"),
        ({"w": W, "v": W}, 4, "by which v overlaps the one before"),
        ({"w": entry("F32", [1], 4, 8)}, 8, "by which w leaves a gap before it"),
        ({"w": W}, 7, "has 3 bytes after its last tensor"),
        ({}, 1, "has 1 bytes after its last tensor"),
    ],
)
def test_places_that_do_not_meet(tmp_path, entries, size, said):
    assert said in refusal(tmp_path, packed(entries, bytes(size)))


@pytest.mark.parametrize(
    ("content", "size", "there"),
    [
        (packed({"w": W}, bytes(3)), len(packed({"w": W})) + 4, len(packed({"w": W})) + 3),
        (packed({"w": W})[:30], len(packed({"w": W})), 30),
        (packed(HUGE), len(packed(HUGE)) + 2**60, len(packed(HUGE))),
        (packed(b"{}", length=99_999_999), 100_000_007, 10),
    ],
    ids=["in its data", "in its header", "far", "before its header"],
)
def test_a_truncated_file(tmp_path, content, size, there):
    message = refusal(tmp_path, content, StorageError)
    assert f"w.safetensors is truncated: its header asks for {size} bytes and it has {there}: " in (
        message
    )


@pytest.mark.parametrize("length", [100_000_001, 2**63, 2**64 - 1])
def test_a_header_longer_than_any(tmp_path, length):
    message = refusal(tmp_path, packed({"w": W}, bytes(4), length))
    assert f"says that its header has {length} bytes, and the longest has 100000000" in message


def test_a_header_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("mfact.matrices.values.available_bytes", lambda: 1000)
    message = refusal(tmp_path, packed({"w": W}, bytes(4)), MemoryPlanError)
    assert "free memory" in message


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        ("F8_E4M3", "convert such to bfloat16, times their scales where there are some"),
        ("F8_E5M2", "convert such to bfloat16, times their scales where there are some"),
        ("F4", "pass the checkpoint of before quantization"),
        ("F6_E2M3", "pass the checkpoint of before quantization"),
        ("C64", "save the real and the imaginary part apart, as torch.view_as_real gives them"),
        ("F128", "convert it to float32 and save it again"),
    ],
)
def test_kinds_that_are_not_read_are_named(tmp_path, code, way_out):
    message = refusal(tmp_path, packed({"w": entry(code, [1], 0, 1)}, b"1"))
    assert f"holds w of the kind {code}, which is not read: {way_out}" in message


@pytest.mark.parametrize(
    ("shape", "said"),
    [([1] * 65, "w has 65 dimensions"), ([0, 2**63], "w has lengths that no array has"),
     ([2**62, 0, 2**62], "w has lengths that no array has")],
)  # fmt: skip
def test_shapes_of_which_no_array_is_made(tmp_path, shape, said):
    end = 0 if 0 in shape else 4
    message = refusal(tmp_path, packed({"w": entry("F32", shape, 0, end)}, bytes(end)))
    assert f"w.safetensors:{said}" in message


def test_a_name_that_a_terminal_would_obey_or_that_has_no_end(tmp_path):
    assert "\\x1b[2J" in refusal(tmp_path, packed({"\x1b[2J": entry("F8_E4M3", [1], 0, 1)}, b"1"))
    assert len(refusal(tmp_path, packed({"w" * 10**6: 1}))) < 400


def test_too_many_names_given_twice_are_found_at_once(tmp_path):
    names = ",".join(f'"{number}":0' for number in range(200_000))
    said = refusal(tmp_path, packed(f'{{{names},"199999":0}}'.encode()))
    assert "names 199999 twice" in said
