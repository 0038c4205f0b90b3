"""Files that are no matrix, whatever their name: one line says what, and what to do."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from matrix_files import sample
from refusals import refusal

from mfact.errors import DataError, StorageError

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


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
            (b"to be or not\nto be\n", "text that begins with 'to be or not': a table of numbers"),
            (b"\x1f\x8b\x08 zipped", "gunzip"),
            (b"PAR1", "Parquet"),
            (bytes(range(128, 256)), "no kind of matrix file"),
        ],
    )
    def test_other_files_whatever_their_name(self, start, pattern, tmp_path):
        (tmp_path / "M.npy").write_bytes(start)
        refusal(tmp_path / "M.npy", DataError, pattern)


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
