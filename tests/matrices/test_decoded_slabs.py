"""Slabs of stored numbers that are not the entries: the entries, whatever way they are cut."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slabbed import assert_bits_equal, together
from slabs_in_memory import ArraySlabs

from mfact.errors import DataError
from mfact.matrices import decoded as module
from mfact.matrices.decoded import decoded
from mfact.matrices.decoding import Bfloat16, Decoded
from mfact.targets.blocks import BlockTarget

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


FLOAT64 = np.dtype("f8")


@dataclass(frozen=True)
class _Halves:
    """Half of each number; that which is −1 is missing."""

    kind: np.dtype = FLOAT64
    stored: str = "<i2"
    why: str = "attribute gone"

    def decode(self, block):
        missing = block == -1
        return Decoded(np.where(missing, np.nan, block / 2), missing)


def _bfloat16(M):
    """Its upper halves, and what they stand for: the lower halves are gone."""
    words = (M.astype("<f4").view("<u4") >> 16).astype("<u2")
    return words, (words.astype("<u4") << 16).view("<f4")


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    lines=st.integers(1, 9),
    columns=st.booleans(),
    form=st.sampled_from(["<u2", ">u2", "V2"]),
    piece=st.sampled_from([1, 100, 1 << 20]),
    threads=st.sampled_from([1, 3]),
)
def test_bfloat16_however_it_is_cut(shape, lines, columns, form, piece, threads):
    M = np.random.default_rng(shape).standard_normal(shape)
    M[0, -1] = -np.inf
    words, truth = _bfloat16(M)
    stored = words.view("V2") if form == "V2" else words.astype(form)
    slabs = decoded(ArraySlabs(stored, lines, columns=columns), Bfloat16())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE_BYTES", piece)
        assert_bits_equal(together(slabs, threads), truth)


@pytest.mark.parametrize("columns", [False, True])
def test_the_room_is_that_of_both_forms(columns):
    raw = ArraySlabs(_bfloat16(np.ones((37, 24)))[0], 5, columns=columns)
    slabs = decoded(raw, Bfloat16())
    assert (slabs.shape, slabs.columns, slabs.cuts) == (raw.shape, raw.columns, raw.cuts)
    assert (slabs.file_bytes, slabs.stored, slabs.label) == (2 * 37 * 24, np.float32, "M")
    assert 3 * raw.room <= slabs.room <= 3 * raw.room + 64
    with slabs.opened(1) as file:
        room = np.empty(slabs.room, np.uint8)
        assert np.shares_memory(file.fetch(1, room), room)


def test_the_order_in_which_the_numbers_lie_is_kept():
    class Fortran(ArraySlabs):
        def fetch(self, slab, room):
            return np.asfortranarray(super().fetch(slab, room))

    words, truth = _bfloat16(np.random.default_rng(0).standard_normal((9, 7)))
    slabs = decoded(Fortran(words, 4), Bfloat16())
    with slabs.opened(1) as file:
        part = file.fetch(0, np.empty(slabs.room, np.uint8))
    assert part.flags.f_contiguous
    np.testing.assert_array_equal(part, truth[:4])


@pytest.mark.parametrize("columns", [False, True])
def test_an_entry_that_is_missing_is_nan_and_refused_by_a_pass(columns):
    stored = np.arange(42, dtype="i2").reshape(6, 7)
    stored[4, 5] = -1
    slabs = decoded(ArraySlabs(stored, 3, columns=columns), _Halves())
    M = together(slabs)
    assert np.argwhere(np.isnan(M)).tolist() == [[4, 5]]
    np.testing.assert_array_equal(np.delete(M, 33), np.delete(stored / 2, 33))
    said = r"a value that is missing, -1 \(attribute gone\), at row 4, column 5 "
    with pytest.raises(DataError, match=said):
        BlockTarget(slabs).norm  # noqa: B018  # a reading


def test_a_pass_is_that_of_the_entries():
    words, truth = _bfloat16(np.random.default_rng(0).standard_normal((40, 30)))
    U, V = np.ones((40, 2)), np.ones((30, 2))
    for dtype in ("float64", "float32"):
        target = BlockTarget(decoded(ArraySlabs(words, 7), Bfloat16()), dtype)
        entries = truth.astype(dtype)
        held = BlockTarget(ArraySlabs(entries, 7), dtype)
        assert target.norm == held.norm
        for ours, theirs in zip(target.products(U, V), held.products(U, V), strict=True):
            assert_bits_equal(ours, theirs)
