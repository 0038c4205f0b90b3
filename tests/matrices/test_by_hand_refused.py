"""Sparse matrices kept by hand that could be another one, or none: refused, or asked about."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse
from matrix_files import sample, write_compressed, write_hdf5
from refusals import refusal
from sparse_by_hand import compressed, coordinates, h5seurat, npz_among_others, pydata

from mfact.errors import DataError, SettingsError
from mfact.matrices.hdf5.sparse import SparseReader, candidate, inspect_sparse
from mfact.matrices.seen import Seen
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestNpzRefused:
    def _refused(self, folder, arrays, pattern, kind=DataError, read=False, **options):
        np.savez(folder / "S.npz", **arrays)
        return refusal(folder / "S.npz", kind, pattern, read=read, **options)

    def test_pointers_that_fit_neither(self, tmp_path):
        arrays = {**compressed(sample(), "CSR"), "shape": (36, 22)}
        self._refused(tmp_path, arrays, "38 pointers and needs 37 or 23 for its shape 36×22")

    @pytest.mark.parametrize(
        "arrays",
        [
            compressed(sample(), "CSR"),
            coordinates(sample()),
            {"data": [1, 2, 3], "coords": np.ones((2, 3), int)},
        ],
    )
    def test_no_shape(self, arrays, tmp_path):
        self._refused(tmp_path, arrays, r"without its shape.*scipy\.sparse\.save_npz")

    @pytest.mark.parametrize("value", [1.5, np.nan])
    def test_entries_left_out_that_are_no_zeros(self, value, tmp_path):
        arrays = {**pydata(sample()), "fill_value": value}
        self._refused(
            tmp_path, arrays, f"left out are {value}, not 0|leaves out are {value}, not 0"
        )

    def test_more_dimensions(self, tmp_path):
        A = np.zeros((3, 4, 5))
        A[1, 2, 3] = A[0, 0, 0] = 1
        arrays = {
            "data": A[A > 0],
            "coords": np.array(A.nonzero()),
            "shape": A.shape,
            "fill_value": 0,
        }
        self._refused(tmp_path, arrays, "3 dimensions, 3×4×5: reshape it")

    def test_the_arrays_of_scipy_of_one_and_three_dimensions(self, tmp_path):
        for shape in ((9,), (2, 3, 4)):
            coordinates_ = [np.zeros(1, int)] * len(shape)
            S = scipy.sparse.coo_array((np.ones(1), tuple(coordinates_)), shape=shape)
            scipy.sparse.save_npz(tmp_path / "S.npz", S)
            refusal(tmp_path / "S.npz", DataError, f"{len(shape)} dimensions")

    def test_two_entries_whose_coordinates_lie_either_way(self, tmp_path):
        arrays = {"values": [1.0, 2.0], "indices": [[0, 1], [2, 3]], "shape": (4, 5)}
        self._refused(tmp_path, arrays, "two entries", read=True)

    def test_another_form_than_the_pointers_tell(self, tmp_path):
        arrays = {**compressed(sample(), "CSR"), "shape": (37, 23)}
        self._refused(tmp_path, arrays, "is CSR, by its 38 pointers, not CSC", dataset="[csc]")
        assert open_matrix(str(tmp_path / "S.npz"), dataset="[csr]").order == "CSR"

    def test_a_slice(self, tmp_path):
        arrays = {**compressed(sample(), "CSR"), "shape": (37, 23)}
        self._refused(tmp_path, arrays, "read whole", SettingsError, dataset="[0]")

    def test_several_are_listed(self, tmp_path):
        spec = npz_among_others(tmp_path, sample()).removesuffix(":/attr")
        refusal(spec, DataError, r"2 matrices.*adj \(37×37 sparse\), attr \(37×23 sparse\)")
        refusal(f"{spec}:/adj", DataError, r"name it as .*graph\.npz:adj\[csr\] or")
        assert open_matrix(spec, dataset="adj[csr]").shape == (37, 37)

    def test_a_dense_matrix_beside_it(self, tmp_path):
        arrays = {**coordinates(sample()), "shape": (37, 23), "Y": np.ones((37, 2))}
        self._refused(tmp_path, arrays, r"2 matrices.*data \(37×23 sparse\), Y \(37×2 float64\)")
        assert open_matrix(str(tmp_path / "S.npz"), dataset="data").sparse
        assert not open_matrix(str(tmp_path / "S.npz"), dataset="Y").sparse

    def test_complex_values(self, tmp_path):
        arrays = {**compressed(sample("c16"), "CSR"), "shape": (37, 23)}
        self._refused(tmp_path, arrays, "complex")


class TestCountedFromOne:
    """R, Julia and MATLAB count from 1; nothing is shifted in silence."""

    @pytest.mark.parametrize("form", ["indices", "pointers", "rows", "columns"])
    @pytest.mark.parametrize("container", ["npz", "h5"])
    def test_refused(self, form, container, tmp_path):
        M = sample()
        M[-1, -1] = M[0, 0] = 1
        arrays = coordinates(M) if form in ("rows", "columns") else compressed(M, "CSC")
        for name in {"indices": ["indices"], "pointers": ["indices", "indptr"], "rows": ["row"],
                     "columns": ["col"]}[form]:  # fmt: skip
            arrays[name] = arrays[name] + 1
        arrays["shape"] = M.shape
        if container == "npz":
            np.savez(tmp_path / "S.npz", **arrays)
        else:
            write_hdf5(tmp_path / "S.h5", lambda file: file.create_group("X").update(arrays))
        spec = tmp_path / f"S.{container}"
        refusal(spec, DataError, r"counted from 1.*subtract 1", read=True)


class TestHdf5Refused:
    def test_r_keeps_columns_of_a_square_one(self, tmp_path):
        M = np.triu(sample(shape=(9, 9)))
        spec = h5seurat(tmp_path, M)
        source = open_matrix(spec)
        np.testing.assert_array_equal(source.read().toarray(), M)
        assert "CSC for its attribute dims" in source.notes[0]

    def test_barcodes_alone_are_no_mark_of_10x(self, tmp_path):
        def fill(file):
            group = file.create_group("matrix")
            write_compressed(group, sample(), "CSR")
            group["shape"], group["barcodes"] = (37, 23), np.array([b"AAAC"] * 37)

        source = open_matrix(write_hdf5(tmp_path / "S.h5", fill))
        assert (source.format, source.order) == ("hdf5", "CSR")
        np.testing.assert_array_equal(source.read().toarray(), sample())

    def test_10x_with_a_shape_of_another_order(self, tmp_path):
        def fill(file):
            group = file.create_group("matrix")
            write_compressed(group, sample(), "CSC")
            group["shape"], group["barcodes"] = (23, 37), np.array([b"AAAC"] * 23)
            group["features/id"] = np.array([b"ENSG"] * 37)

        spec = write_hdf5(tmp_path / "S.h5", fill)
        refusal(spec, DataError, "24 pointers and needs 38 for its shape 23×37", read=True)

    def test_the_candidate_has_the_true_shape_and_a_broken_one_none(self, tmp_path):
        def fill(file):
            for name, shape in (("good", (37, 23)), ("three", (1, 2, 3)), ("text", "wide")):
                write_compressed(file.create_group(name), sample(), "CSR")
                file[name].attrs["shape"] = shape
            write_compressed(file.create_group("none"), sample(), "CSR")

        with h5py.File(write_hdf5(tmp_path / "S.h5", fill)) as file:
            found = {name: candidate(file["/"].id, f"/{name}", file[name].id) for name in file}
        assert (found["good"].shape, found["good"].kind) == ((37, 23), "sparse")
        assert found["good"].numbers
        for name in ("three", "text", "none"):
            assert (found[name].shape, found[name].numbers) == ((), False)
        assert "3 dimensions" in found["three"].kind

    @pytest.mark.parametrize("major", ["CSR", "CSC"])
    def test_a_square_one_is_what_it_is_asked_for_as(self, major, tmp_path):
        M = sample(shape=(9, 9))
        arrays = {**compressed(M, major), "shape": M.shape}
        spec = write_hdf5(tmp_path / "S.h5", lambda f: f.create_group("X").update(arrays))
        with h5py.File(spec) as file:
            group = inspect_sparse(file["/"].id, "/X", file["X"].id, False, spec, major=major)
        assert (group.major, group.notes) == (major, ())
        read = SparseReader(Seen.of(Path(spec)), "/X", group, False, spec).read(np.dtype("f8"))
        np.testing.assert_array_equal(read.toarray(), M)

    def test_another_form_than_its_encoding_says(self, tmp_path):
        def fill(file):
            file.attrs["encoding-type"], file.attrs["shape"] = "csr_matrix", (37, 23)
            file.update(compressed(sample(), "CSR"))

        with h5py.File(write_hdf5(tmp_path / "S.h5", fill)) as file:
            root = file["/"].id
            with pytest.raises(DataError, match="is CSR, by its encoding, not CSC"):
                inspect_sparse(root, "/", root, False, "S.h5:/", major="CSC")

    def test_no_shape(self, tmp_path):
        def fill(file):
            write_compressed(file.create_group("X"), sample(), "CSR")

        spec = write_hdf5(tmp_path / "S.h5", fill)
        refusal(f"{spec}:/X", DataError, r"without its shape.*scipy\.sparse\.save_npz")

    def test_a_table_with_such_columns_is_no_sparse_matrix(self, tmp_path):
        """Rows, columns and pictures of detections, and the pictures are what is meant."""

        def fill(file):
            file["found/row"], file["found/col"] = np.arange(40), np.arange(40)
            file["found/data"] = np.ones((40, 3))

        assert open_matrix(write_hdf5(tmp_path / "M.h5", fill)).dataset == "/found/data"
