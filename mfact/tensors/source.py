"""The door to checkpoints: one for every kind of file, told by its first bytes, never its name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mfact.errors import DataError
from mfact.matrices.arrays import npz
from mfact.matrices.formats import NPZ, is_hdf5, is_safetensors
from mfact.matrices.seen import Seen, start_of
from mfact.matrices.strange_zips import is_torch
from mfact.tensors.arrays import open_npz
from mfact.tensors.safetensors import open_safetensors
from mfact.tensors.state_dict import StateDict
from mfact.tensors.strangers import KERAS_WAY_OUT, strange_zip, stranger
from mfact.tensors.torch_zip import open_torch
from mfact.words import printable

HDF5 = "HDF5"


def open_state_dict(path: Path) -> StateDict:
    """The tensors of a checkpoint that another program wrote; their values are not read.

    Raises StorageError for what is no file that can be read; DataError for one that is no
    checkpoint, or holds no floating-point number; MemoryPlanError as its name says.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/w.npz", W=np.eye(3, 2, dtype="f4"))
    ...     state = open_state_dict(Path(folder, "w.npz"))
    ...     state.form, state.named["W"].kind, state.named["W"].values().sum()
    ('npz', 'float32', np.float32(2.0))
    """
    file, label, form = look_at(path)
    if form == HDF5:
        raise DataError(f"{label} is an HDF5 file of no known layout", KERAS_WAY_OUT)
    state = _opened(file, label, form)
    if not any(tensor.is_weight for tensor in state.tensors):
        raise _without_weights(state)
    return state


def look_at(path: Path) -> tuple[Seen, str, str]:
    """(the file, its label, its form: as StateDict names it, or HDF5).

    Raises StorageError for what is no file that can be read, DataError for other kinds of file.
    """
    label = printable(path)
    file, start = start_of(path, label)
    if is_safetensors(start):
        return file, label, "safetensors"
    if start.startswith(NPZ):
        return file, label, _form_of_zip(file, label)
    if is_hdf5(file, start, label):
        return file, label, HDF5
    raise stranger(file, start, label)


def _form_of_zip(file: Seen, label: str) -> str:
    with npz.open_zip(file, label, "a zip archive", "torch.save or numpy.savez") as archive:
        names = archive.namelist()
    if is_torch(names):
        return "torch"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    raise strange_zip(names, label)


def _opened(file: Seen, label: str, form: str) -> StateDict:
    if form == "safetensors":
        return open_safetensors(file, label)
    if form == "npz":
        return open_npz(file, label)
    return open_torch(file, label)


def _without_weights(state: StateDict) -> DataError:
    if not state.tensors:
        left = f", but {', '.join(state.left[:5])}" if state.left else ""
        return DataError(
            f"{state.label} holds no tensor of numbers{left}", "pass the weights of a network"
        )
    kinds = ", ".join(Counter(tensor.kind for tensor in state.tensors))
    return DataError(
        f"{state.label} holds weights of integer type alone ({kinds}), which no gradient moves",
        "pass the checkpoint in floating point, of before quantization",
    )
