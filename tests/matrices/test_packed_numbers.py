"""Packed numbers and marks for missing entries, as netCDF's writers keep them in attributes."""

import h5py
import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hdf5_opened import in_slabs, reader
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import Form, write_hdf5
from refusals import refusal
from slabbed import assert_bits_equal, together

from mfact.errors import DataError
from mfact.matrices import tiled
from mfact.matrices.hdf5.dense import Meant
from mfact.matrices.source import open_matrix
from mfact.matrices.spec import Part
from mfact.targets.door import held

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

NC_FILL = np.float64(9.9692099683868690e36)
"""Of netCDF's NC_FILL_FLOAT and NC_FILL_DOUBLE."""


def _raw(kind="<i2", shape=(30, 20)):
    raw = np.random.default_rng(1806).integers(-99, 100, shape)
    return (raw % 100 if np.dtype(kind).kind == "u" else raw).astype(kind)


def _written(folder, raw, attributes, **options):
    def fill(file):
        file.create_dataset("sst", data=raw, **options).attrs.update(attributes)

    return write_hdf5(folder / "packed.nc", fill)


def _marked(file, M):
    """A floating-point variable as netCDF4-python and xarray write it."""
    file.create_dataset("M", data=M, chunks=(8, 5), shuffle=True, compression="gzip")
    file["M"].attrs["_FillValue"] = np.array([-6e4], M.dtype)
    file["M"].attrs["missing_value"] = np.array([-6e4], M.dtype)


class TestMarked(ReaderContract):
    forms = {  # noqa: RUF012
        "netcdf": Form(
            "hdf5",
            "chunked (8, 5)",
            lambda folder, M: write_hdf5(folder / "M.nc", lambda f: _marked(f, M)),
            ("<f8", ">f8", "<f4", ">f4", "<f2"),
        )
    }


@given(
    kind=st.sampled_from(["|i1", "|u1", "<i2", ">i2", "<u2", "<i4", ">f4", "<f8"]),
    scale=st.none() | st.floats(-100, 100),
    offset=st.none() | st.floats(-300, 300),
    as_array=st.booleans(),
    block=st.sampled_from([8, 96, 1 << 20]),
)
@pytest.mark.slow
def test_entries_are_scaled_and_shifted(tmp_path_factory, kind, scale, offset, as_array, block):
    raw, attributes = _raw(kind), {}
    for name, number in (("scale_factor", scale), ("add_offset", offset)):
        if number is not None:
            attributes[name] = np.array([number]) if as_array else np.float64(number)
    truth = raw.astype("f8") * (1 if scale is None else scale) + (offset or 0)
    path = _written(tmp_path_factory.mktemp("packed"), raw, attributes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled, "BLOCK_BYTES", block)
        source = open_matrix(path)
        assert source.stored_dtype == kind
        np.testing.assert_array_equal(source.read(), truth)
        np.testing.assert_array_equal(source.read("float32"), truth.astype("f4"))
    slabs = source.slabs(700)
    np.testing.assert_array_equal(together(slabs, 2), truth)
    if attributes and (scale, offset) not in ((1, None), (None, 0), (1, 0)):
        assert slabs.stored == np.float64


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        (
            {"scale_factor": np.float32(0.01), "add_offset": np.float32(280)},
            "stored as int16, read as 0.01 · stored + 280 (scale_factor, add_offset)",
        ),
        ({"scale_factor": 0.5}, "stored as int16, read as 0.5 · stored (scale_factor)"),
        ({"add_offset": np.int16(-3)}, "stored as int16, read as stored - 3 (add_offset)"),
        ({"scale_factor": np.float32(1), "add_offset": 0.0, "_FillValue": np.int16(-999)}, None),
        ({"_Unsigned": "true"}, "stored as int16, read as uint16 (_Unsigned)"),
        ({"_Unsigned": "false", "valid_min": np.int16(-99), "units": "K"}, None),
        (
            {"_Unsigned": b"true", "scale_factor": 2.0},
            "stored as int16, read as uint16 (_Unsigned), and as 2 · stored (scale_factor)",
        ),
    ],
)
def test_what_is_done_is_told(attributes, told, tmp_path):
    path = _written(tmp_path, _raw(), attributes)
    expected = () if told is None else (f"{path}:/sst: {told}",)
    assert open_matrix(path).notes == expected


@pytest.mark.parametrize("kind", ["|i1", ">i2", "<i4", "<i8"])
def test_unsigned_numbers_in_signed_ones(kind, tmp_path):
    unsigned = np.dtype(kind.replace("i", "u"))
    high = np.arange(256, dtype="u8").reshape(16, 16) << 8 * (unsigned.itemsize - 1)
    truth = high.astype(unsigned)
    path = _written(tmp_path, truth.view(kind), {"_Unsigned": "true", "scale_factor": 0.5})
    np.testing.assert_array_equal(open_matrix(path).read(), 0.5 * truth.astype("f8"))


FILLS = {
    "of its kind": ("<i2", np.int16(-32767), -32767, "-32767"),
    "as an array": ("<i2", np.array([-32767], "i2"), -32767, "-32767"),
    "as a double": ("<i2", np.float64(-32767), -32767, "-32767"),
    "as an integer": ("<f4", np.int32(-9999), -9999, "-9999.0"),
    "as a double of a float": ("<f4", np.float64(1e20), 1e20, "1e+20"),
    "as a float of a double": ("<f8", np.float32(-999.9), -999.9, "-999.9"),
    "big-endian": (">f4", np.array(NC_FILL, ">f4"), NC_FILL, "9.96921e+36"),
    "unsigned as signed": ("|i1", np.int8(-1), -1, "-1"),
    "unsigned as unsigned": ("|i1", np.uint8(255), -1, "-1"),
    "infinity": ("<f8", np.inf, np.inf, "inf"),
    "NaN": ("<f4", np.float32(np.nan), np.nan, "nan"),
}


@pytest.mark.parametrize("attribute", ["_FillValue", "missing_value"])
@pytest.mark.parametrize("name", FILLS)
def test_marks_of_missing_entries(name, attribute, tmp_path):
    kind, fill, stored, shown = FILLS[name]
    raw = _raw(kind)
    raw[raw == -1] = 1
    raw[3, 4] = stored
    attributes = {attribute: fill, "scale_factor": 0.5}
    if name.startswith("unsigned"):
        attributes["_Unsigned"] = "true"
    path = _written(tmp_path, raw, attributes)
    told = rf"missing, {shown.replace('+', '[+]')} \(attribute {attribute}\), at row 3, column 4"
    refusal(path, DataError, told, read=True)
    missing = np.argwhere(np.isnan(together(open_matrix(path).slabs(300))))
    assert missing.tolist() == [[3, 4]]


def test_several_marks(tmp_path):
    raw = _raw()
    raw[3, 4], raw[5, 4], raw[5, 6] = -999, -998, -997
    marks = {"_FillValue": np.int16(-999), "missing_value": np.array([-998, -999], "i2")}
    path = _written(tmp_path, raw, marks)
    missing = np.isnan(together(open_matrix(path).slabs(300)))
    assert np.argwhere(missing).tolist() == [[3, 4], [5, 4]]
    told = "2 values that are missing.*attribute _FillValue or missing_value"
    refusal(path, DataError, told, read=True)


def test_a_mark_that_the_kind_cannot_hold_marks_nothing(tmp_path):
    for fill in (np.float64(-32767.5), np.int32(-99999), np.float32(np.nan), np.float64(np.inf)):
        path = _written(tmp_path, _raw(), {"_FillValue": fill})
        np.testing.assert_array_equal(open_matrix(path).read(), _raw())
    path = _written(tmp_path, _raw("f2"), {"_FillValue": np.float32(NC_FILL)})
    np.testing.assert_array_equal(open_matrix(path).read(), _raw())


class TestDefaultFills:
    """What the library of a file's writer takes for missing where a dataset does not say."""

    def test_of_floating_point_numbers(self, tmp_path):
        M = _raw("f4")
        M[3, 4] = NC_FILL
        path = _written(tmp_path, M, {"units": "K"})
        meant = Meant(fills=(NC_FILL,))
        told = r"missing, 9.96921e\+36 \(netCDF's default fill value\), at row 3, column 4 "
        with pytest.raises(DataError, match=told):
            reader(path, "sst", meant).read(np.dtype("f8"))
        assert np.isnan(together(in_slabs(path, "sst", meant, 300))).sum() == 1
        assert open_matrix(path).read().max() > 1e36  # a file of whom nothing is known

    def test_not_where_a_dataset_names_another_one(self, tmp_path):
        M = _raw("f4")
        M[3, 4] = NC_FILL
        path = _written(tmp_path, M, {"_FillValue": np.float32(-1e9)})
        assert reader(path, "sst", Meant(fills=(NC_FILL,))).read(np.dtype("f8"))[3, 4] == M[3, 4]


@pytest.mark.parametrize("options", [{}, {"chunks": (7, 6), "compression": "gzip"}])
def test_what_is_not_packed_is_read_as_before(options, tmp_path):
    attributes = {"units": "K", "_Unsigned": "false"}
    path = _written(tmp_path, _raw(), attributes, **options)
    slabs = open_matrix(path).slabs(300)
    assert type(slabs).__name__ == ("Chunked" if options else "Contiguous")
    assert_bits_equal(together(slabs), _raw())


@pytest.mark.parametrize(
    ("name", "value", "pattern"),
    [
        ("scale_factor", "0.01", "scale_factor is 0.01, which is no number"),
        ("scale_factor", np.array([1.0, 2.0]), "scale_factor holds 2 numbers"),
        ("scale_factor", np.nan, "scale_factor is nan"),
        ("add_offset", np.inf, "add_offset is inf"),
        ("add_offset", h5py.Empty("f8"), "add_offset is .*, which is no number"),
        ("_FillValue", b"none", "_FillValue is none, which is no number"),
        ("missing_value", 1j, "missing_value is 1j, which is no number"),
    ],
)
def test_an_attribute_that_is_no_number(name, value, pattern, tmp_path):
    path = _written(tmp_path, _raw(), {name: value})
    error = refusal(path, DataError, pattern)
    with h5py.File(path, "r+") as file:  # the way out
        assert f'del dataset.attrs["{name}"]' in error.way_out
        del file["sst"].attrs[name]
    np.testing.assert_array_equal(open_matrix(path).read(), _raw())


def test_a_slice_of_a_packed_stack(tmp_path):
    raw = _raw(shape=(4, 5, 6))
    path = _written(tmp_path, raw, {"scale_factor": 0.01, "add_offset": 280.0})
    meant = Meant(part=Part((2,)))
    truth = raw[2] * 0.01 + 280.0
    np.testing.assert_array_equal(reader(path, "sst", meant).read(np.dtype("f8")), truth)
    np.testing.assert_array_equal(together(in_slabs(path, "sst", meant, 100)), truth)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_packed_matrix_that_stays_in_its_file(dtype, tmp_path):
    raw = _raw("|u1", (300, 200))
    path = _written(tmp_path, raw, {"scale_factor": 0.01, "add_offset": 280.0}, chunks=(50, 200))
    source = open_matrix(path)
    whole, streamed = held(source, dtype), held(source, dtype).streamed()
    assert streamed.from_file
    ours, theirs = streamed.target(), whole.target()
    assert ours.stored_eps == theirs.stored_eps == 0
    truth = (raw * 0.01 + 280.0).astype(dtype)
    for target in (ours, theirs):
        assert target.norm == pytest.approx(np.linalg.norm(truth.astype("f8")), rel=1e-12)
    np.testing.assert_allclose(ours.sums[0], theirs.sums[0], rtol=0, atol=ours.sums[1])
