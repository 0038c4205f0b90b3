"""A file that is damaged, ends early or changes is a StorageError in whichever slab it is met."""

import os
import signal
import zlib

import h5py
import numpy as np
import pytest
from matrix_files import write_hdf5
from own_children import _all_are_ended  # noqa: F401
from slabbed import assert_bits_equal, count, fetched, together

from mfact.errors import StorageError
from mfact.matrices.apart import LibraryCrash
from mfact.matrices.readers import ReadersApart
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

M = np.arange(20.0 * 30).reshape(20, 30)
CHANGED = "was changed while it was read: run again"
CHUNKS = {
    "contiguous": {},
    "rows": {"chunks": (4, 30)},
    "columns": {"chunks": (20, 3)},
    "gzip": {"chunks": (4, 7), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"chunks": (4, 30), "compression": "lzf"},
}
FORMS = ("npy", "npy-F", *CHUNKS)


def save(path, form, values=M):
    if form in CHUNKS:
        spec = write_hdf5(path, lambda f: f.create_dataset("M", data=values, **CHUNKS[form]))
    else:
        with path.open("wb") as stream:
            np.save(stream, np.asfortranarray(values) if form == "npy-F" else values)
        spec = str(path)
    os.utime(path, ns=(10**18, 10**18))
    return spec


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def slabs(form, tmp_path):
    return open_matrix(save(tmp_path / "M", form)).slabs(1000)


class TestChanges:
    def test_between_look_and_cut(self, form, tmp_path):
        source = open_matrix(save(tmp_path / "M", form))
        save(tmp_path / "M", form, M[:, ::-1] + 1)
        os.utime(tmp_path / "M")
        with pytest.raises(StorageError, match=CHANGED):
            source.slabs(1000)

    def test_between_cut_and_reading(self, slabs, form, tmp_path):
        save(tmp_path / "new", form, M + 1)
        (tmp_path / "new").replace(tmp_path / "M")
        with pytest.raises(StorageError, match=CHANGED), slabs.opened(2):
            pass

    def test_no_longer_there(self, slabs, tmp_path):
        (tmp_path / "M").unlink()
        with pytest.raises(StorageError, match="cannot be read"), slabs.opened(1):
            pass

    def test_while_it_is_read(self, slabs, tmp_path):
        with pytest.raises(StorageError, match=CHANGED), slabs.opened(1) as file:  # noqa: PT012
            fetched(slabs, file, 0)
            os.utime(tmp_path / "M")

    def test_a_file_is_read_any_number_of_times(self, slabs):
        assert_bits_equal(together(slabs, 2), M)
        assert_bits_equal(together(slabs, 1), M)

    def test_an_end_too_early_while_it_is_read(self, form, tmp_path):
        """At every border of the slabs of a contiguous file, and in the midst of others."""
        size = len(_saved(tmp_path, form))
        places = [size - M.nbytes + at for at in range(0, M.nbytes, 960)]
        for length in {size - 1, size // 2, *places}:
            slabs = open_matrix(save(tmp_path / "M", form)).slabs(1000)
            errors = []
            with pytest.raises(StorageError, match=CHANGED), slabs.opened(1) as file:  # noqa: PT012
                os.truncate(tmp_path / "M", length)
                for slab in range(count(slabs)):
                    try:
                        fetched(slabs, file, slab)
                    except StorageError as error:
                        errors.append(str(error))
            if form in ("npy", "npy-F", "contiguous"):
                assert any("ends before its last value" in error for error in errors)


def _saved(folder, form):
    save(folder / "M", form)
    return (folder / "M").read_bytes()


class TestDamage:
    def packed(self, folder, change, options=CHUNKS["gzip"]):
        """A file of which one packed chunk is changed."""

        def fill(file):
            D = file.create_dataset("M", data=M, **options)
            mask, raw = D.id.read_direct_chunk((8, 7))
            D.id.write_direct_chunk((8, 7), change(raw), mask)

        return open_matrix(write_hdf5(folder / "M.h5", fill)).slabs(1)

    @pytest.mark.parametrize(
        "change",
        [
            lambda raw: raw[:20] + bytes([raw[20] ^ 16]) + raw[21:],
            lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
            lambda raw: raw[:-9],
            lambda raw: raw[:3],
            lambda raw: bytes(len(raw)),
        ],
        ids=["a bit", "its checksum", "its end", "almost all", "zeros"],
    )
    def test_a_chunk_that_does_not_unpack(self, change, tmp_path):
        slabs = self.packed(tmp_path, change)
        with slabs.opened(1) as file:
            for slab in (0, 1, 3, 4):
                assert_bits_equal(fetched(slabs, file, slab), M[slabs.cuts[slab] :][:4])
            with pytest.raises(StorageError, match="a chunk does not unpack"):
                fetched(slabs, file, 2)

    @pytest.mark.parametrize("values", [27, 29, 10**6], ids=["less", "more", "without end"])
    def test_another_number_of_values(self, values, tmp_path):
        options = {"chunks": (4, 7), "compression": "gzip"}
        slabs = self.packed(tmp_path, lambda raw: zlib.compress(bytes(8 * values)), options)
        with slabs.opened(1) as file, pytest.raises(StorageError, match="does not unpack"):
            fetched(slabs, file, 2)

    def test_a_stream_without_its_end(self, tmp_path):
        options = {"chunks": (4, 7), "compression": "gzip"}
        slabs = self.packed(tmp_path, lambda raw: raw[:-4], options)
        with slabs.opened(1) as file, pytest.raises(StorageError, match="does not unpack"):
            fetched(slabs, file, 2)

    def test_the_checksum_of_old_files(self, tmp_path):
        """HDF5 1.6.2 wrote both halves with their bytes swapped, and all later ones read them."""

        def swapped(raw):
            return raw[:-4] + raw[-4:-2][::-1] + raw[-2:][::-1]

        slabs = self.packed(tmp_path, swapped)
        with h5py.File(tmp_path / "M.h5") as file:
            assert_bits_equal(file["M"][...], M)
        assert_bits_equal(together(slabs), M)

    @pytest.mark.parametrize("outside", [10**6, 2**40, 2**63 + 8])
    def test_a_chunk_outside_the_file(self, outside, tmp_path):
        spec = save(tmp_path / "M.h5", "rows")
        with h5py.File(spec) as file:
            address = file["M"].id.get_chunk_info(2).byte_offset.to_bytes(8, "little")
        content = (tmp_path / "M.h5").read_bytes()
        assert content.count(address) == 1
        (tmp_path / "M.h5").write_bytes(content.replace(address, outside.to_bytes(8, "little")))
        with pytest.raises(StorageError, match="values lie outside the file"):
            open_matrix(spec).slabs(1000)


class TestReadersApart:
    def test_a_crash_of_a_reader_is_an_error_of_the_file(self, tmp_path, monkeypatch):
        slabs = open_matrix(save(tmp_path / "M", "lzf")).slabs(1000)
        serve = ReadersApart.serve

        def crash(self, asked, shared):
            for piece in serve(self, asked, shared):
                yield piece
                if piece.note == 1:
                    os.kill(os.getpid(), signal.SIGSEGV)

        monkeypatch.setattr(ReadersApart, "serve", crash)
        with slabs.opened(1) as file:
            assert_bits_equal(fetched(slabs, file, 1), M[4:8])
            with pytest.raises(LibraryCrash, match="crashed \\(SIGSEGV\\), so the file is damaged"):
                fetched(slabs, file, 2)
            with pytest.raises(StorageError, match="has lost its reader"):
                fetched(slabs, file, 3)

    def test_a_chunk_that_hdf5_cannot_unpack(self, tmp_path):
        spec = save(tmp_path / "M", "lzf")
        with h5py.File(spec, "r+") as file:
            file["M"].id.write_direct_chunk((4, 0), bytes(7))
        slabs = open_matrix(spec).slabs(1000)
        with slabs.opened(1) as file, pytest.raises(StorageError, match="cannot be read"):
            fetched(slabs, file, 1)

    def test_no_reader_is_left(self, tmp_path):
        slabs = open_matrix(save(tmp_path / "M", "lzf")).slabs(1000)
        with pytest.raises(KeyError), slabs.opened(3):
            raise KeyError
