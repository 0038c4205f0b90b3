"""One matrix of a stack in an HDF5 file, named by the axes that are fixed."""

import h5py
import numpy as np
import pytest
from hdf5_opened import in_slabs, reader
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import write_hdf5
from slabbed import assert_bits_equal, together

from mfact.errors import DataError
from mfact.matrices import tiled
from mfact.matrices.hdf5.dense import DenseReader, Meant
from mfact.matrices.spec import Part

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def _stack(shape=(5, 7, 6)):
    return np.random.default_rng(1806).standard_normal(shape)


def _written(folder, A, **options):
    return write_hdf5(folder / "f.h5", lambda f: f.create_dataset("images", data=A, **options))


def _slice(A, index):
    return A[tuple(slice(None) if at is None else at for at in index)]


@pytest.mark.slow
@given(
    shape=st.lists(st.integers(1, 5), min_size=3, max_size=5),
    data=st.data(),
    chunked=st.booleans(),
    reversed_=st.booleans(),
    block=st.sampled_from([8, 40, 1 << 20]),
)
def test_any_slice_of_any_stack(tmp_path_factory, shape, data, chunked, reversed_, block):
    A = _stack(shape)
    whole = set(data.draw(st.permutations(range(len(shape))))[:2])
    index = tuple(
        None if axis in whole else data.draw(st.integers(-n, n - 1)) for axis, n in enumerate(shape)
    )
    truth = _slice(A, index)
    options = {"chunks": tuple(data.draw(st.integers(1, n)) for n in shape)} if chunked else {}
    stored = A.T if reversed_ else A
    options = {"chunks": options["chunks"][::-1]} if chunked and reversed_ else options
    path = _written(tmp_path_factory.mktemp("stack"), stored, **options)
    while index[-1] is None:  # fewer than there are axes: the others are whole
        index = index[:-1]
    meant = Meant(reversed=reversed_, part=Part(index))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled, "BLOCK_BYTES", block)
        found = reader(path, "images", meant)
        assert found.layout.matrix_shape == truth.shape
        np.testing.assert_array_equal(found.read(np.dtype("f8")), truth)
    assert_bits_equal(together(in_slabs(path, "images", meant, 2 * block), 2), truth)


def test_a_slice_of_what_matlab_writes_counts_axes_as_it_does(tmp_path):
    A = _stack()
    path = _written(tmp_path, A.T)
    with h5py.File(path, "r+") as file:
        file["images"].attrs["MATLAB_class"] = np.bytes_("double")
    for index in ((2,), (None, 3), (None, None, -1)):
        found = reader(path, "images", Meant(part=Part(index)))
        np.testing.assert_array_equal(found.read(np.dtype("f8")), _slice(A, index))


def test_an_axis_of_the_elements_can_be_fixed(tmp_path):
    A = _stack()
    options = {"dtype": np.dtype(("f8", (7, 6)))}
    path = write_hdf5(
        tmp_path / "f.h5", lambda f: f.create_dataset("images", (5,), **options).__setitem__(..., A)
    )
    for index in ((2,), (None, -1), (None, None, 4)):
        meant = Meant(part=Part(index))
        truth = _slice(A, index)
        np.testing.assert_array_equal(reader(path, "images", meant).read(np.dtype("f8")), truth)
        assert_bits_equal(together(in_slabs(path, "images", meant, 100)), truth)


def test_a_value_that_is_not_finite_is_named_where_it_stands_in_the_slice(tmp_path):
    A = _stack()
    A[1, 4, 3], A[0, 0, 0] = np.nan, np.nan
    path = _written(tmp_path, A)
    with pytest.raises(DataError, match=r"has a value that is not finite, nan, at row 4, column 3"):
        reader(path, "images", Meant(part=Part((1,)))).read(np.dtype("f8"))
    with pytest.raises(DataError, match=r"at row 1, column 4 "):
        reader(path, "images", Meant(part=Part((None, None, 3)))).read(np.dtype("f8"))


def test_only_the_slice_is_read(tmp_path, monkeypatch):
    path = _written(tmp_path, _stack((40, 7, 6)))
    read = []
    whole = DenseReader.fetch

    def counted(self, dataset, tile, out=None):
        block = whole(self, dataset, tile, out)
        read.append(block.nbytes)
        return block

    monkeypatch.setattr(DenseReader, "fetch", counted)
    monkeypatch.setattr(tiled, "apart", lambda work, *_: work())
    reader(path, "images", Meant(part=Part((3,)))).read(np.dtype("f8"))
    assert sum(read) == 8 * 7 * 6


def test_slices_folded_to_rows(tmp_path):
    A = _stack()
    path = _written(tmp_path, A)
    folded = reader(path, "images", Meant(part=Part(fold=True))).read(np.dtype("f8"))
    np.testing.assert_array_equal(folded, A.reshape(5, 42))
    points = reader(path, "images", Meant(part=Part((None, None, 2))), points=True)
    np.testing.assert_array_equal(points.read(np.dtype("f8")), A[:, :, 2])


class TestRefused:
    @pytest.mark.parametrize(
        ("shape", "index", "reversed_", "way_out"),
        [
            ((5, 7, 6), (), False, "f.h5:/images[0], or fold it, f.h5:/images[fold]"),
            ((5, 7, 6), (), True, "f.h5:/images[:,:,0], or fold it, f.h5:/images[fold]"),
            ((2, 5, 7, 6), (), False, "f.h5:/images[0,0], or fold it, f.h5:/images[fold]"),
            ((2, 5, 7, 6), (None, 3), False, "f.h5:/images[0,3]"),
            ((2, 5, 7, 6), (None, 3), True, "f.h5:/images[:,3,:,0]"),
        ],
    )
    def test_more_than_two_axes_are_left(self, shape, index, reversed_, way_out, tmp_path):
        path = _written(tmp_path, _stack(shape))
        with pytest.raises(DataError) as caught:
            reader(path, "images", Meant(reversed=reversed_, part=Part(index)))
        assert caught.value.way_out == f"name one of its matrices, as {way_out}"

    @pytest.mark.parametrize(
        ("index", "pattern"),
        [
            ((5,), r"has no 5 along axis 0 .*: it is 5×7×6: name one from 0 to 4"),
            ((0, -8), r"has no -8 along axis 1 .*name one from 0 to 6"),
            ((0, 0, 0, 0), r"has 3 axes, and 4 indices are given: give at most 3"),
            ((0, 0), r"is 1-D"),
            ((0, 0, 0), r"is 0-D"),
        ],
    )
    def test_a_slice_that_there_is_not(self, index, pattern, tmp_path):
        path = _written(tmp_path, _stack())
        with pytest.raises(DataError, match=pattern):
            reader(path, "images", Meant(part=Part(index)))

    def test_the_order_of_a_sparse_matrix(self, tmp_path):
        path = _written(tmp_path, _stack())
        with pytest.raises(DataError, match=r"is no sparse matrix .*leave \[csr\] out"):
            reader(path, "images", Meant(part=Part(major="CSR")))
