"""Safetensors files: the same bits as the library of the format reads, and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tensor_files import CODES, entry, opened, packed, safetensors_of

from mfact.errors import DataError, MemoryPlanError, StorageError
from mfact.matrices.decoding import from_bfloat16

KINDS = sorted(CODES)
ARRAYS = npst.arrays(
    st.sampled_from(KINDS).map(np.dtype), npst.array_shapes(min_dims=0, max_dims=5, min_side=0)
)
DICTS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), ARRAYS, max_size=4)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@given(tensors=DICTS)
def test_what_was_written_by_hand_is_read_to_the_bit(tmp_path_factory, tensors):
    tensors.pop("__metadata__", None)
    path = tmp_path_factory.mktemp("hand") / "w"
    state = opened(path, safetensors_of(tensors))
    assert [(t.name, t.kind, t.shape) for t in state.tensors] == [
        (name, W.dtype.name, W.shape) for name, W in tensors.items()
    ]
    assert all(same(state.named[name].values(), W) for name, W in tensors.items())


@given(tensors=DICTS)
def test_what_the_library_wrote_is_read_as_it_reads_it(tmp_path_factory, tensors):
    library = pytest.importorskip("safetensors.numpy")
    tensors.pop("__metadata__", None)
    content = library.save(tensors, metadata={"format": "np"})
    state = opened(tmp_path_factory.mktemp("library") / "w", content)
    read = library.load(content)
    assert state.named.keys() == read.keys()
    assert all(same(state.named[name].values(), W) for name, W in read.items())


def test_what_a_file_says_of_itself(tmp_path):
    state = opened(tmp_path / "w", safetensors_of({"b": np.ones(2), "a": np.ones(3)}, by="hand"))
    assert (state.form, state.in_order, state.left) == ("safetensors", False, ())
    assert [tensor.name for tensor in state.tensors] == ["b", "a"]
    assert all(tensor.storage == "" for tensor in state.tensors)


@pytest.mark.parametrize("end", ["", "    ", "\n"])
def test_a_header_filled_up_with_blanks(tmp_path, end):
    header = json.dumps({"w": entry("F32", [1], 0, 4)}).encode() + end.encode()
    assert opened(tmp_path / "w", packed(header, b"\0\0\x80?")).named["w"].values() == [1.0]


def test_tensors_may_lie_in_another_order_than_they_are_named(tmp_path):
    header = {"late": entry("U8", [2], 1, 3), "none": entry("F32", [0], 3, 3),
              "early": entry("U8", [], 0, 1)}  # fmt: skip
    named = opened(tmp_path / "w", packed(header, b"abc")).named
    assert bytes(named["late"].values()) == b"bc"
    assert named["early"].values() == ord("a")


def test_every_bfloat16_is_the_float32_that_begins_with_its_bits(tmp_path):
    bits = np.arange(1 << 16, dtype="<u2")
    header = {"w": entry("BF16", [256, 256], 0, 1 << 17)}
    state = opened(tmp_path / "w", packed(header, bits.tobytes()))
    read = state.named["w"].values()
    assert (state.named["w"].kind, read.dtype, read.shape) == ("bfloat16", "f4", (256, 256))
    np.testing.assert_array_equal(read.reshape(-1).view("u4"), bits.astype("u4") << 16)


@pytest.mark.parametrize("kind", ["F32", "BF16"])
def test_a_tensor_of_several_blocks(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("mfact.matrices.arrays.laid.BLOCK_BYTES", 64)
    raw = np.random.default_rng(1).integers(0, 2**16, 300, dtype="<u2")
    lengths = [150] if kind == "F32" else [300]
    state = opened(tmp_path / "w", packed({"w": entry(kind, lengths, 0, 600)}, raw.tobytes()))
    truth = raw.view("<f4") if kind == "F32" else from_bfloat16(raw)
    np.testing.assert_array_equal(state.named["w"].values().view("u4"), truth.view("u4"))


class TestRewritten:
    TENSORS = {  # noqa: RUF012
        "fc.weight": np.linspace(-1, 1, 6, dtype="f4").reshape(2, 3),
        "steps": np.array(7),
        "half": np.array([0.5, np.nan], "f2"),
    }

    def _state(self, tmp_path):
        content = safetensors_of(self.TENSORS, note="kept")
        return content, opened(tmp_path / "w", content)

    def test_nothing_changes_nothing(self, tmp_path):
        content, state = self._state(tmp_path)
        assert state.rewritten({}) == content
        values = {name: state.named[name].values().astype(float) for name in ("fc.weight", "half")}
        assert state.rewritten(values) == content

    def test_the_bytes_of_one_tensor_change(self, tmp_path):
        content, state = self._state(tmp_path)
        values = np.arange(6.0).reshape(3, 2).T / 3
        image = state.rewritten({"fc.weight": values})
        raw = values.astype("<f4").tobytes()
        at = content.index(self.TENSORS["fc.weight"].tobytes())
        assert image == content[:at] + raw + content[at + len(raw) :]
        assert state.rewritten({}) == content

    def test_bfloat16_goes_to_the_nearest_and_of_two_to_the_even(self, tmp_path):
        state = opened(tmp_path / "w", packed({"w": entry("BF16", [4], 0, 8)}, bytes(8)))
        # 1 and its neighbour 1 + 2⁻⁷; the ties between them and above; a hair past the first tie.
        values = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-40, -1 - 2**-7])
        bits = np.frombuffer(state.rewritten({"w": values})[-8:], "<u2")
        assert list(bits) == [0x3F80, 0x3F82, 0x3F81, 0xBF81]

    def test_what_does_not_fit_its_kind(self, tmp_path):
        _, state = self._state(tmp_path)
        with pytest.raises(DataError, match=r"w:half would hold 7e\+04, .*not fit float16: save"):
            state.rewritten({"half": np.array([7e4, 1.0])})

    def test_the_library_reads_it(self, tmp_path):
        library = pytest.importorskip("safetensors.numpy")
        _, state = self._state(tmp_path)
        read = library.load(state.rewritten({"half": np.array([1 / 3, 2.0])}))
        np.testing.assert_array_equal(read["half"], np.array([1 / 3, 2.0], "f2"))
        np.testing.assert_array_equal(read["fc.weight"], self.TENSORS["fc.weight"])


def test_a_file_that_changed_since_it_was_opened(tmp_path):
    state = opened(tmp_path / "w", safetensors_of({"w": np.ones(9)}))
    (tmp_path / "w").write_bytes((tmp_path / "w").read_bytes()[:-8])
    with pytest.raises(StorageError, match="w was changed while it was read: run again"):
        state.named["w"].values()
    with pytest.raises(StorageError, match="w was changed while it was read: run again"):
        state.rewritten({})


def test_a_tensor_larger_than_the_memory(tmp_path, monkeypatch):
    state = opened(tmp_path / "w", safetensors_of({"w": np.ones(9)}))
    monkeypatch.setattr("mfact.matrices.values.available_bytes", lambda: 10)
    for read in (state.named["w"].values, lambda: state.rewritten({})):
        with pytest.raises(MemoryPlanError, match=r"w.* needs .* of memory .*: free memory"):
            read()
