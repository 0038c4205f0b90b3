"""HDF5 files of single cells: AnnData, Cell Ranger, loom, Seurat."""

import h5py
import numpy as np
import pytest
from hdf5_by_writers import loom, seurat, write
from matrix_files import sample, write_compressed
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestAnnData:
    @pytest.mark.parametrize("null", [True, False])
    def test_without_x(self, null, tmp_path):
        def fill(file):
            file.attrs["encoding-type"] = "anndata"
            if null:
                file["X"] = h5py.Empty("f4")
            file["obs/n"], file["var/n"] = np.ones((30, 2)), np.ones(20)
            file["obs"].attrs["encoding-type"] = "dataframe"
            file["layers/counts"] = np.ones((30, 20))

        spec = write(tmp_path, fill, "no_x.h5ad")
        for asked in (spec, f"{spec}:/X", f"{spec}:X"):
            error = (
                refusal(asked, DataError, r"X is empty \(AnnData without X\)")
                if (asked != f"{spec}:X")
                else refusal(spec, DataError, "X is empty", dataset="X")
            )
            assert error.way_out == (
                "name one with --dataset; it holds /layers/counts (30×20 float64)"
            )
        assert open_matrix(f"{spec}:/layers/counts").format == "h5ad"

    @pytest.mark.parametrize("sparse", [True, False])
    def test_x_is_taken_with_its_names_and_a_word_on_the_layers(self, sparse, tmp_path):
        M = sample()

        def fill(file):
            file.attrs["encoding-type"] = "anndata"
            if sparse:
                write_compressed(file.create_group("X"), M, "CSR")
                file["X"].attrs["encoding-type"] = "csr_matrix"
                file["X"].attrs["shape"] = np.array(M.shape)
            else:
                file["X"] = M
            file["layers/raw"], file["layers/z"] = M, M
            file["obs/cell"] = [f"c{i}" for i in range(37)]
            file["obs"].attrs["_index"] = "cell"
            file["var/_index"] = [f"γ{i}" for i in range(23)]

        source = open_matrix(write(tmp_path, fill))
        assert source.notes == (f"{source.path}: took /X, not /layers/raw and 1 more",)
        assert source.names().rows == tuple(f"c{i}" for i in range(37))
        assert source.names().columns == tuple(f"γ{i}" for i in range(23))

    def test_names_of_another_length_are_dropped(self, tmp_path):
        def fill(file):
            file.attrs["encoding-type"] = "anndata"
            file["X"] = sample()
            file["obs/_index"], file["var/_index"] = ["a", "b"], [f"γ{i}" for i in range(23)]

        names = open_matrix(write(tmp_path, fill)).names()
        assert names.rows is None
        assert len(names.columns) == 23


class TestCellRanger:
    @pytest.mark.parametrize(
        "names",
        [
            ("barcode_idx", "count", "feature_idx", "gem_group", "library_idx", "umi"),
            ("barcode", "gem_group", "gene", "reads", "umi", "nonconf_mapped_reads"),
        ],
    )
    def test_its_list_of_molecules(self, names, tmp_path):
        def fill(file):
            file.update({name: np.arange(9, dtype="u4") for name in names})
            file["barcode_info/pass_filter"] = np.ones((40, 3), "u8")

        spec = write(tmp_path, fill)
        refusal(spec, DataError, "no matrix of counts.*filtered_feature_bc_matrix.h5")
        assert open_matrix(f"{spec}:/barcode_info/pass_filter").shape == (40, 3)

    def test_names(self, tmp_path):
        def fill(file):
            group = file.create_group("matrix")
            write_compressed(group, sample(), "CSC")
            group["shape"] = np.array([37, 23], "i4")
            group["barcodes"] = np.array([b"AAAC-%d" % i for i in range(23)])
            group["features/id"] = np.array([b"ENSG%d" % i for i in range(37)])
            group["features/name"] = np.array([b"gene"] * 37)

        names = open_matrix(write(tmp_path, fill)).names()
        assert names.rows[36], names.columns[22] == ("ENSG36", "AAAC-22")


def test_loom_and_seurat_know_their_names(tmp_path):
    for fill, dataset in ((loom, "/matrix"), (seurat, "/assays/RNA/data")):
        source = open_matrix(write(tmp_path, lambda f, fill=fill: fill(f, sample())))
        assert source.dataset == dataset
        assert source.names().rows == tuple(f"g{i}" for i in range(37))
        assert source.names().columns == tuple(f"c{i}" for i in range(23))
        assert len(source.notes) == 1
