"""HDF5 files: opened for reading, walked link by link, so that no other file is touched unasked."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfact.errors import DataError, MfactError, MissingPackageError, StorageError
from mfact.matrices.seen import Seen
from mfact.matrices.values import refuse_memory
from mfact.words import printable

_WAY_OUT = "copy the file again, or rewrite it with h5py or h5repack"
_UNFINISHED = "already open for"
_MAX_SOFT_LINKS = 40
_MAX_OBJECTS = 10_000

# Names of registered filters that hdf5plugin holds.
_PLUGIN_FILTERS = {
    307: "bzip2", 32001: "Blosc", 32004: "LZ4", 32008: "Bitshuffle", 32013: "ZFP",
    32015: "Zstandard", 32017: "SZ", 32018: "FCIDECOMP", 32024: "SZ3", 32026: "Blosc2",
    32028: "SPERR",
}  # fmt: skip


class MissingObject(DataError):
    """A path that leads nowhere in an HDF5 file."""


@contextmanager
def open_file(seen: Seen, label: str) -> Iterator[Any]:
    """The open h5py.File; whatever the library raises inside becomes one StorageError."""
    import h5py

    try:
        with (
            h5py.File(bytes(seen.path), "r", locking="best-effort") as file,
            seen.unchanged(int(file.id.get_vfd_handle()), label),
        ):
            yield file
    except MfactError:
        raise
    except MemoryError:
        refuse_memory(label)
    # h5py maps the library's failures to all of these, whatever their cause.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        reason, way_out = _reason(error), _WAY_OUT
        if _UNFINISHED in reason:  # locks it not, so its writer may be gone
            reason = "its writer has not closed it"
            way_out = f"wait for its writer; if that was killed, h5clear -s {label}"
        raise StorageError(f"{label} cannot be read: {reason}", way_out) from error


def root(file: Any) -> Any:
    """The identifier of the root group of an open h5py.File."""
    from h5py import h5g

    return h5g.open(file.id, b"/")


def resolve(root: Any, path: str, follow_links: bool, label: str) -> Any:
    """The object identifier that a path leads to, from the group identifier root.

    Soft links stay within the file and are followed; each of their steps is looked at too, so
    that an external link cannot hide behind one. Raises MissingObject, and DataError
    for a cycle and for an external link unless follow_links.
    """
    from h5py import h5g, h5i, h5l, h5o

    here, parts, soft = root, deque(path.encode("utf-8", "surrogateescape").split(b"/")), 0
    while parts:
        part = parts.popleft()
        if part in (b"", b"."):
            continue
        if not isinstance(here, h5g.GroupID) or not here.links.exists(part):
            raise MissingObject(f"{label} does not exist: {printable(part)} is not there")
        kind = here.links.get_info(part).type
        if kind == h5l.TYPE_SOFT:
            soft += 1
            if soft > _MAX_SOFT_LINKS:
                raise DataError(f"{label} is a link that leads to itself", "name the dataset")
            to = here.links.get_val(part)
            here = root if to.startswith(b"/") else here
            parts.extendleft(reversed(to.split(b"/")))
            continue
        if kind != h5l.TYPE_HARD and not follow_links:
            other = printable(here.links.get_val(part)[0]) if kind == h5l.TYPE_EXTERNAL else "it"
            refuse_other_file(f"{label} is a link to another file, {other}")
        here = h5o.open(here, part)
        if kind != h5l.TYPE_HARD:
            root = h5g.open(h5i.get_file_id(here), b"/")
    return here


def refuse_other_file(sentence: str) -> None:
    """Raise DataError: the file would have another file read."""
    raise DataError(sentence, "pass --follow-links if you trust the file")


@dataclass(frozen=True)
class Entry:
    """What is met on a walk. id: its identifier; None for a link to another file."""

    path: str
    id: Any
    is_dataset: bool


def walk(root: Any, is_leaf: Callable[[bytes, Any], bool]) -> Iterator[Entry]:
    """Every group and dataset under root, once each, and links to other files, not followed.

    is_leaf(name, group identifier): whether a group is not to be entered, as it is one thing.
    """
    from h5py import h5d, h5g, h5l, h5o

    seen = {_address(root)}
    waiting = deque([("", root)])
    while waiting and len(seen) < _MAX_OBJECTS:
        path, group = waiting.popleft()
        for name in list(group):
            where = f"{path}/{name.decode('utf-8', 'surrogateescape')}"
            kind = group.links.get_info(name).type
            if kind == h5l.TYPE_EXTERNAL:
                yield Entry(where, None, False)
            if kind != h5l.TYPE_HARD:
                continue
            child = h5o.open(group, name)
            address = _address(child)
            if address in seen or len(seen) >= _MAX_OBJECTS:
                continue
            seen.add(address)
            if isinstance(child, h5d.DatasetID):
                yield Entry(where, child, True)
            elif isinstance(child, h5g.GroupID):
                yield Entry(where, child, False)
                # MATLAB keeps the contents of cells and objects in groups of such names.
                if not name.startswith(b"#") and not is_leaf(name, child):
                    waiting.append((where, child))


def check_own_data(dataset: Any, follow_links: bool, label: str) -> None:
    """Raise DataError when the values of a dataset lie in other files, unless follow_links.

    Called before anything but its creation properties is asked: a virtual dataset opens its
    sources when asked for its shape.
    """
    if follow_links or not kept_elsewhere(dataset):
        return
    properties = dataset.get_create_plist()
    if not properties.get_external_count():
        refuse_other_file(f"{label} is a virtual dataset, which is put together from other files")
    name = printable(properties.get_external(0)[0])
    refuse_other_file(f"{label} keeps its values in another file, {name}")


def kept_elsewhere(dataset: Any) -> bool:
    """Whether the values of a dataset lie in other files."""
    from h5py import h5d

    properties = dataset.get_create_plist()
    return bool(properties.get_layout() == h5d.VIRTUAL or properties.get_external_count())


def other_files(thing: Any, path: Path) -> tuple[str, ...]:
    """The files beside `path` in which an object that was reached by links lies or keeps values.

    A name that is not absolute is looked for from here and from the folder of the file.
    """
    from h5py import h5d, h5f

    names = [h5f.get_name(thing)]
    if isinstance(thing, h5d.DatasetID):
        properties = thing.get_create_plist()
        if properties.get_layout() == h5d.VIRTUAL:
            sources = range(properties.get_virtual_count())
            names += [os.fsencode(properties.get_virtual_filename(index)) for index in sources]
        kept = range(properties.get_external_count())
        names += [properties.get_external(index)[0] for index in kept]
    folder = path.parent
    found = dict.fromkeys(place / os.fsdecode(name) for name in names for place in (Path(), folder))
    return tuple(str(file) for file in found if file.is_file() and not file.samefile(path))


def check_filters(dataset: Any, label: str) -> None:
    """Raise MissingPackageError when a compression filter of a dataset cannot be undone here."""
    properties = dataset.get_create_plist()
    for index in range(properties.get_nfilters()):
        code, _, _, name = properties.get_filter(index)
        if filter_is_there(code):
            continue
        if code in _PLUGIN_FILTERS:
            raise MissingPackageError(
                f"{label} is compressed with {_PLUGIN_FILTERS[code]} (HDF5 filter {code}), "
                "which needs the package hdf5plugin",
                "pip install hdf5plugin",
            )
        raise MissingPackageError(
            f"{label} is compressed with HDF5 filter {code} ({printable(name)}), "
            "which is not installed",
            "rewrite it with h5repack -f GZIP=4 where the filter is installed",
        )


def attribute(object_id: Any, name: str) -> Any:
    """The value of an attribute, bytes as str; None when it is not there."""
    from h5py import AttributeManager, h5a

    if not h5a.exists(object_id, name.encode()):
        return None
    value = AttributeManager(_Owner(object_id))[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class _Owner:
    """Just enough of an h5py object for its AttributeManager."""

    def __init__(self, object_id: Any) -> None:
        self.id = object_id


def filter_is_there(code: int) -> bool:
    from h5py import h5z

    if h5z.filter_avail(code):
        return True
    if code in _PLUGIN_FILTERS:
        try:
            import hdf5plugin  # noqa: F401  # importing it registers its filters
        except ImportError:
            return False
    return bool(h5z.filter_avail(code))


def _address(object_id: Any) -> tuple[int, int]:
    from h5py import h5o

    info = h5o.get_info(object_id)
    return int(info.fileno), int(info.addr)


def _reason(error: Exception) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    match = re.search(r"\((.+)\)", text)
    return printable((match.group(1) if match else text)[:160])
