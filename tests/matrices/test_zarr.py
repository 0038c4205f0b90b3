"""Zarr stores as matrices: each form of them, what is chosen, and what is refused."""

from __future__ import annotations

import base64
import shutil
import struct
import sys

import numpy as np
import pytest
import zarr
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import KINDS, forms, sample
from refusals import refusal
from slabbed import assert_bits_equal, together
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
from zarr_files import DENSE, anndata, array, in_folder, in_zip, xarray

from mfact.errors import DataError, MissingPackageError, SettingsError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestZarr(ReaderContract):
    forms = forms("zarr")


@pytest.mark.parametrize("write", [in_folder, pytest.param(in_zip, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", DENSE)
def test_every_form_whole_and_in_slabs(name, write, tmp_path):
    M = sample()
    source = open_matrix(write(DENSE[name])(tmp_path, M))
    assert (source.dataset, source.stored_dtype[1:], source.notes) == (None, "f8", ())
    np.testing.assert_array_equal(source.read(), M)
    slabs = source.slabs(700)
    plain = "raw" in name or "keys" in name or "nested" in name
    of_files = plain and "sharded" not in name and write is in_folder
    assert type(slabs).__name__ == ("ChunkFiles" if of_files else "ReadersApart")
    assert_bits_equal(together(slabs, 2).astype("<f8"), M)


@pytest.mark.slow
@pytest.mark.timeout(300)
@given(data=st.data())
def test_any_array_is_what_npy_gives(tmp_path_factory, data):
    """Of drawn shape, chunks, kind, version, order and codecs, with some chunks not written."""
    draw = data.draw
    shape = draw(st.tuples(st.integers(1, 30), st.integers(1, 30)), "shape")
    chunk = draw(st.tuples(st.integers(1, 32), st.integers(1, 32)), "chunk")
    kind, version = draw(st.sampled_from(KINDS), "kind"), draw(st.sampled_from([2, 3]), "version")
    asked = {"zarr_format": version, "order": draw(st.sampled_from("CF"), "order")}
    if version == 3:
        codec = draw(st.sampled_from([None, ZstdCodec(), BloscCodec(), GzipCodec()]), "codec")
        many = draw(st.sampled_from([None, 1, 2, 3]), "chunks of a shard")
        shards = many and tuple(many * length for length in chunk)
        endian = "big" if kind[0] == ">" else "little"
        serializer = zarr.codecs.BytesCodec(endian=endian if kind[2] != "1" else None)
        asked = {"compressors": codec, "shards": shards, "serializer": serializer}
    elif draw(st.booleans(), "raw"):
        asked["compressors"] = None
    M = sample(shape=shape).astype(kind)
    M[: shape[0] // 2] = 1  # whole chunks of which are left out
    tmp_path = tmp_path_factory.mktemp("zarr")
    stored = zarr.create_array(
        tmp_path / "M", shape=shape, chunks=chunk, dtype=kind, fill_value=1,
        config={"write_empty_chunks": draw(st.booleans(), "write all")}, **asked,
    )  # fmt: skip
    stored[...] = M
    np.save(tmp_path / "M.npy", M)
    truth, source = open_matrix(str(tmp_path / "M.npy")), open_matrix(str(tmp_path / "M"))
    np.testing.assert_array_equal(source.read(), truth.read())
    assert source.stored_dtype == truth.stored_dtype
    block = draw(st.sampled_from([1, 100, 1 << 20]), "bytes of a slab")
    assert_bits_equal(together(source.slabs(block)), together(truth.slabs(block)))
    turned = open_matrix(str(tmp_path / "M"), transpose=True).slabs(block)
    assert_bits_equal(together(turned), np.ascontiguousarray(M.T))


class TestWhatIsMeant:
    @pytest.fixture
    def store(self, tmp_path):
        root = zarr.open_group(tmp_path / "M.zarr", mode="w")
        A = np.arange(3 * 8 * 9.0).reshape(3, 8, 9)
        root.create_array("a/stack", data=A, chunks=(2, 5, 4))
        root.create_array("W", data=sample())
        root.create_array("labels", data=np.arange(3))
        root.create_array("text", shape=(3, 2), dtype="str")
        return str(tmp_path / "M.zarr"), A

    def test_the_only_matrix(self, store):
        source = open_matrix(store[0])
        assert source.name == "M.zarr:/W"
        assert "took /W (37×23 float64), not /a/stack (3×8×9 float64)" in source.notes[0]

    def test_a_dataset_by_any_spelling(self, store):
        spec, _ = store
        for typed in ("::W", ":/W", "/W", "#W", "::/W"):
            np.testing.assert_array_equal(open_matrix(spec + typed).read(), sample())
        np.testing.assert_array_equal(open_matrix(spec, dataset="W").read(), sample())

    def test_parts_of_a_stack(self, store):
        spec, A = store
        for typed, truth in (("[0]", A[0]), ("[:,1]", A[:, 1]), ("[fold]", A.reshape(3, 72)),
                             ("[:,:,-1]", A[:, :, -1])):  # fmt: skip
            source = open_matrix(f"{spec}::a/stack{typed}")
            np.testing.assert_array_equal(source.read(), truth)
            if typed != "[fold]":
                np.testing.assert_array_equal(together(source.slabs(100)), truth)
            # The array alone is a store too.
            np.testing.assert_array_equal(open_matrix(f"{spec}/a/stack{typed}").read(), truth)
        alone = f"{spec}/a/stack"
        error = refusal(alone, DataError, "is 3-D, of shape")
        assert f"as {alone}::[0], or fold it, {alone}::[fold]" in error.way_out
        np.testing.assert_array_equal(open_matrix(f"{alone}::[0]").read(), A[0])
        points = open_matrix(f"{spec}::a/stack", points=True)
        np.testing.assert_array_equal(points.read(), A.reshape(3, 72))

    @pytest.mark.parametrize(
        ("typed", "told"),
        [
            ("::V", r"/V does not exist: name another array; .*/W \(37×23 float64\)"),
            ("::a", "is a group, not a matrix: .*/a/stack"),
            ("::../M.zarr/W", "does not exist"),
            ("::text", "holds strings"),
            ("::a/stack", r"is 3-D.*::?/?a/stack\[0\]"),
            ("::a/stack[5]", "no 5 along axis 0"),
            ("::labels", "is 1-D"),
        ],
    )
    def test_refused(self, store, typed, told):
        refusal(store[0] + typed, DataError, told)

    def test_one_array_has_no_other_in_it(self, store):
        refusal(f"{store[0]}/W::X", SettingsError, "is a Zarr array and holds one array")
        refusal(f"{store[0]}::W[fold]", SettingsError, "folds what is 2-D")

    def test_several_matrices_are_listed(self, store, tmp_path):
        zarr.open_group(store[0]).create_array("V", data=sample())
        refusal(store[0], DataError, "holds 2 matrices: name one.* /V .*/W ")
        zarr.open_group(tmp_path / "empty", mode="w")
        refusal(tmp_path / "empty", DataError, "holds no 2-D numeric array")

    @pytest.mark.parametrize(
        ("kind", "told"),
        [("c16", "complex numbers"), ("M8[s]", "dates"), ("m8[s]", "time differences"),
         ("S3", "strings"), ("U3", "strings"), ([("a", "f4"), ("b", "i2")], "structured records")],
    )  # fmt: skip
    def test_kinds_that_are_no_numbers(self, kind, told, tmp_path):
        fill = {"fill_value": np.zeros((), kind)[()]} if isinstance(kind, list) else {}
        zarr.create_array(tmp_path / "M", shape=(3, 2), dtype=kind, zarr_format=2, **fill)
        refusal(tmp_path / "M", DataError, f"holds {told}")

    def test_zips_of_the_folder_itself(self, store, tmp_path):
        shutil.make_archive(str(tmp_path / "whole"), "zip", tmp_path, "M.zarr")
        np.testing.assert_array_equal(open_matrix(f"{tmp_path}/whole.zip").read(), sample())


class TestAnnData:
    @pytest.mark.parametrize(("form", "version"), [("csr", 2), ("csc", 3), ("dense", 3)])
    def test_x_and_its_names(self, form, version, tmp_path):
        spec = in_folder(anndata(form, version))(tmp_path, sample())
        source = open_matrix(spec)
        A = source.read()
        np.testing.assert_array_equal(A.toarray() if source.sparse else A, sample())
        assert (source.dataset, source.sparse) == ("/X", form != "dense")
        assert "took /X, not /layers/counts" in source.notes[0]
        names = source.names()
        assert (names.rows[36], names.columns[22]) == ("obs 36", "var 22")
        assert open_matrix(f"{spec}::layers/counts", transpose=True).names().rows[0] == "var 0"
        np.testing.assert_array_equal(open_matrix(f"{spec}::layers/counts").read(), sample() + 1)

    def test_a_broken_one(self, tmp_path):
        spec = in_folder(anndata("csr"))(tmp_path, sample())
        refusal(f"{spec}::X[0]", SettingsError, "is sparse and is read whole")
        shutil.rmtree(f"{spec}/X/indptr")
        refusal(spec, DataError, "broken sparse matrix: indptr is no array")


class TestPacked:
    @pytest.mark.parametrize("version", [2, 3])
    def test_scale_offset_and_fill(self, version, tmp_path):
        P = (sample() - 50).astype("i2")
        about = {"scale_factor": 0.01, "add_offset": 273.15}
        spec = in_folder(xarray(version, -32767, **about))(tmp_path, P)
        source = open_matrix(spec)
        assert source.dataset == "/tas"
        assert "read as 0.01 · stored + 273.15" in source.notes[0]
        np.testing.assert_array_equal(source.read(), P * 0.01 + 273.15)
        np.testing.assert_array_equal(together(source.slabs(700)), P * 0.01 + 273.15)
        zarr.open_group(spec)["tas"][3, 4] = -32767
        refusal(spec, DataError, r"missing, -32767 .*_FillValue.*, at row 3, column 4", read=True)

    def test_a_float_that_marks_the_missing_in_version_3(self, tmp_path):
        """xarray keeps it in base64 there."""
        mark = base64.standard_b64encode(struct.pack("<d", -999.0)).decode()
        M = sample("f4")
        M[5, 6] = -999
        spec = in_folder(xarray(3, mark))(tmp_path, M)
        refusal(spec, DataError, "missing, -999.0 .*, at row 5, column 6", read=True)

    def test_a_mark_that_is_no_number(self, tmp_path):
        spec = in_folder(xarray(3, "none"))(tmp_path, sample())
        error = refusal(spec, DataError, "its attribute _FillValue is none, which is no number")
        stored = zarr.open_group(spec)["tas"]
        statement = error.way_out.partition("delete it: ")[2].removesuffix(" in zarr")
        exec(statement, {"array": stored})
        np.testing.assert_array_equal(open_matrix(spec).read(), sample())

    def test_a_fill_value_of_an_array_that_is_none_of_xarray_s(self, tmp_path):
        spec = in_folder(array(zarr_format=2, fill_value=7))(tmp_path, sample() * 0 + 7)
        assert open_matrix(spec).read().min() == 7


def test_chunks_that_are_not_there_are_told(tmp_path):
    spec = in_folder(array(fill_value=3))(tmp_path, sample())
    shutil.rmtree(f"{spec}/c/1")
    source = open_matrix(spec)
    note = "5 of its 25 chunks are not in the store, so their entries are the fill value 3.0"
    assert note in source.notes[0]
    M = sample()
    M[8:16] = 3
    np.testing.assert_array_equal(source.read(), M)
    shutil.rmtree(f"{spec}/c")
    assert "25 of its 25 chunks" in open_matrix(spec).notes[0]


def test_without_the_package(tmp_path, monkeypatch):
    spec = in_folder(array())(tmp_path, sample())
    monkeypatch.setitem(sys.modules, "zarr.storage", None)
    error = refusal(spec, MissingPackageError, "is a Zarr store, which zarr 3 reads")
    assert error.way_out == "pip install 'mfact[zarr]'"
