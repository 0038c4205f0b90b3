"""Points as rows: arrays of any number of dimensions, folded as NumPy's reshape folds them."""

import h5py
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices import tiled
from mfact.matrices.arrays import laid
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def _npy(folder, A):
    np.save(folder / "A.npy", A)
    return "A.npy"


def _npy_fortran(folder, A):
    return _npy(folder, np.asfortranarray(A))


def _npz(folder, A):
    np.savez(folder / "A.npz", A=A)
    return "A.npz"


def _npz_fortran(folder, A):
    return _npz(folder, np.asfortranarray(A))


def _hdf5(folder, A, stored=None, **options):
    with h5py.File(folder / "A.h5", "w") as file:
        file.create_dataset("A", data=A, **options)
    return "A.h5"


def _chunked(folder, A):
    return _hdf5(folder, A, chunks=tuple(max(1, n // 2) for n in A.shape), compression="gzip")


def _matlab(folder, A):
    with h5py.File(folder / "A.mat", "w") as file:
        file.create_dataset("A", data=A.T).attrs["MATLAB_class"] = np.bytes_("double")
    return "A.mat"


WRITERS = (_npy, _npy_fortran, _npz, _npz_fortran, _hdf5, _chunked, _matlab)


@pytest.mark.parametrize("write", WRITERS)
@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    kind=st.sampled_from(["f8", ">f4", "u1"]),
    block=st.sampled_from([8, 40, 1 << 20]),
)
def test_points_of_any_shape(tmp_path_factory, write, shape, kind, block):
    A = np.random.default_rng(len(shape)).integers(0, 99, shape).astype(kind)
    folder = tmp_path_factory.mktemp("points")
    with pytest.MonkeyPatch.context() as patch:
        for module in (laid, tiled):
            patch.setattr(module, "BLOCK_BYTES", block)
        source = open_matrix(str(folder / write(folder, A)), points=True)
        X = source.read()
    assert source.shape == X.shape
    np.testing.assert_array_equal(X, A.reshape(shape[0], -1))


@pytest.mark.parametrize("write", WRITERS)
def test_a_value_that_is_not_finite_is_named_where_it_stands_in_the_folded_matrix(write, tmp_path):
    A = np.zeros((4, 2, 3, 5))
    A[2, 1, 0, 3] = np.nan
    column = np.flatnonzero(np.isnan(A[2].ravel()))[0]
    for module in (laid, tiled):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "BLOCK_BYTES", 64)
            place = f"row 2, column {column} "
            refusal(tmp_path / write(tmp_path, A), DataError, place, read=True, points=True)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("shape", [(4,), (4, 2, 3), (4, 1, 2, 3)])
def test_without_being_asked_for_points_a_matrix_is_2_d(write, shape, tmp_path):
    spec = tmp_path / write(tmp_path, np.ones(shape))
    refusal(spec, DataError, f"{len(shape)}-D|no 2-D numeric dataset")


def test_no_points(tmp_path):
    for shape in [(), (0,), (0, 2, 3), (4, 0, 3)]:
        refusal(tmp_path / _npy(tmp_path, np.ones(shape)), DataError, "0-D|empty", points=True)
        refusal(
            tmp_path / _hdf5(tmp_path, np.ones(shape)), DataError, "no numeric|0-D", points=True
        )


def test_of_several_arrays_one_has_to_be_named_and_can_be(tmp_path):
    X, y = np.ones((4, 1, 2, 3)), np.arange(4)
    np.savez(tmp_path / "A.npz", X=X, y=y)
    with h5py.File(tmp_path / "A.h5", "w") as file:
        file["X"], file["y"] = X, y
    for name in ("A.npz", "A.h5"):
        error = refusal(
            tmp_path / name, DataError, "holds 2 arrays: name one, as .*:/", points=True
        )
        named = error.way_out.split("as ")[1].split(";")[0]
        assert open_matrix(named, points=True).shape == (4, 6)
        assert open_matrix(f"{tmp_path / name}:/y", points=True).shape == (4, 1)


def test_a_sparse_matrix_of_points_is_the_one_it_is(tmp_path):
    X = scipy.sparse.random_array((6, 4), density=0.5, rng=0, format="csr")
    scipy.sparse.save_npz(tmp_path / "X.npz", X)
    read = open_matrix(str(tmp_path / "X.npz"), points=True).read()
    np.testing.assert_array_equal(read.toarray(), X.toarray())
