"""Files that are no checkpoint which is read here: what each is, and the way out."""

from __future__ import annotations

from collections.abc import Sequence

from mfact.errors import DataError
from mfact.matrices.arrays.npy import MAGIC
from mfact.matrices.seen import Seen
from mfact.matrices.strange_zips import kind_of_zip
from mfact.matrices.strangers import LEGACY_TORCH, PACKED, PICKLES, text_start

KERAS_WAY_OUT = (
    "save its weights with numpy.savez, in Keras as "
    '("weights.npz", **{w.path: w.numpy().T for w in model.weights})'
)
_ANY_WAY_OUT = "save its weights with numpy.savez, each array by its name"
_FORMS = "pass a file of safetensors, torch.save or numpy.savez"
_TABLE = bytes.fromhex("57fb808b247547db")  # the last bytes of a TensorFlow index
_READ_ON = 4096
# First bytes, what such a file is, and what to do with it.
_STRANGERS = (
    (
        LEGACY_TORCH,
        "a checkpoint of before PyTorch 1.6, a pickle, which is never loaded because it can run "
        "code",
        "load it with torch.load and save what it holds again with torch.save",
    ),
    *((start, "a pickle, which is never loaded because it can run code", _ANY_WAY_OUT)
      for start in PICKLES),
    (b"GGUF", "a GGUF file",
     "save gguf.quants.dequantize(t.data, t.tensor_type) of its tensors with numpy.savez"),
    (MAGIC, "one array, and a network has several", _ANY_WAY_OUT),
    (b"\x08\x01\x12", "a model of TensorFlow, as it seems", _ANY_WAY_OUT),
    *((b"\x08" + bytes([version, field]), "a model of ONNX, as it seems",
       "save onnx.numpy_helper.to_array(t) of its graph.initializer with numpy.savez")
      for version in range(2, 32) for field in (0x12, 0x3A)),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself",
     "fetch that with git lfs pull"),
    *PACKED,
)  # fmt: skip


def stranger(file: Seen, start: bytes, label: str) -> DataError:
    """Why a file that is in none of the forms is refused; start: its first bytes."""
    if not start:
        return DataError(f"{label} is an empty file", "save the checkpoint again")
    for first, what, way_out in _STRANGERS:
        if start.startswith(first):
            return DataError(f"{label} is {what}", way_out)
    if text := text_start(start):
        return _text(file, text, label)
    with file.opened(label) as stream:
        stream.seek(max(0, file.size - len(_TABLE)))
        if stream.read() == _TABLE:
            return DataError(f"{label} is the index of a TensorFlow checkpoint", _ANY_WAY_OUT)
    return DataError(f"{label} is no kind of checkpoint known here", _ANY_WAY_OUT)


def strange_zip(names: Sequence[str], label: str) -> DataError:
    """The same of a zip archive with members of these names."""
    if "model.weights.h5" in names:
        return DataError(f"{label} is an archive of Keras", KERAS_WAY_OUT)
    if not names:
        return DataError(f"{label} is an empty zip archive", "save the checkpoint again")
    what, _ = kind_of_zip(names)
    return DataError(f"{label} is {what.removesuffix(', not of arrays')}, not of weights", _FORMS)


def sharded(label: str) -> DataError:
    """Why a checkpoint that is cut into several files is refused."""
    return DataError(
        f"{label} is cut into shards, and layers that meet may lie in different ones",
        "load all of them into one dict, and save that with safetensors or torch.save",
    )


def _text(file: Seen, text: str, label: str) -> DataError:
    with file.opened(label) as stream:
        if b'"weight_map"' in stream.read(_READ_ON):
            return sharded(f"{label} lists the files of a checkpoint, which")
    return DataError(f"{label} is text that begins with {text}, not a checkpoint", _FORMS)
