"""Marks for missing entries beside fill values, and attributes that are not followed."""

import numpy as np
import pytest
from matrix_files import write_hdf5
from refusals import refusal
from slabbed import together

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def numbers(kind="<i2"):
    return np.random.default_rng(1806).integers(-99, 100, (30, 20)).astype(kind)


def written(folder, raw, attributes, **options):
    def fill(file):
        file.create_dataset("sst", data=raw, **options).attrs.update(attributes)

    return write_hdf5(folder / "M.h5", fill)


@pytest.mark.parametrize("kind", ["<i2", ">u2", "<i4", "<u4", "<i8", ">u8"])
def test_integers_that_netcdf_fills_with(kind, tmp_path):
    info = np.iinfo(kind)  # as netCDF's manual has them
    least, most = info.min + (2 if info.bits == 64 else 1), info.max - (info.bits == 64)
    fill = most if np.dtype(kind).kind == "u" else least
    raw = np.abs(numbers()).astype(kind)
    raw[3, 4] = fill
    path = written(tmp_path, raw, {}, fillvalue=fill)
    refusal(path, DataError, rf"missing, {fill} \(netCDF's default fill value\)", read=True)
    for options in ({}, {"fillvalue": 7}):  # a number like any other
        path = written(tmp_path, raw, {}, **options)
        np.testing.assert_array_equal(open_matrix(path).read(), raw.astype("f8"))


RANGES = {
    "range": ({"valid_range": np.array([-50, 60], "i2")}, -50, 60),
    "least": ({"valid_min": np.int16(-50)}, -50, 99),
    "most": ({"valid_max": np.float64(60)}, -99, 60),
    "both": ({"valid_min": np.int16(-50), "valid_max": np.array([60], "i2")}, -50, 60),
    "no limit": ({"valid_min": np.float32(-np.inf), "valid_max": np.int16(60)}, -99, 60),
    "scaled": ({"valid_max": np.int16(60), "scale_factor": 0.5}, -99, 60),
}


@pytest.mark.parametrize("name", RANGES)
def test_what_lies_outside_a_valid_range_is_missing(name, tmp_path):
    attributes, least, most = RANGES[name]
    raw = numbers()
    path = written(tmp_path, raw, attributes)
    missing = np.isnan(together(open_matrix(path).slabs(300)))
    np.testing.assert_array_equal(missing, (raw < least) | (raw > most))
    refusal(path, DataError, r"values that are missing, .*\(attribute valid_", read=True)
    whole = np.clip(raw, least, most)
    source = open_matrix(written(tmp_path, whole, attributes))
    assert not any("not applied" in note for note in source.notes)
    np.testing.assert_array_equal(source.read(), whole * attributes.get("scale_factor", 1))


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        (
            {"ScaleFactor": 0.01, "Offset": 2.0},
            "its attributes Offset, ScaleFactor are not applied",
        ),
        ({"slope": np.float32([0.5]), "intercept": 0.0}, "its attribute slope is not applied"),
        ({"CodeMissingValue": b"-9999.9"}, "its attribute CodeMissingValue is not applied"),
        ({"valid_range": "0, 100"}, "its attribute valid_range is not applied"),
        ({"valid_min": 0.5, "scale_factor": 0.01}, "its attribute valid_min is not applied"),
        ({"ScaleFactor": 1.0, "Offset": [0.0], "slope": "none", "gain": [1.0, 2.0]}, ""),
        ({"MissingValue": np.float32(-99), "_FillValue": np.int16(-99)}, ""),
    ],
)
def test_what_is_not_followed_is_told(attributes, told, tmp_path):
    raw = np.abs(numbers())
    source = open_matrix(written(tmp_path, raw, attributes))
    notes = [note for note in source.notes if "not applied" in note]
    assert [note.rpartition(": ")[2] for note in notes] == ([told] if told else [])
    np.testing.assert_array_equal(source.read(), raw * attributes.get("scale_factor", 1))


def test_na_of_r_in_integers(tmp_path):
    raw = numbers("<i4")
    raw[3, 4] = -(2**31)
    path = written(tmp_path, raw, {"rhdf5-NA.OK": np.int32([1])})
    refusal(path, DataError, r"missing, -2147483648 \(NA of R\), at row 3, column 4", read=True)
    np.testing.assert_array_equal(open_matrix(written(tmp_path, raw, {})).read(), raw)
