"""Slices of stacks, and stacks folded to rows, in files that hold arrays in one piece."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusal
from slabbed import together

from mfact.errors import DataError, SettingsError
from mfact.matrices.arrays import laid
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def npy(folder, A):
    np.save(folder / "A.npy", A)
    return f"{folder / 'A.npy'}::"


def npz(folder, A):
    np.savez(folder / "A.npz", x=A, other=np.ones((2, 2)))
    return f"{folder / 'A.npz'}:/x"


def deflated(folder, A):
    np.savez_compressed(folder / "A.npz", x=A)
    return f"{folder / 'A.npz'}:/x"


def safetensors(folder, A):
    about = {"dtype": "F64", "shape": A.shape, "data_offsets": [8, 8 + A.nbytes]}
    first = {"dtype": "F64", "shape": [], "data_offsets": [0, 8]}
    header = json.dumps({"x": about, "first": first}).encode()
    content = struct.pack("<Q", len(header)) + header + bytes(8) + A.tobytes("C")
    (folder / "A.safetensors").write_bytes(content)
    return f"{folder / 'A.safetensors'}:/x"


WRITERS = (npy, npz, deflated, safetensors)


@st.composite
def asked(draw):
    """A shape, and two of its axes that are whole."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=3, max_size=5)))
    whole = draw(st.sets(st.integers(0, len(shape) - 1), min_size=2, max_size=2))
    index = [
        slice(None) if axis in whole else draw(st.integers(-n, n - 1))
        for axis, n in enumerate(shape)
    ]
    return shape, index


def typed(index):
    """As numpy takes it; whole axes at the end are left out."""
    words = [":" if isinstance(at, slice) else str(at) for at in index]
    while words[-1] == ":":
        words.pop()
    return f"[{', '.join(words)}]"


@pytest.mark.parametrize("write", WRITERS)
@given(what=asked(), fortran=st.booleans(), block=st.sampled_from([8, 40, 1 << 20]))
def test_any_two_axes(write, what, fortran, block, tmp_path_factory):
    shape, index = what
    A = np.random.default_rng(len(shape)).standard_normal(shape)
    A = np.asfortranarray(A) if fortran else A
    truth = A[tuple(index)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laid, "BLOCK_BYTES", block)
        source = open_matrix(write(tmp_path_factory.mktemp("slice"), A) + typed(index))
        assert source.shape == truth.shape
        np.testing.assert_array_equal(source.read(), truth)
        slabs = source.slabs(50)
        if slabs is not None:
            np.testing.assert_array_equal(together(slabs), truth)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2), (2, 3, 4, 5)])
def test_a_fold(write, fortran, shape, tmp_path):
    A = np.random.default_rng(0).standard_normal(shape)
    source = open_matrix(write(tmp_path, np.asfortranarray(A) if fortran else A) + "[fold]")
    np.testing.assert_array_equal(source.read(), A.reshape(len(A), -1))


@pytest.mark.parametrize("write", [npy, safetensors])
def test_the_slice_that_lies_in_one_piece_is_read_in_slabs(write, tmp_path):
    A = np.random.default_rng(0).standard_normal((3, 40, 5))
    for spec, truth in (("[1]", A[1]), ("[-1,:,:]", A[2]), ("[fold]", A.reshape(3, -1))):
        slabs = open_matrix(write(tmp_path, A) + spec).slabs(400)
        assert len(slabs.cuts) > 2
        np.testing.assert_array_equal(together(slabs, 2), truth)
    assert open_matrix(write(tmp_path, A) + "[:,2]").slabs(400) is None


def test_a_column_of_a_stack_in_fortran_order_is_read_in_slabs(tmp_path):
    A = np.asfortranarray(np.random.default_rng(0).standard_normal((30, 4, 3)))
    source = open_matrix(npy(tmp_path, A) + "[:,:,1]")
    assert source.order == "F"
    np.testing.assert_array_equal(together(source.slabs(300)), A[:, :, 1])


@pytest.mark.parametrize("write", WRITERS)
def test_the_place_of_a_value_that_is_not_finite(write, tmp_path, monkeypatch):
    A = np.zeros((3, 7, 4, 2))
    A[1, 5, 2, 0] = np.nan
    spec = write(tmp_path, A)
    for block in (16, 1 << 20):
        monkeypatch.setattr(laid, "BLOCK_BYTES", block)
        for part, place in (
            ("[1,:,:,0]", "row 5, column 2 "),
            ("[:,5,2]", "row 1, column 0 "),
            ("[:,:,2,0]", "row 1, column 5 "),
            ("[fold]", "row 1, column 44 "),
        ):
            refusal(spec + part, DataError, f"nan, at {place}", read=True)
        assert not open_matrix(f"{spec}[0,0]").read().any()


@pytest.mark.parametrize("write", WRITERS)
def test_a_stack_is_no_matrix_and_its_ways_out_are(write, tmp_path):
    A = np.random.default_rng(0).standard_normal((3, 4, 5, 2))
    spec = write(tmp_path, A)
    named = spec.removesuffix("::")
    error = refusal(named, DataError, r"is 4-D, of shape \(3, 4, 5, 2\): name one of its")
    slice_, fold = (text.rpartition("[")[2] for text in error.way_out.split(", or "))
    np.testing.assert_array_equal(open_matrix(f"{spec}[{slice_}").read(), A[0, 0])
    np.testing.assert_array_equal(open_matrix(f"{spec}[{fold}").read(), A.reshape(3, -1))
    error = refusal(f"{spec}[:,1]", DataError, r"is 3-D, of shape \(3, 5, 2\)")
    part = error.way_out.rpartition("[")[2]
    np.testing.assert_array_equal(open_matrix(f"{spec}[{part}").read(), A[0, 1])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("part", "kind", "said"),
    [
        ("[3]", DataError, "no 3 along axis 0 .* is 3×4×5: name one from 0 to 2"),
        (
            "[:,-5]",
            DataError,
            "no -5 along axis 1 .* 3×4×5: name one from 0 to 3",
        ),
        ("[0,0,0,0]", DataError, "3 axes, and 4 indices are given: give at most 3"),
        ("[0,0]", DataError, "1-D"),
        ("[csr]", DataError, r"no sparse matrix kept by hand: leave \[csr\] out"),
        ("[0:2]", SettingsError, "brackets that name no part"),
        ("[]", SettingsError, "brackets that name no part"),
    ],
)
def test_what_is_not_there(write, part, kind, said, tmp_path):
    refusal(write(tmp_path, np.ones((3, 4, 5))) + part, kind, said)


def test_an_array_by_a_name_that_is_no_part(tmp_path):
    refusal(npy(tmp_path, np.ones((3, 4))) + "x", SettingsError, "there is no x in it")
    refusal(npy(tmp_path, np.ones((3, 4))) + "x[0]", SettingsError, r"there is no x\[0\] in it")
    refusal(f"{npz(tmp_path, np.ones((3, 4)))}y[0]", DataError, r"no member /xy\[0\]")


def test_the_name_and_the_run_file_name_the_slice(tmp_path):
    source = open_matrix(npz(tmp_path, np.ones((3, 4, 5))) + "[0]")
    assert (source.name, source.dataset) == ("A.npz:x[0]", "x[0]")
    again = open_matrix(source.path, dataset=source.dataset)
    assert again == source


@pytest.mark.slow
def test_a_slice_takes_the_memory_of_a_slice(tmp_path):
    import tracemalloc

    A = np.zeros((120, 100, 1000))
    for write in (npy, deflated):
        spec = write(tmp_path, A)
        tracemalloc.start()
        open_matrix(f"{spec}[50]").read()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * laid.BLOCK_BYTES < A.nbytes
