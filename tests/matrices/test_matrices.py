"""Every form of a file gives the matrix that was written, and the same digest."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import FORMS, SPARSE_FORMS, sample, write_hdf5

from mfact.errors import SettingsError
from mfact.matrices import hdf5_dense, hdf5_sparse, npy, sparse, values
from mfact.matrices.source import open_matrix, split_spec

KINDS = ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2", "|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<u8"]


def _digest(M):
    return hashlib.sha256(np.ascontiguousarray(M, "<f8").tobytes()).hexdigest()


@pytest.fixture(params=["whole", "in small blocks"])
def _blocks(request, monkeypatch):
    """Once as it is, and once with blocks of 96 bytes, so that every border is crossed."""
    if request.param == "in small blocks":
        for module in (npy, hdf5_dense, hdf5_sparse, sparse, values):
            monkeypatch.setattr(module, "BLOCK_BYTES", 96)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("name", FORMS)
def test_dense_forms(name, tmp_path):
    expected, order, write = FORMS[name]
    M = sample()
    source = open_matrix(write(tmp_path, M))
    assert (source.format, source.order, source.sparse) == (expected, order, False)
    assert (source.shape, source.stored_dtype) == ((37, 23), "<f8")
    A = source.read()
    np.testing.assert_array_equal(A, M)
    assert A.dtype == np.float64
    fortran = order == "F" or expected == "matlab"
    assert A.flags.f_contiguous if fortran else A.flags.c_contiguous
    assert source.digest() == _digest(M)
    single = source.read("float32")
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, M)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("name", SPARSE_FORMS)
def test_sparse_forms(name, tmp_path):
    expected, order, write = SPARSE_FORMS[name]
    M = sample()
    source = open_matrix(write(tmp_path, M))
    assert (source.format, source.order, source.sparse) == (expected, order, True)
    assert source.shape == (37, 23)
    A = source.read()
    assert isinstance(A, scipy.sparse.csr_array)
    assert A.has_canonical_format
    assert A.dtype == np.float64
    np.testing.assert_array_equal(A.toarray(), M)
    assert source.digest() == _digest(M)
    assert source.read("float32").dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["npy", "npy fortran", "npz deflated", "tiles", "matlab chunked"])
def test_kinds(form, kind, tmp_path):
    M = sample(kind)
    source = open_matrix(FORMS[form][2](tmp_path, M))
    assert source.stored_dtype == kind
    np.testing.assert_array_equal(source.read(), M.astype("f8"))
    assert source.digest() == _digest(M)


@pytest.mark.parametrize("form", ["npy", "npz", "contiguous", "matlab", "h5ad dense"])
def test_booleans_count_as_zero_and_one(form, tmp_path):
    M = sample() > 0
    source = open_matrix(FORMS[form][2](tmp_path, M))
    assert source.stored_dtype == "|b1"
    np.testing.assert_array_equal(source.read(), M.astype("f8"))


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
        patch.setattr(npy, "BLOCK_BYTES", block)
        source = open_matrix(str(path))
        np.testing.assert_array_equal(source.read(), M.astype("f8"))
        assert source.digest() == _digest(M)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    chunks=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    block=st.sampled_from([8, 200, 1600, 1 << 20]),
)
def test_each_chunk_lies_in_one_tile(shape, chunks, block):
    chunks = tuple(min(pair) for pair in zip(chunks, shape, strict=True))
    seen = np.zeros(shape, int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5_dense, "BLOCK_BYTES", block)
        for number, tile in enumerate(hdf5_dense.tiles(shape, chunks, 8), start=1):
            assert (seen[tile] == 0).all()
            seen[tile] = number
    assert (seen > 0).all()
    for top in range(0, shape[0], chunks[0]):
        for left in range(0, shape[1], chunks[1]):
            chunk = seen[top : top + chunks[0], left : left + chunks[1]]
            assert (chunk == chunk[0, 0]).all()


@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_matrix_market_symmetries(symmetry, is_sparse, tmp_path):
    M = np.round(np.random.default_rng(0).standard_normal((7, 7)), 3)
    M = {"general": M, "symmetric": M + M.T, "skew-symmetric": M - M.T}[symmetry]
    written = scipy.sparse.coo_array(M) if is_sparse else M
    scipy.io.mmwrite(tmp_path / "M.mtx", written, symmetry=symmetry)
    source = open_matrix(str(tmp_path / "M.mtx"))
    A = source.read()
    np.testing.assert_array_equal(A.toarray() if is_sparse else A, M)
    assert source.digest() == _digest(M)


@pytest.mark.parametrize("block", [4, 1000])
@pytest.mark.parametrize("kind", ["pattern", "integer", "real"])
def test_matrix_market_entries(kind, block, tmp_path, monkeypatch):
    values = {"pattern": "", "integer": " 7", "real": " -2.5e0"}[kind]
    truth = {"pattern": 1.0, "integer": 7.0, "real": -2.5}[kind]
    path = tmp_path / "M.mtx"
    path.write_text(
        f"%%MatrixMarket MATRIX Coordinate {kind} general\n% a comment\n\n2 3 3\n"
        f"1 1{values}\n2 3{values}\n2 3{values}"  # no line end, one entry twice
    )
    from mfact.matrices import matrix_market

    monkeypatch.setattr(matrix_market, "_BLOCK_BYTES", block)
    A = open_matrix(str(path)).read().toarray()
    np.testing.assert_array_equal(A, [[truth, 0, 0], [0, 0, 2 * truth]])


def test_negative_zero_has_the_digest_of_zero(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0.0, 1.0]]))
    np.save(tmp_path / "b.npy", np.array([[-0.0, 1.0]]))
    a, b = (open_matrix(str(tmp_path / name)).digest() for name in ("a.npy", "b.npy"))
    assert a == b


def test_other_values_or_shapes_have_other_digests(tmp_path):
    M = sample()
    for name, A in {"a": M, "b": M + 1, "c": M[::-1]}.items():
        np.save(tmp_path / f"{name}.npy", A)
    assert len({open_matrix(str(tmp_path / f"{name}.npy")).digest() for name in "abc"}) == 3


@pytest.mark.parametrize(
    ("stored", "read"), [(2**53 + 1, 2.0**53), (-(2**63), -(2.0**63)), (2**63 - 1, 2.0**63)]
)
def test_long_integers_are_rounded_to_the_nearest_double(stored, read, tmp_path):
    np.save(tmp_path / "M.npy", np.array([[stored]], "i8"))
    assert open_matrix(str(tmp_path / "M.npy")).read()[0, 0] == read


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


@pytest.mark.parametrize("form", ["npy", "npz", "contiguous", "matrix market", "npz csr"])
@pytest.mark.parametrize(
    "folder", [b"with [red]brackets[bold]", b"a b", b"\xff\xfe\xc3\xa9", b"\x1b[1m\n"]
)
def test_any_path(form, folder, tmp_path):
    place = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), folder)))  # noqa: PTH118  # bytes
    place.mkdir()
    source = open_matrix({**FORMS, **SPARSE_FORMS}[form][2](place, sample()))
    A = source.read()
    np.testing.assert_array_equal(A.toarray() if source.sparse else A, sample())
    about = source.describe()
    assert Path(about["path"]).exists()  # the true name, so that it is found again
    assert about["name"].isprintable()
    assert json.dumps(about).isprintable()


def test_describe(tmp_path):
    file = FORMS["tiles"][2](tmp_path, sample("f4"))
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
        "print(sorted({'h5py', 'scipy', 'hdf5plugin'} & set(sys.modules)))"
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
        spec = FORMS[form][2](tmp_path, M)
    shown = subprocess.run(
        [sys.executable, "-c", PEAK, spec], capture_output=True, text=True, check=True
    )
    # Two blocks (as stored, as converted), a mask of one byte a value, and imports on the way;
    # a second matrix would be 80 MB.
    assert int(shown.stdout) < 2.5 * values.BLOCK_BYTES
