"""HDF5 files, bare and as MATLAB, AnnData and 10x write them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import FORMS, forms, sample, write_compressed, write_hdf5
from refusals import refusal

from mfact.errors import DataError, MemoryPlanError, MfactError, MissingPackageError, StorageError
from mfact.matrices import tiled, values
from mfact.matrices.hdf5 import objects
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestHdf5(ReaderContract):
    forms = forms("hdf5")


class TestMatlab(ReaderContract):
    forms = forms("matlab")


class TestAnnData(ReaderContract):
    forms = forms("h5ad")


class TestTenX(ReaderContract):
    forms = forms("10x")


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    chunks=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    block=st.sampled_from([8, 200, 1600, 1 << 20]),
)
def test_each_chunk_lies_in_one_tile(shape, chunks, block):
    chunks = tuple(min(pair) for pair in zip(chunks, shape, strict=True))
    seen = np.zeros(shape, int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled, "BLOCK_BYTES", block)
        for number, tile in enumerate(tiled.tiles(shape, chunks, 8), start=1):
            assert (seen[tile] == 0).all()
            seen[tile] = number
    assert (seen > 0).all()
    for top in range(0, shape[0], chunks[0]):
        for left in range(0, shape[1], chunks[1]):
            chunk = seen[top : top + chunks[0], left : left + chunks[1]]
            assert (chunk == chunk[0, 0]).all()


class TestRefused:
    def test_truncated_and_overwritten(self, tmp_path):
        spec = Path(FORMS["tiles"].write(tmp_path, sample()))
        content = spec.read_bytes()
        for length in (9, 500, len(content) // 2, len(content) - 1):
            spec.write_bytes(content[:length])
            refusal(spec, StorageError, "cannot be read", read=True)
        spec.write_bytes(content.replace(b"TREE", b"BUSH"))
        refusal(spec, MfactError, "cannot be read", read=True)

    def test_several_matrices_are_listed(self, tmp_path):
        def fill(file):
            file["a/M"], file["N"], file["v"] = sample(), sample(">i2"), np.ones(3)
            write_compressed(file.create_group("S"), sample(), "CSR")
            file["S"].attrs["encoding-type"] = "csr_matrix"
            file["S"].attrs["shape"] = (37, 23)

        spec = write_hdf5(tmp_path / "M.h5", fill)
        error = refusal(spec, DataError, "holds 3 matrices: name one with --dataset")
        assert "/N (37×23 >i2), /S (37×23 sparse), /a/M (37×23 float64)" in error.way_out

    def test_a_missing_dataset_and_a_group(self, tmp_path):
        spec = FORMS["tiles"].write(tmp_path, sample())
        listing = r"/a/M \(37×23 float64\)"
        refusal(f"{spec}:/b", DataError, f"b is not there.*{listing}")
        refusal(f"{spec}:/a/M/x", DataError, f"x is not there.*{listing}")
        refusal(f"{spec}:/a", DataError, f"is a group.*{listing}")

    def test_a_file_without_datasets(self, tmp_path):
        spec = write_hdf5(tmp_path / "M.h5", lambda f: f.create_group("a"))
        refusal(spec, DataError, "it holds no dataset")

    def test_matlab_kinds(self, tmp_path):
        def fill(file):
            file["text"] = np.ones((3, 1), "u2")
            file["text"].attrs["MATLAB_class"] = np.bytes_("char")
            file["none"] = np.zeros((1, 2), "u8")
            file["none"].attrs["MATLAB_class"] = np.bytes_("double")
            file["none"].attrs["MATLAB_empty"] = np.uint8(1)

        spec = write_hdf5(tmp_path / "M.mat", fill)
        refusal(f"{spec}:/text", DataError, "MATLAB char array")
        refusal(f"{spec}:/none", DataError, "empty MATLAB array")

    @pytest.mark.parametrize("chunked", [True, False])
    def test_a_size_that_no_memory_holds(self, chunked, tmp_path):
        options = {"chunks": (100, 100)} if chunked else {}
        spec = write_hdf5(
            tmp_path / "M.h5", lambda f: f.create_dataset("M", (10**7, 10**7), "f8", **options)
        )
        refusal(
            spec, MemoryPlanError, r"needs 727.6 TiB of memory to read and .* is available", True
        )

    def test_the_memory_that_is_needed_is_that_of_the_result(self, tmp_path, monkeypatch):
        np.save(tmp_path / "M.npy", np.ones((1000, 1000), "i1"))
        source = open_matrix(str(tmp_path / "M.npy"))
        needed = 8 * 1000 * 1000 + values.BLOCK_BYTES
        monkeypatch.setattr(values, "available_bytes", lambda: needed - 1)
        with pytest.raises(MemoryPlanError):
            source.read()
        source.read("float32")
        monkeypatch.setattr(values, "available_bytes", lambda: needed)
        source.read()

    def test_a_chunk_that_no_memory_holds(self, tmp_path, monkeypatch):
        spec = write_hdf5(
            tmp_path / "M.h5",
            lambda f: f.create_dataset(
                "M", (2, 2), "f8", chunks=(9000, 9000), maxshape=(None,) * 2
            ),
        )
        monkeypatch.setattr(values, "available_bytes", lambda: 500 << 20)
        refusal(spec, MemoryPlanError, "618.0 MiB")

    def test_a_missing_plugin_is_named_with_its_package(self, tmp_path, monkeypatch):
        # Whether or not hdf5plugin is installed where this runs.
        monkeypatch.setattr(objects, "filter_is_there", lambda code: False)
        refusal(
            _filtered(tmp_path, 32015), MissingPackageError, "Zstandard.*pip install hdf5plugin"
        )

    def test_an_unknown_filter_is_named_by_its_number(self, tmp_path):
        refusal(_filtered(tmp_path, 31999), MissingPackageError, "HDF5 filter 31999.*h5repack")


def _filtered(folder, code):
    """A file with a dataset whose only chunk went through the filter of that number."""

    def fill(file):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4, 4))
        properties.set_filter(code, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((4, 4))
        dataset = h5py.h5d.create(file.id, b"M", h5py.h5t.NATIVE_DOUBLE, space, properties)
        dataset.write_direct_chunk((0, 0), bytes(50))

    return write_hdf5(folder / "M.h5", fill)
