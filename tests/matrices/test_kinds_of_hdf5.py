"""Kinds of number that HDF5 has and NumPy has not, and elements that hold several numbers."""

import h5py
import numpy as np
import pytest
from h5py import h5d, h5s, h5t
from matrix_files import write_hdf5
from refusals import refusal
from slabbed import assert_bits_equal, together

from mfact.errors import DataError
from mfact.matrices.decoded import Decoded
from mfact.matrices.source import open_matrix
from mfact.targets.door import held

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def _float(size, exponent, mantissa, bias):
    """A type as H5Tset_fields makes it: sign, exponent and mantissa in this order."""
    kind = h5t.IEEE_F64LE.copy()
    kind.set_fields(8 * size - 1, mantissa, exponent, 0, mantissa)
    kind.set_precision(8 * size)
    kind.set_size(size)
    kind.set_ebias(bias)
    return kind


BFLOAT16 = _float(2, 8, 7, 127)


def _integer(base, size):
    kind = base.copy()
    kind.set_precision(8 * size)
    kind.set_size(size)
    return kind


def _opaque(size, tag=b""):
    kind = h5t.create(h5t.OPAQUE, size)
    if tag:
        kind.set_tag(tag)
    return kind


def _create(file, kind, M=None, shape=(4, 3), memory=None, chunks=None):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunks:
        properties.set_chunk(chunks)
    space = h5s.create_simple(shape if M is None else M.shape)
    dataset = h5d.create(file.id, b"M", kind, space, properties)
    if M is not None:
        dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(M), memory)


def _of_kind(folder, kind, M=None, **options):
    return write_hdf5(folder / "M.h5", lambda file: _create(file, kind, M, **options))


def _rounded(shape=(37, 23)):
    """Numbers that bfloat16 holds, and the halves of float32 that it keeps."""
    M = np.random.default_rng(1806).standard_normal(shape).astype("f4")
    words = (M.view("u4") >> 16).astype("u2")
    return (words.astype("u4") << 16).view("f4"), words


BFLOATS = {
    "as TensorFlow's and JAX's arrays are kept by h5py": ("V2", None),
    "tagged": (_opaque(2, b"bfloat16"), "opaque"),
    "tagged as NumPy's": (_opaque(2, b"NUMPY:<V2"), "opaque"),
    "tagged by ml_dtypes": (_opaque(2, b"NUMPY:bfloat16"), "opaque"),
    "as a float of its own": (BFLOAT16, h5t.NATIVE_FLOAT),
}


class TestBfloat16:
    def written(self, name, folder, chunks=None):
        M, words = _rounded()
        kind, memory = BFLOATS[name]
        raw = M if memory is h5t.NATIVE_FLOAT else words.view("V2")
        if kind == "V2":
            return write_hdf5(
                folder / "M.h5", lambda f: f.create_dataset("M", data=raw, chunks=chunks)
            )
        memory = kind if memory == "opaque" else memory
        return _of_kind(folder, kind, raw, memory=memory, chunks=chunks)

    @pytest.mark.parametrize("chunks", [None, (8, 5)])
    @pytest.mark.parametrize("name", BFLOATS)
    def test_it_is_read_as_float32(self, name, chunks, tmp_path):
        truth, _ = _rounded()
        path = self.written(name, tmp_path, chunks)
        # By its path: who chooses among several asks no type for its tag.
        source = open_matrix(f"{path}:/M")
        assert (source.stored_dtype, source.shape) == ("bfloat16", (37, 23))
        assert_bits_equal(source.read(), truth.astype("f8"))
        assert_bits_equal(source.read("float32"), truth)
        slabs = source.slabs(700)
        assert len(slabs.cuts) > 3
        assert_bits_equal(together(slabs, 2), truth)
        told = "2-byte values without a kind, read as bfloat16"
        without = "h5py" in name or "NumPy" in name
        assert source.notes == ((f"{path}:/M: {told}",) if without else ())

    def test_its_rounding_is_known_wherever_it_is_held(self, tmp_path):
        source = open_matrix(f"{self.written('tagged', tmp_path)}:/M")
        for way in (held(source, "float64"), held(source, "float64").streamed()):
            assert way.target().stored_eps == 2**-7

    def test_infinities_and_nan(self, tmp_path):
        M = np.array([[np.inf, 1], [-np.inf, np.nan]], "f4")
        path = write_hdf5(
            tmp_path / "M.h5",
            lambda f: f.update({"M": (M.view("u4") >> 16).astype("u2").view("V2")}),
        )
        np.testing.assert_array_equal(together(open_matrix(f"{path}:/M").slabs(4)), M)
        refusal(f"{path}:/M", DataError, "has 3 values that are not finite", read=True)


@pytest.mark.parametrize(
    ("base", "size", "read"),
    [
        (h5t.STD_I32LE, 3, "int32"),
        (h5t.STD_U32BE, 3, "uint32"),
        (h5t.STD_I64BE, 5, "int64"),
        (h5t.STD_U64LE, 7, "uint64"),
    ],
)
def test_integers_of_odd_sizes_are_read_and_named(base, size, read, tmp_path):
    M = np.random.default_rng(0).integers(0, 1 << (8 * size - 1), (9, 7)).astype(read)
    M = -M if read.startswith("i") else M
    path = _of_kind(tmp_path, _integer(base, size), M)
    source = open_matrix(f"{path}:/M")
    assert source.notes == (f"{path}:/M: stored as {8 * size}-bit integers, read as {read}",)
    np.testing.assert_array_equal(source.read(), M.astype("f8"))
    assert_bits_equal(together(source.slabs(100)), M)


def test_names_for_numbers_are_read_as_these(tmp_path):
    M = np.random.default_rng(0).integers(1, 3, (9, 7)).astype("i1")
    kind = h5py.enum_dtype({"ref": 1, "alt": 2}, "i1")
    path = write_hdf5(tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, dtype=kind))
    source = open_matrix(path)
    assert source.notes == (f"{path}:/M: names for numbers (as alt = 2), read as their numbers",)
    np.testing.assert_array_equal(source.read(), M)
    assert_bits_equal(together(source.slabs(20)), M)


def test_bits_are_read_as_the_number_they_make(tmp_path):
    M = np.arange(12, dtype="u1").reshape(4, 3)
    path = _of_kind(tmp_path, h5t.STD_B8LE, M, memory=h5t.STD_B8LE)
    np.testing.assert_array_equal(open_matrix(path).read(), M)


def test_floats_of_other_fields_are_what_hdf5_makes_of_them(tmp_path):
    M = np.random.default_rng(0).integers(-9, 9, (9, 7)).astype("f4")
    path = _of_kind(tmp_path, _float(2, 6, 9, 31), M)  # as the n-bit filter is fed
    source = open_matrix(path)
    assert (source.stored_dtype, source.notes) == ("<f4", ())
    np.testing.assert_array_equal(source.read(), M)


REFUSED = {
    "float8 e4m3": (_float(1, 4, 3, 7), r"float8 numbers \(4 bits of exponent and 3 of mantissa\)"),
    "float8 e5m2": (
        _float(1, 5, 2, 15),
        r"float8 numbers \(5 bits of exponent and 2 of mantissa\)",
    ),
    "24-bit floats": (_float(3, 8, 15, 127), r"24-bit floating-point .*astype\(\"f4\"\)"),
    "40-bit floats": (_float(5, 8, 31, 127), r"40-bit floating-point .*astype\(\"f8\"\)"),
    "long doubles": (h5t.NATIVE_LDOUBLE, "numbers of the kind float128"),
    "times": (h5t.UNIX_D32LE, "times, in a kind of HDF5's own"),
    "opaque bytes": (_opaque(5, b"a\ntag"), r'opaque values of 5 bytes tagged "a\\ntag"'),
    "opaque pairs": (_opaque(2, b"fixed point"), 'opaque values of 2 bytes tagged "fixed point"'),
    "references": (h5t.STD_REF_OBJ, "references to other datasets"),
    "strings": (h5t.C_S1, "strings"),
    "rows": (h5py.h5t.vlen_create(h5t.IEEE_F64LE), r"rows of unequal length .*numpy.stack"),
    "128-bit integers": (_integer(h5t.STD_I64LE, 16), "128-bit integers"),
    "odd integers in arrays": (
        h5t.array_create(_integer(h5t.STD_I32LE, 3), (5,)),
        "elements of a kind that NumPy has no name for",
    ),
    "dates": (_opaque(8, b"NUMPY:<M8[s]"), "dates"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_number_is_named(name, tmp_path):
    kind, pattern = REFUSED[name]
    path = _of_kind(tmp_path, kind)
    refusal(f"{path}:/M", DataError, f"M.h5:/M holds {pattern}")


@pytest.mark.parametrize("names", [("real", "imag"), ("r", "i"), ("re", "im"), ("Re", "Im")])
def test_complex_numbers_in_records(names, tmp_path):
    K = np.zeros((20, 30), [(name, "f8") for name in names])
    path = write_hdf5(tmp_path / "K.mat", lambda f: f.update({"K": K}))
    told = "holds complex numbers: factor the real and the imaginary part separately"
    refusal(f"{path}:/K", DataError, told)
    with h5py.File(path, "r+") as file:
        file["K"].attrs["MATLAB_class"] = np.bytes_("double")
    refusal(f"{path}:/K", DataError, told)


@pytest.mark.skipif(not hasattr(h5t, "COMPLEX"), reason="HDF5 before 2.0")
def test_complex_numbers_of_hdf5s_own(tmp_path):
    refusal(f"{_of_kind(tmp_path, h5t.COMPLEX_IEEE_F64LE)}:/M", DataError, "holds complex numbers")


def test_the_ways_out_work(tmp_path):
    M = np.random.default_rng(0).integers(-9, 9, (9, 7)).astype("f4")
    with h5py.File(_of_kind(tmp_path, _float(3, 8, 15, 127), M)) as file:
        np.testing.assert_array_equal(file["M"].astype("f4")[:], M)

    def fill(file):
        dataset = file.create_dataset("M", (9,), h5py.vlen_dtype("f4"))
        for number, row in enumerate(M):
            dataset[number] = row

    with h5py.File(write_hdf5(tmp_path / "v.h5", fill)) as file:
        np.testing.assert_array_equal(np.stack(file["M"][:]), M)


def test_a_null_dataset(tmp_path):
    path = write_hdf5(tmp_path / "M.h5", lambda f: f.update({"M": h5py.Empty("f8")}))
    refusal(f"{path}:/M", DataError, "null dataset")


def test_the_transpose_of_what_is_decoded(tmp_path):
    truth, _ = _rounded()
    source = open_matrix(f"{TestBfloat16().written('tagged', tmp_path)}:/M", transpose=True)
    assert_bits_equal(source.read("float32"), truth.T)
    slabs = source.slabs(700)
    assert slabs.columns
    assert isinstance(slabs, Decoded)  # on the outside, where its stored form can be asked for
    assert_bits_equal(together(slabs), truth.T)
