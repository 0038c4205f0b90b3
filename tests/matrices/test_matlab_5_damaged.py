"""MATLAB files of before v7.3 that are damaged, or larger than they say."""

import struct
import zlib

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from matlab_by_hand import by_hand
from matrix_files import sample
from refusals import refusal

from mfact.errors import DataError, MemoryPlanError, MfactError, StorageError
from mfact.matrices import values
from mfact.matrices.matlab import values as matlab_values
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestDamaged:
    @pytest.mark.parametrize("packed", [True, False])
    def test_cut_anywhere(self, packed, tmp_path):
        content = by_hand(sample(), packed=packed)
        for length in (*range(19, 300, 7), len(content) - 1):
            (tmp_path / "M.mat").write_bytes(content[:length])
            with pytest.raises(MfactError) as caught:
                open_matrix(str(tmp_path / "M.mat")).read()
            assert str(caught.value).isprintable()
            assert "None" not in str(caught.value)

    def test_fewer_values_than_the_header_says(self, tmp_path):
        content = by_hand(np.ones((3, 2)))
        size = struct.pack("<2I", 9, 48)
        (tmp_path / "M.mat").write_bytes(content.replace(size, struct.pack("<2I", 9, 4800), 1))
        refusal(tmp_path / "M.mat", StorageError, "so the file is damaged", read=True)

    def test_a_changed_byte_in_what_is_packed(self, tmp_path):
        content = bytearray(by_hand(sample(), packed=True))
        content[-40] ^= 255
        (tmp_path / "M.mat").write_bytes(content)
        refusal(tmp_path / "M.mat", StorageError, "the file is damaged", read=True)

    def test_lengths_that_do_not_fit_the_values(self, tmp_path):
        (tmp_path / "M.mat").write_bytes(by_hand(sample(), shape=(37, 24)))
        refusal(tmp_path / "M.mat", StorageError, "the file is damaged", read=True)

    def test_a_size_that_no_memory_holds(self, tmp_path):
        (tmp_path / "M.mat").write_bytes(by_hand(sample(), shape=(2**31 - 1, 2**30)))
        refusal(tmp_path / "M.mat", MemoryPlanError, "of memory to read", read=True)

    @pytest.mark.slow
    def test_values_that_unpack_to_more_than_there_is_room_for(self, tmp_path, monkeypatch):
        """A bomb: 512 MB in half a megabyte, of which the header says 8 kB."""
        content = by_hand(np.zeros((1, 1000)), packed=False)[128:]
        at = len(content) - 8000 - 8
        bomb = content[:at] + struct.pack("<2I", 9, 1 << 29)
        size = struct.unpack_from("<I", content, 4)[0] - 8000 + (1 << 29)
        packer = zlib.compressobj()
        packed = packer.compress(struct.pack("<2I", 14, size) + bomb[8:])
        for _ in range(32):
            packed += packer.compress(bytes(1 << 24))
        packed += packer.flush()
        whole = by_hand(np.zeros(1))[:128] + struct.pack("<2I", 15, len(packed)) + packed
        (tmp_path / "M.mat").write_bytes(whole)
        monkeypatch.setattr("mfact.matrices.apart.available_bytes", lambda: 0)
        refusal(tmp_path / "M.mat", MfactError, "memory ran out|damaged", read=True)

    def test_a_bad_index_of_a_sparse_one(self, tmp_path):
        spec = tmp_path / "M.mat"
        scipy.io.savemat(spec, {"M": scipy.sparse.csc_array(np.eye(3))})
        content = spec.read_bytes()
        indices = np.arange(3, dtype="<i4").tobytes()
        spec.write_bytes(content.replace(indices, np.array([0, 7, 2], "<i4").tobytes(), 1))
        refusal(spec, DataError, "row index 7 in entry 1, outside 0 … 2", read=True)

    def test_the_memory_that_is_needed_is_that_of_both_processes(self, tmp_path, monkeypatch):
        scipy.io.savemat(tmp_path / "M.mat", {"M": np.ones((1000, 1000))})
        source = open_matrix(str(tmp_path / "M.mat"))
        needed = 2 * 8 * 1000 * 1000 + 2 * matlab_values.BLOCK_BYTES
        monkeypatch.setattr(values, "available_bytes", lambda: needed - 1)
        with pytest.raises(MemoryPlanError):
            source.read()
        monkeypatch.setattr(values, "available_bytes", lambda: needed)
        source.read()
