"""Checkpoints that torch.save wrote, read and rewritten without torch."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from mfact.errors import DataError
from mfact.matrices.declared import short
from mfact.matrices.seen import Seen
from mfact.tensors.pickles import read_pickle
from mfact.tensors.state_dict import StateDict, Tensor
from mfact.tensors.torch_archive import Archive, look_at_archive
from mfact.tensors.torch_choice import choose
from mfact.tensors.torch_objects import SAVE_ALONE, View, broken_pickle
from mfact.tensors.torch_places import Place
from mfact.tensors.torch_rewriting import rewrite
from mfact.words import format_bytes

# Numbers that are shown in many places, or compressed, make a small file hold more than anybody
# would wait for: refused above both this size and so many times that of the file.
LARGEST, MOST_TIMES = 64 << 20, 64

_PICKLE = "data.pkl"
_MOST_PICKLE = 64 << 20
_PROGRAMS = {
    "constants.pkl": (
        "a TorchScript program",
        "save torch.jit.load(path).state_dict() with torch.save",
    ),
    "archive_format": (
        "an exported program",
        "save torch.export.load(path).state_dict with torch.save",
    ),
}


def open_torch(file: Seen, label: str) -> StateDict:
    """The tensors of a file that torch.save wrote; its names and shapes alone are read.

    Nothing in it is run: a file that holds more than tensors, numbers, text, lists and dicts is
    refused. Where a state dict stands beside other things, it is taken. Raises DataError or
    StorageError, with a way out, for whatever cannot be read so.
    """
    archive = look_at_archive(file, label)
    for name, (what, way_out) in _PROGRAMS.items():
        if archive.holds(name):
            raise DataError(f"{label} is {what}", way_out)
    unpickled = read_pickle(_pickle(archive), label)
    network, left = choose(unpickled.value, label)
    _check_storages(unpickled.views, label)
    big = _is_big(archive)
    named = {
        name: Place.of(view, archive, big, f"{label}:{short(name)}")
        for name, view in network.items()
    }
    beside = set(unpickled.views) - set(network.values())
    others = tuple(
        Place.of(view, archive, big, f"{label}, in what is left out,") for view in beside
    )
    _check_size(archive, named.values())
    return StateDict(
        path=file.path,
        label=label,
        form="torch",
        tensors=tuple(
            Tensor(
                name, place.view.shape, place.view.storage.kind, place.read, _identity(place.view)
            )
            for name, place in named.items()
        ),
        in_order=True,
        left=left,
        rewritten=partial(rewrite, archive, named, others),
    )


def _pickle(archive: Archive) -> bytes:
    entry = archive.entry(_PICKLE)
    if entry.size > _MOST_PICKLE:
        raise DataError(f"{archive.label} has a pickle of {format_bytes(entry.size)}", SAVE_ALONE)
    return archive.read(entry, 0, entry.size).tobytes()


def _is_big(archive: Archive) -> bool:
    """Whether the first byte of a number is its highest; older files do not say that it is not."""
    if not archive.holds("byteorder"):
        return False
    entry = archive.entry("byteorder")
    said = archive.read(entry, 0, entry.size).tobytes() if entry.size <= len("little") else b""
    if said not in (b"little", b"big"):
        raise archive.damaged(entry, "names no order of bytes")
    return said == b"big"


def _check_storages(views: Iterable[View], label: str) -> None:
    """Raise StorageError where one storage is said to be of two kinds or lengths."""
    storages = {view.storage.key: view.storage for view in views}
    for view in views:
        if storages[view.storage.key] != view.storage:
            raise broken_pickle("a storage has two kinds", label)


def _check_size(archive: Archive, places: Iterable[Place]) -> None:
    total = sum(place.cost for place in places)
    if total > max(LARGEST, MOST_TIMES * archive.file.size):
        raise DataError(
            f"{archive.label} holds {format_bytes(total)} in a file of "
            f"{format_bytes(archive.file.size)}",
            "save it again with tensor.clone() in place of each tensor",
        )


def _identity(view: View) -> str:
    """Equal for two tensors that are the same numbers in the same places."""
    return f"{view.storage.key}:{view.offset}:{view.shape}:{view.strides}"
