"""NPY files: read as the contract says, and what is refused."""

import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import KINDS, forms, sample
from refusals import refusal

from mfact.errors import DataError, MfactError, StorageError
from mfact.matrices.arrays import laid
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestNpy(ReaderContract):
    forms = forms("npy")


@given(
    d1=st.integers(1, 30),
    d2=st.integers(1, 30),
    kind=st.sampled_from(KINDS),
    order=st.sampled_from("CF"),
    block=st.sampled_from([8, 40, 1 << 20]),
    data=st.data(),
)
def test_npy_of_any_shape(tmp_path_factory, d1, d2, kind, order, block, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    M = np.asarray((100 * rng.random((d1, d2))).astype(kind), order=order)
    path = tmp_path_factory.mktemp("npy") / "M.npy"
    np.save(path, M)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laid, "BLOCK_BYTES", block)
        source = open_matrix(str(path))
        np.testing.assert_array_equal(source.read(), M.astype("f8"))


@pytest.mark.parametrize(
    ("stored", "read"), [(2**53 + 1, 2.0**53), (-(2**63), -(2.0**63)), (2**63 - 1, 2.0**63)]
)
def test_long_integers_are_rounded_to_the_nearest_double(stored, read, tmp_path):
    np.save(tmp_path / "M.npy", np.array([[stored]], "i8"))
    assert open_matrix(str(tmp_path / "M.npy")).read()[0, 0] == read


class TestRefused:
    def test_truncated(self, tmp_path):
        np.save(tmp_path / "M.npy", sample())
        content = (tmp_path / "M.npy").read_bytes()
        for length in (3, 9, 40, 200, len(content) - 1):
            (tmp_path / "M.npy").write_bytes(content[:length])
            refusal(tmp_path / "M.npy", MfactError, "truncated|broken NPY header|NPY|text")

    @pytest.mark.parametrize(
        "header",
        [
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, -2), }",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, True), }",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': [2, 2], }",
            b"{'descr': '<f8', 'fortran_order': False}",
            b"{'descr': '<f9', 'fortran_order': False, 'shape': (2, 2), }",
            b"{'descr': __import__('os'), 'fortran_order': False, 'shape': (2, 2), }",
            b"(" * 5000,
            b"nonsense",
        ],
    )
    def test_broken_headers(self, header, tmp_path):
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        (tmp_path / "M.npy").write_bytes(start + bytes(64))
        refusal(tmp_path / "M.npy", DataError, "broken NPY header")

    def test_a_size_that_no_memory_holds(self, tmp_path):
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9000000000, 9000000000)}"
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        (tmp_path / "M.npy").write_bytes(start + bytes(64))
        refusal(tmp_path / "M.npy", StorageError, "truncated: its header asks for 648000000")

    def test_a_file_cut_after_it_was_looked_at(self, tmp_path):
        np.save(tmp_path / "M.npy", sample())
        source = open_matrix(str(tmp_path / "M.npy"))
        (tmp_path / "M.npy").write_bytes((tmp_path / "M.npy").read_bytes()[:-8])
        with pytest.raises(StorageError, match="was changed while it was read"):
            source.read()
        (tmp_path / "M.npy").unlink()
        with pytest.raises(StorageError, match="cannot be read"):
            source.read()


def test_what_stands_behind_the_array_is_noted(tmp_path):
    """As where numpy.save was called twice on one open file."""
    with (tmp_path / "M.npy").open("wb") as file:
        np.save(file, sample())
        one = file.tell()
        np.save(file, sample())
        two = file.tell()
    source = open_matrix(str(tmp_path / "M.npy"))
    np.testing.assert_array_equal(source.read(), sample())
    assert source.notes == (f"{tmp_path}/M.npy: {two - one} bytes behind its array are left out",)
