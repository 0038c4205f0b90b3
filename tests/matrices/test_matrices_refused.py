"""Every bad input is one line that says what, where, and what to do; and nothing is run."""

import os
import pickle
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from matrix_files import FORMS, SPARSE_FORMS, sample, write_compressed, write_hdf5

from mfact.errors import (
    DataError,
    MemoryPlanError,
    MfactError,
    MissingPackageError,
    StorageError,
)
from mfact.matrices import hdf5, values
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def refusal(spec, kind, pattern, read=False, **options):
    """Open (and read) spec, and hold the error to one line with a way out; return it."""
    with pytest.raises(kind) as caught:
        _open(str(spec), read, options)
    message = str(caught.value)
    assert message.isprintable()
    assert caught.value.way_out
    assert re.search(pattern, message), message
    return caught.value


def _open(spec, read, options):
    source = open_matrix(spec, **options)
    if read:
        source.read()


class TestFiles:
    def test_a_missing_file(self, tmp_path):
        refusal(tmp_path / "M.npy", StorageError, "M.npy does not exist")
        refusal(f"{tmp_path}/M.h5:/a/M", StorageError, "M.h5 does not exist")

    def test_a_name_that_no_file_can_have(self):
        refusal("a\0b", StorageError, "not the name of a file")
        refusal("", StorageError, "not the name of a file")
        refusal("x" * 5000, StorageError, "cannot be read")

    def test_a_directory(self, tmp_path):
        refusal(tmp_path, StorageError, "is a directory")

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        refusal(tmp_path / "pipe", StorageError, "no regular file")

    def test_a_device(self):
        refusal("/dev/zero", StorageError, "no regular file")

    def test_a_dangling_link(self, tmp_path):
        (tmp_path / "M.npy").symlink_to("nowhere")
        refusal(tmp_path / "M.npy", StorageError, "does not exist")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
    def test_a_file_without_permission(self, tmp_path):
        np.save(tmp_path / "M.npy", sample())
        (tmp_path / "M.npy").chmod(0)
        refusal(tmp_path / "M.npy", StorageError, "permission")

    @pytest.mark.parametrize(
        ("start", "pattern"),
        [
            (b"", "an empty file"),
            (b"1.0, 2.0\n3.0, 4.0\n", "text that begins with '1.0, 2.0'.*numpy.loadtxt"),
            (b"\x1f\x8b\x08 zipped", "gunzip"),
            (b"MATLAB 5.0 MAT-file, Platform", "-v7.3"),
            (b"PAR1", "Parquet"),
            (bytes(range(128, 256)), "no kind of matrix file"),
        ],
    )
    def test_other_files_whatever_their_name(self, start, pattern, tmp_path):
        (tmp_path / "M.npy").write_bytes(start)
        refusal(tmp_path / "M.npy", DataError, pattern)


ARRAYS = {
    "complex": (np.ones((2, 2), complex), "complex numbers"),
    "strings": (np.array([["a", "b"]]), "strings"),
    "bytes": (np.array([[b"a", b"b"]]), "strings"),
    "records": (np.zeros((2, 2), [("x", "f8")]), "structured records"),
    "dates": (np.zeros((2, 2), "M8[s]"), "dates"),
    "long doubles": (np.ones((2, 2), np.longdouble), "convert them to float64"),
    "1-D": (np.ones(3), "is 1-D"),
    "3-D": (np.ones((2, 2, 2)), "is 3-D"),
    "0-D": (np.array(1.0), "is 0-D"),
    "no rows": (np.ones((0, 3)), "is empty, of shape 0×3"),
    "no columns": (np.ones((3, 0)), "is empty, of shape 3×0"),
}


class TestArrays:
    @pytest.mark.parametrize("name", ARRAYS)
    def test_npy_and_npz(self, name, tmp_path):
        array, pattern = ARRAYS[name]
        np.save(tmp_path / "M.npy", array)
        refusal(tmp_path / "M.npy", DataError, pattern)
        np.savez(tmp_path / "M.npz", M=array)
        refusal(tmp_path / "M.npz", DataError, pattern)

    @pytest.mark.parametrize(
        "name", [name for name in ARRAYS if name not in ("dates", "strings")]
    )  # which h5py cannot write
    def test_hdf5(self, name, tmp_path):
        array, pattern = ARRAYS[name]
        spec = write_hdf5(tmp_path / "M.h5", lambda f: f.update({"M": array}))
        refusal(f"{spec}:/M", DataError, pattern)
        refusal(spec, DataError, "holds no 2-D numeric dataset.*/M")

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("form", [*FORMS, *SPARSE_FORMS])
    def test_the_place_of_a_value_that_is_not_finite(self, form, value, tmp_path):
        M = sample()
        M[31, 17] = value
        spec = {**FORMS, **SPARSE_FORMS}[form][2](tmp_path, M)
        refusal(spec, DataError, rf"not finite, {value}, at row 31, column 17 ", read=True)
        with pytest.raises(DataError, match="row 31, column 17"):
            open_matrix(spec).digest()

    @pytest.mark.parametrize("form", ["npy fortran", "tiles", "matlab", "npz csc", "matrix market"])
    def test_the_place_of_a_value_that_overflows(self, form, tmp_path):
        M = sample()
        M[31, 17] = 1e200
        source = open_matrix({**FORMS, **SPARSE_FORMS}[form][2](tmp_path, M))
        with pytest.raises(DataError, match=r"row 31, column 17|inf"):
            source.read("float32")
        assert source.read().max() == 1e200


class _Boom:
    """Would make a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("form", ["pickle", "npy", "npz", "sparse form"])
def test_no_pickle_is_loaded(form, tmp_path):
    boom = np.array([[_Boom(tmp_path / "ran")]], object)
    path = tmp_path / "M"
    with path.open("wb") as stream:
        if form == "pickle":
            pickle.dump(boom, stream)
        elif form == "npy":
            np.save(stream, boom)
        elif form == "npz":
            np.savez(stream, M=boom)
        else:
            np.savez(stream, format=boom, shape=[1, 1], data=[1.0], row=[0], col=[0])
    error = refusal(path, DataError, "")
    assert not (tmp_path / "ran").exists()
    if form != "sparse form":
        assert "never" in error.sentence


class TestNpy:
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


class TestNpz:
    def test_several_matrices_are_listed(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample(), B=sample("i2"), c=np.ones(3))
        refusal(
            tmp_path / "M.npz", DataError, r"2 matrices.*A \(37×23 float64\), B \(37×23 int16\)"
        )

    def test_a_missing_member(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample())
        refusal(f"{tmp_path}/M.npz:/B", DataError, "no member /B.*A .37×23 float64")

    def test_a_changed_byte(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample())
        content = bytearray((tmp_path / "M.npz").read_bytes())
        content[1000] ^= 1
        (tmp_path / "M.npz").write_bytes(content)
        refusal(tmp_path / "M.npz", StorageError, "CRC", read=True)

    def test_a_header_that_promises_more_than_its_member_holds(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "M.npz", "w") as file:
            header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}"
            start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            file.writestr("M.npy", start + bytes(64))
        refusal(tmp_path / "M.npz", StorageError, "truncated")

    def test_other_compressions(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "M.npz", "w", zipfile.ZIP_LZMA) as file:
            file.writestr("M.npy", bytes(500))
        refusal(tmp_path / "M.npz", DataError, "zip method 14.*savez_compressed")

    @pytest.mark.parametrize("form", ["bsr", "dia"])
    def test_other_sparse_forms(self, form, tmp_path):
        S = scipy.sparse.csr_array(sample()).asformat(form)
        scipy.sparse.save_npz(tmp_path / "S.npz", S)
        refusal(tmp_path / "S.npz", DataError, rf"form {form}.*\.tocsr\(\)")


BAD_INDICES = {
    "index too large": ({"indices": [0, 3]}, "index 3 in entry 1, outside 0 … 2"),
    "index negative": ({"indices": [-1, 1]}, "index -1 in entry 0"),
    "indices not whole": ({"indices": [0.0, 1.0]}, "integers"),
    "too few indices": ({"indices": [0]}, "1 indices for 2 values"),
    "too few pointers": ({"indptr": [0, 2]}, "2 pointers and needs"),
    "pointers not from zero": ({"indptr": [1, 1, 2, 2]}, "do not run from 0"),
    "pointers past the end": ({"indptr": [0, 1, 2, 9]}, "do not run from 0 to 2"),
    "pointers decrease": ({"indptr": [0, 2, 1, 2]}, "decrease after entry 1"),
}


class TestSparse:
    @pytest.mark.parametrize("major", ["csr", "csc"])
    @pytest.mark.parametrize("name", BAD_INDICES)
    def test_bad_indices(self, name, major, tmp_path):
        change, pattern = BAD_INDICES[name]
        good = {"data": [1.0, 2.0], "indices": [0, 1], "indptr": [0, 1, 2, 2]}
        arrays = {key: np.array(value) for key, value in {**good, **change}.items()}
        np.savez(tmp_path / "S.npz", format=np.bytes_(major), shape=np.array([3, 3]), **arrays)
        refusal(tmp_path / "S.npz", DataError, pattern, read=True)

        def fill(file):
            file.attrs["encoding-type"] = f"{major}_matrix"
            file.attrs["shape"] = np.array([3, 3])
            file.update(arrays)

        refusal(write_hdf5(tmp_path / "S.h5", fill), DataError, pattern, read=True)

    @pytest.mark.parametrize("axis", ["row", "col"])
    def test_bad_coordinates(self, axis, tmp_path):
        good = {"row": np.array([0, 1]), "col": np.array([0, 1])}
        np.savez(
            tmp_path / "S.npz",
            format=np.bytes_("coo"),
            shape=np.array([3, 3]),
            data=np.ones(2),
            **{**good, axis: np.array([0, 7])},
        )
        refusal(tmp_path / "S.npz", DataError, "index 7 in entry 1, outside 0 … 2", read=True)

    def test_a_sum_of_duplicates_that_overflows(self, tmp_path):
        S = scipy.sparse.coo_array(([1e308, 1e308], ([1, 1], [2, 2])), shape=(3, 4))
        scipy.sparse.save_npz(tmp_path / "S.npz", S)
        refusal(tmp_path / "S.npz", DataError, "at row 1, column 2", read=True)


MARKET = "%%MatrixMarket matrix "


class TestMatrixMarket:
    @pytest.mark.parametrize(
        ("text", "pattern"),
        [
            ("array real general\n2 2\n1\nx\n3\n4\n", "no number"),
            ("array real general\n2 2\n1.5\n2.5\n3.5\n", "truncated.*4 entries and ends after 3"),
            ("array real general\n2 2\n1\n2\n3\n4\n5\n", "more than the 4 entries"),
            ("array real general\n2 2\n1\nnan\n3\n4\n", "not finite, nan, at row 1, column 0"),
            ("array complex general\n1 1\n1 1\n", "complex"),
            ("array real hermitian\n1 1\n1\n", "not taken"),
            ("array real symmetric\n2 3\n1\n1\n1\n1\n1\n", "not square"),
            ("array pattern general\n1 1\n1\n", "not taken"),
            ("array real general\n0 2\n", "is empty"),
            ("array real general\n-2 2\n1\n", "broken size line"),
            ("array real\n2 2\n1\n", "broken MatrixMarket banner"),
            ("coordinate real general\n2 2 1\n3 1 1.0\n", "row number 3, outside 1 … 2"),
            ("coordinate real general\n2 2 1\n1 0 1.0\n", "column number 0, outside 1 … 2"),
            ("coordinate real general\n2 2 1\n1 1.5 1.0\n", "column number 1.5"),
            ("coordinate real general\n2 2 2\n1 1 1.0\n2 2 \n", "truncated"),
            ("coordinate real general\n2 2 999999999999\n1 1 1.0\n", "truncated"),
            ("coordinate real general\n2 2 1\n" + "1" * 9000 + "\n", "no number|truncated|row"),
        ],
    )
    def test_broken_files(self, text, pattern, tmp_path):
        (tmp_path / "M.mtx").write_text(MARKET + text)
        refusal(tmp_path / "M.mtx", MfactError, pattern, read=True)


class TestHdf5:
    def test_truncated_and_overwritten(self, tmp_path):
        spec = Path(FORMS["tiles"][2](tmp_path, sample()))
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

        spec = write_hdf5(tmp_path / "M.h5", fill)
        error = refusal(spec, DataError, "holds 3 matrices: name one with --dataset")
        assert "/N (37×23 >i2), /S (sparse), /a/M (37×23 float64)" in error.way_out

    def test_a_missing_dataset_and_a_group(self, tmp_path):
        spec = FORMS["tiles"][2](tmp_path, sample())
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
        monkeypatch.setattr(hdf5, "_filter_is_there", lambda code: False)
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


class TestOtherFiles:
    """Files that name other files: here pipes, which would hang whoever opens them."""

    @pytest.fixture
    def pipe(self, tmp_path):
        os.mkfifo(tmp_path / "other.h5")
        return str(tmp_path / "other.h5")

    @pytest.fixture
    def fills(self, pipe):
        def virtual(file):
            layout = h5py.VirtualLayout((4, 4), "f8")
            layout[:] = h5py.VirtualSource(pipe, "M", (4, 4))
            file.create_virtual_dataset("M", layout)

        def growing(file):
            layout = h5py.VirtualLayout((4, 4), "f8", maxshape=(None, 4))
            source = h5py.VirtualSource(pipe, "M", (4, 4), maxshape=(None, 4))
            layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
            file.create_virtual_dataset("M", layout)

        def sparse(file):
            file.attrs["encoding-type"], file.attrs["shape"] = "csr_matrix", np.array([4, 4])
            file["indices"], file["indptr"] = np.zeros(0, int), np.zeros(5, int)
            file["data"] = h5py.ExternalLink(pipe, "/data")

        return {
            "external link": lambda f: f.update({"M": h5py.ExternalLink(pipe, "/M")}),
            "link to a link": lambda f: f.update(
                {"far": h5py.ExternalLink(pipe, "/"), "M": h5py.SoftLink("/far/M")}
            ),
            "external storage": lambda f: f.create_dataset(
                "M", (4, 4), "f8", external=[(pipe, 0, 128)]
            ),
            "virtual": virtual,
            "virtual that grows": growing,
            "part of a sparse matrix": sparse,
        }

    @pytest.mark.parametrize(
        "name",
        [
            "external link",
            "link to a link",
            "external storage",
            "virtual",
            "virtual that grows",
            "part of a sparse matrix",
        ],
    )
    def test_they_are_not_opened(self, name, fills, tmp_path):
        spec = write_hdf5(tmp_path / "M.h5", fills[name])
        dataset = "" if name == "part of a sparse matrix" else ":/M"
        refusal(spec + dataset, DataError, "--follow-links")

    @pytest.mark.parametrize("name", ["external link", "virtual", "virtual that grows"])
    def test_nor_to_list_what_a_file_holds(self, name, fills, tmp_path):
        spec = write_hdf5(tmp_path / "M.h5", fills[name])
        refusal(spec, DataError, "holds no 2-D numeric dataset")

    def test_they_are_followed_when_asked_for(self, tmp_path):
        M = sample()
        other = write_hdf5(tmp_path / "real.h5", lambda f: f.update({"M": M}))
        (tmp_path / "raw").write_bytes(M.tobytes())
        layout = h5py.VirtualLayout(M.shape, "f8")
        layout[:] = h5py.VirtualSource(other, "M", M.shape)

        def fill(file):
            file["link"] = h5py.ExternalLink("real.h5", "/M")
            file["far"], file["soft"] = h5py.ExternalLink("real.h5", "/"), h5py.SoftLink("/far/M")
            file.create_virtual_dataset("virtual", layout)
            external = [(str(tmp_path / "raw"), 0, M.nbytes)]
            file.create_dataset("external", M.shape, "f8", external=external)

        spec = write_hdf5(tmp_path / "M.h5", fill)
        for name in ("link", "soft", "virtual", "external"):
            source = open_matrix(f"{spec}:/{name}", follow_links=True)
            np.testing.assert_array_equal(source.read(), M)

    def test_soft_links_in_a_circle(self, tmp_path):
        spec = write_hdf5(
            tmp_path / "M.h5",
            lambda f: f.update({"a": h5py.SoftLink("/b"), "b": h5py.SoftLink("/a")}),
        )
        refusal(f"{spec}:/a", DataError, "leads to itself")


def test_the_file_is_never_written(tmp_path):
    for form, (_, _, write) in {**FORMS, **SPARSE_FORMS}.items():
        folder = tmp_path / form.replace(" ", "-")
        folder.mkdir()
        file = Path(write(folder, sample()).removesuffix(":/s"))  # the dataset of "by soft link"
        before = file.read_bytes(), file.stat().st_mtime_ns
        file.chmod(0o444)
        source = open_matrix(str(file), dataset="/s" if form == "by soft link" else None)
        source.read()
        source.digest()
        assert (file.read_bytes(), file.stat().st_mtime_ns) == before
