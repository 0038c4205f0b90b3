"""The door to checkpoints: each kind of file by its first bytes, the others refused with a way out.

First bytes of files of other programs are theirs: PyTorch 2.13, Keras 3.15, ONNX 1.23, GGUF 3.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from tensor_files import entry, packed, safetensors_of

from mfact.errors import DataError, MfactError, StorageError
from mfact.tensors.source import HDF5, look_at, open_state_dict

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def npz_of(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def zip_of(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 40)
    return stream.getvalue()


W = np.ones((2, 3), "f4")
# 640 bytes of header begin a file as a pickle of protocol 2 does.
HEADER = json.dumps({"w": entry("F32", [1], 0, 4)}).encode()
LIKE_A_PICKLE = packed(HEADER.ljust(640), bytes(4))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (safetensors_of({"w": W}), "safetensors"),
        (LIKE_A_PICKLE, "safetensors"),
        (npz_of(w=W), "npz"),
        (zip_of("archive/data.pkl", "archive/data/0"), "torch"),
        (zip_of("data.pkl", "data/0"), "torch"),
    ],
)
def test_a_form_is_told_whatever_the_name(tmp_path, content, form):
    (tmp_path / "weights.txt").write_bytes(content)
    assert look_at(tmp_path / "weights.txt")[2] == form


@pytest.mark.parametrize("block", [0, 512, 1024])
def test_hdf5_is_told_to_who_asks_and_refused_here(tmp_path, block):
    with h5py.File(tmp_path / "w.h5", "w", userblock_size=block) as file:
        file["dense/kernel"] = W
    assert look_at(tmp_path / "w.h5")[2] == HDF5
    assert "w.h5 is an HDF5 file of no known layout: save its weights with" in refusal(
        tmp_path, "w.h5"
    )


@pytest.mark.parametrize("content", [safetensors_of({"w": W}), npz_of(w=W)])
def test_the_tensors_are_read(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    state = open_state_dict(tmp_path / "w")
    assert (state.path, state.label) == (tmp_path / "w", str(tmp_path / "w"))
    np.testing.assert_array_equal(state.named["w"].values(), W)


def refusal(tmp_path, name, content=None, kind=DataError):
    path = tmp_path / name if isinstance(name, str) else name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MfactError) as caught:
        open_state_dict(path)
    assert type(caught.value) is kind
    assert str(caught.value).isprintable()
    assert caught.value.way_out
    return str(caught.value)


LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
INDEX = b'{\n  "metadata": {"total_size": 9},\n  "weight_map": {"w": "model-00001-of-00002.bin"}}'
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LEGACY, "a checkpoint of before PyTorch 1.6, a pickle, which is never loaded because it "
         "can run code: load it with torch.load and save what it holds again with torch.save"),
        (pickle.dumps({"w": W}), "is a pickle, which is never loaded because it can run code: "),
        (INDEX, "lists the files of a checkpoint, which is cut into shards, and layers that meet"),
        (LFS, "is a pointer of Git LFS, not the file itself: fetch that with git lfs pull"),
        (b"GGUF\x03\0\0\0" + b"{\0\0\0\0\0\0\0", "is a GGUF file: save gguf.quants.dequantize("),
        (b"\x08\x0e\x12\x07pytorch:\x96", "is a model of ONNX, as it seems: save onnx.numpy_he"),
        (b"\x08\x0e:\x96\x01\n\x1e\n\x01x", "is a model of ONNX, as it seems: save onnx.numpy_he"),
        (b"\x08\x01\x12\x80\x80", "is a model of TensorFlow, as it seems: save its weights with"),
        (bytes(40) + bytes.fromhex("57fb808b247547db"), "is the index of a TensorFlow checkpoint"),
        (zip_of("metadata.json", "model.weights.h5"), "is an archive of Keras: save its weights"),
        (zip_of("readme.txt"), "is a zip archive of readme.txt, not of weights: pass a file of"),
        (zip_of(), "is an empty zip archive: save the checkpoint again"),
        (gzip.compress(b"w", mtime=0), "is compressed with gzip: unpack it with gunzip first"),
        (b"epoch,loss\n1,2\n", "is text that begins with 'epoch,loss', not a checkpoint: pass a"),
        (b'{"abcd":{"e": 1}}', "is text that begins with '{\"abcd\":{\"e\": 1}}', not a check"),
        (b"", "is an empty file: save the checkpoint again"),
        (bytes(range(128, 256)), "is no kind of checkpoint known here: save its weights with"),
        (b"\x10", "is no kind of checkpoint known here: save its weights with"),
    ],
)  # fmt: skip
def test_other_files(tmp_path, content, said):
    assert said in refusal(tmp_path, "w.safetensors", content)


def test_a_lone_array(tmp_path):
    np.save(tmp_path / "w.npy", W)
    assert "w.npy is one array, and a network has several: " in refusal(tmp_path, "w.npy")


@pytest.mark.parametrize("content", [npz_of(w=W), zip_of("archive/data.pkl")])
def test_a_truncated_archive(tmp_path, content):
    message = refusal(tmp_path, "w.pt", content[:-30], StorageError)
    assert "w.pt cannot be read as a zip archive: " in message
    assert "copy the file again, or write it with torch.save or numpy.savez" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npz_of(n=np.array(["fc"])), "holds no tensor of numbers, but n (strings): pass"),
        (packed({}), "holds no tensor of numbers: pass the weights of a network"),
        (npz_of(w=np.ones(3, "i1"), n=np.array(3)), "weights of integer type alone (int8, int64)"),
        (packed({"w": entry("U8", [2], 0, 2)}, b"12"), "weights of integer type alone (uint8)"),
    ],
)
def test_no_weights(tmp_path, content, said):
    assert said in refusal(tmp_path, "w", content)


class TestNoFile:
    def test_a_missing_one(self, tmp_path):
        said = refusal(tmp_path, "w.pt", None, StorageError)
        assert said.endswith("w.pt does not exist: check the path")

    def test_a_folder(self, tmp_path):
        said = refusal(tmp_path, tmp_path, None, StorageError)
        assert said.endswith(" is a directory: name a file in it")

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "w.pt")
        said = refusal(tmp_path, "w.pt", None, StorageError)
        assert said.endswith("w.pt is no regular file: save it in a file first")

    @pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
    def test_a_name_that_no_file_can_have(self, tmp_path, name):
        message = refusal(tmp_path, Path(name), None, StorageError)
        assert "is not the name of a file" in message or "cannot be read" in message

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
    def test_one_without_permission(self, tmp_path):
        (tmp_path / "w").write_bytes(npz_of(w=W))
        (tmp_path / "w").chmod(0)
        assert "cannot be read: Permission" in refusal(tmp_path, "w", None, StorageError)


class _Boom:
    """Would make a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("form", ["pickle", "object array"])
def test_no_code_is_run(tmp_path, form):
    boom = _Boom(tmp_path / "ran")
    if form == "pickle":
        refusal(tmp_path, "w", pickle.dumps(boom))
    else:
        (tmp_path / "w").write_bytes(npz_of(boom=np.array([boom], object), w=W))
        state = open_state_dict(tmp_path / "w")
        assert [tensor.name for tensor in state.tensors] == ["w"]
        assert state.rewritten({}) == (tmp_path / "w").read_bytes()
    assert not (tmp_path / "ran").exists()
