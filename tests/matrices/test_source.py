"""The door of matrices: what a name means and what is known before reading."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from matrix_files import FORMS, sample, write_hdf5

from mfact.errors import SettingsError
from mfact.matrices import values
from mfact.matrices.source import open_matrix
from mfact.matrices.spec import split_spec


class TestSpecs:
    @pytest.fixture
    def file(self, tmp_path):
        return write_hdf5(
            tmp_path / "M.h5", lambda f: f.update({"a/M": sample(), "N": sample() + 1})
        )

    @pytest.mark.parametrize("suffix", [":/a/M", "::/a/M", "::a/M", ":/a//M/"])
    def test_a_dataset_in_the_spec(self, file, suffix):
        source = open_matrix(file + suffix)
        assert (source.dataset.strip("/").replace("//", "/"), source.path) == ("a/M", file)
        np.testing.assert_array_equal(source.read(), sample())

    @pytest.mark.parametrize("dataset", ["/a/M", "a/M"])
    def test_a_dataset_by_option(self, file, dataset):
        source = open_matrix(file, dataset=dataset)
        assert (source.name, source.path) == ("M.h5:/a/M", file)
        np.testing.assert_array_equal(source.read(), sample())

    def test_both_must_agree(self, file):
        assert open_matrix(f"{file}:/N", dataset="N").dataset == "/N"
        with pytest.raises(SettingsError, match="name one"):
            open_matrix(f"{file}:/N", dataset="/a/M")

    def test_a_file_of_that_literal_name_wins(self, file, tmp_path):
        (tmp_path / "M.h5:").mkdir()
        np.save(tmp_path / "M.h5:" / "N", np.full((2, 2), 5.0))
        (tmp_path / "M.h5:" / "N.npy").rename(tmp_path / "M.h5:" / "N")
        assert open_matrix(f"{file}:/N").shape == (2, 2)

    def test_colons_in_folders_and_datasets(self, tmp_path):
        (tmp_path / "a:").mkdir()
        file = write_hdf5(tmp_path / "a:" / "M.h5", lambda f: f.update({"x:/y": sample()}))
        assert open_matrix(f"{file}:/x:/y").shape == (37, 23)
        assert split_spec(f"{file}:/x") == (Path(file), "/x")

    def test_a_member_of_an_npz_file(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample(), B=sample() + 1)
        for source in (
            open_matrix(f"{tmp_path}/M.npz", dataset="B"),
            open_matrix(f"{tmp_path}/M.npz:/B"),
        ):
            assert source.name == "M.npz:B"
            np.testing.assert_array_equal(source.read(), sample() + 1)

    @pytest.mark.parametrize("write", [np.save, scipy.io.mmwrite])
    def test_a_dataset_of_a_file_with_one_array_is_refused(self, write, tmp_path):
        with (tmp_path / "M").open("wb") as stream:
            write(stream, sample())
        with pytest.raises(SettingsError, match="leave the dataset out"):
            open_matrix(f"{tmp_path}/M:/N")


def test_describe(tmp_path):
    file = FORMS["tiles"].write(tmp_path, sample("f4"))
    assert open_matrix(file).describe() == {
        "name": "M.h5:/a/M",
        "path": file,
        "format": "hdf5",
        "dataset": "/a/M",
        "shape": [37, 23],
        "stored_dtype": "<f4",
        "order": "chunked (8, 5)",
        "sparse": False,
        "file_bytes": Path(file).stat().st_size,
        "transpose": False,
    }


def test_another_kind_to_compute_in_is_refused(tmp_path):
    np.save(tmp_path / "M.npy", sample())
    with pytest.raises(SettingsError, match="use float64 or float32"):
        open_matrix(str(tmp_path / "M.npy")).read("float16")


def test_nothing_slow_is_imported_before_a_file_asks_for_it(tmp_path):
    np.save(tmp_path / "M.npy", sample())
    code = (
        "import sys; from mfact.matrices.source import open_matrix;"
        f"open_matrix({str(tmp_path / 'M.npy')!r}).read();"
        "print(sorted({'h5py', 'scipy', 'hdf5plugin', *(f'mfact.matrices.{kind}' for kind in "
        "('hdf5', 'matrix_market', 'npz', 'sparse'))} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


PEAK = """
import resource, sys
import h5py, numpy
from mfact.matrices.source import open_matrix
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
base = peak()
matrix = open_matrix(sys.argv[1]).read()
print(peak() - base - matrix.nbytes)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("npy", "<f8"),
        ("npy fortran", ">f4"),
        ("npz deflated", "<f8"),
        ("tiles", "<f8"),
        ("matlab", ">f4"),
    ],
)
def test_the_peak_of_memory_is_the_matrix_and_one_block(form, kind, tmp_path):
    M = np.zeros((4000, 2500), kind)
    M[::7] = 1.0
    if form == "tiles":
        spec = write_hdf5(
            tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, chunks=(100, 100))
        )
    else:
        spec = FORMS[form].write(tmp_path, M)
    shown = subprocess.run(
        [sys.executable, "-c", PEAK, spec], capture_output=True, text=True, check=True
    )
    # Two blocks (as stored, as converted), a mask of one byte a value, and imports on the way;
    # a second matrix would be 80 MB.
    assert int(shown.stdout) < 2.5 * values.BLOCK_BYTES
