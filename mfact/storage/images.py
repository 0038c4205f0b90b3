"""Named arrays and one JSON document as the bytes of one HDF5 file, and back, verified."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array
from mfact.errors import StorageError
from mfact.matrices.formats import HDF5
from mfact.storage.documents import from_json, to_json
from mfact.storage.reading import beginning, whole
from mfact.words import printable

if TYPE_CHECKING:
    import h5py

MARK = b"mfact-sha256:"
DIGEST_LENGTH = 64
HEAD = 4096  # the digest is the first attribute of the root, which opens the file
ARRAY_KINDS = "biufc"
CHUNK_BYTES = 1 << 20  # HDF5's chunk cache, so that every chunk is touched once

KINDS = {
    "run": "a run file",
    "checkpoint": "a checkpoint",
    "network": "a network's run file",
    "network_checkpoint": "a network's checkpoint",
    "sweep": "the file of a sweep",
}
_HEADER = ("schema", "format_version", "datasets")
_HDF5_ERRORS = (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError,
                OverflowError, MemoryError)  # fmt: skip
"""What h5py raises, and what a document with a part missing does."""
_WAYS_OUT = {
    "run": "pass a file that `mfact solve` wrote",
    "checkpoint": "pass a checkpoint that `mfact solve` or `mfact network` wrote",
    "network": "pass a file that `mfact network` wrote",
    "network_checkpoint": "pass a checkpoint that `mfact network` wrote",
    "sweep": "pass a file that `mfact sweep -o` wrote",
}


def make_image(
    kind: str, version: int, arrays: Mapping[str, Array], document: Mapping[str, Any]
) -> bytes:
    """The bytes of an HDF5 file that holds `arrays` as datasets and `document` as JSON.

    Root attribute `mfact_<kind>`: one JSON string, {"schema", "format_version", "datasets":
    name -> shape and dtype, and the keys of document}. Root attribute `mfact_digest`:
    "mfact-sha256:" and the SHA-256 of the whole file, taken with zeros in its place. No
    clock, host or path goes in, so equal contents give equal bytes. The image is read back
    and compared before it is returned.

    arrays: of kind b, i, u, f or c, any shape; "a/b" is dataset b in group a.
    document: plain JSON values (see mfact.storage.documents.plain).

    Raises StorageError for an array of another kind, or when the image reads back different.
    """
    listing = {}
    for name, array in arrays.items():
        if array.dtype.kind not in ARRAY_KINDS:
            raise StorageError(f"the array {name} has dtype {array.dtype}, which cannot be stored")
        listing[name] = {"shape": list(array.shape), "dtype": array.dtype.str}
    header = dict(zip(_HEADER, (f"mfact.{kind}", version, listing), strict=True))
    text = to_json({**header, **document})
    try:
        image = _form(kind, arrays, text)
        intact = _holds(image, kind, version, arrays, text)
    except _HDF5_ERRORS as error:
        raise StorageError(
            f"{KINDS[kind]} could not be formed in memory: {printable(str(error))}", "free memory"
        ) from error
    if not intact:
        raise StorageError(f"{KINDS[kind]} formed in memory reads back different", "try again")
    return image


def read_image(
    path: str | os.PathLike[str], kind: str, version: int
) -> tuple[dict[str, Array], dict[str, Any], int]:
    """The arrays, the document and the format version of the file, its digest verified.

    kind, version: what is expected, and the newest format version this code reads.

    Raises StorageError, one line, when the file is missing, is no mfact file, is of another
    kind or a newer format version, or is damaged; MemoryPlanError when it does not fit.
    """
    image = whole(path, 2)  # the file, and the arrays in it
    if not image.startswith(HDF5) or MARK not in image[:HEAD]:
        raise StorageError(f"{printable(path)} is not {KINDS[kind]} of mfact", _WAYS_OUT[kind])
    if not _is_intact(image):
        sentence = f"{printable(path)} is damaged, or was changed after mfact wrote it"
        raise StorageError(sentence, "use a copy, or run again")
    try:
        return _parse(image, kind, version)
    except StorageError as error:
        raise StorageError(f"{printable(path)} {error.sentence}", error.way_out) from error
    except _HDF5_ERRORS as error:
        sentence = f"{printable(path)} has the digest of an mfact file and not its contents"
        raise StorageError(sentence, _WAYS_OUT[kind]) from error


def _form(kind: str, arrays: Mapping[str, Array], text: str) -> bytes:
    import h5py

    # A memory file of Python's costs a third of the time and half the memory of HDF5's own
    # (driver="core"), whose image must be copied out.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["mfact_digest"] = np.bytes_(MARK + b"0" * DIGEST_LENGTH)
        # A Python string is stored in the heap: the 64 KB limit on attributes is not its.
        file.attrs[f"mfact_{kind}"] = text
        # Held until flushed: a dataset that h5py closes drops the error of a failed write.
        held = [_add(file, name, array) for name, array in arrays.items()]
        file.flush()
        del held
    with buffer.getbuffer() as view:  # while it is out, the value would be a copy
        place, digest = _digest(view)
        view[place] = digest
    return buffer.getvalue()


def _add(file: h5py.File, name: str, array: Array) -> h5py.Dataset:
    """One dataset; with checksums, which need chunks, when it has elements and a length."""
    options: dict[str, Any] = {"track_times": False}
    if array.ndim and array.size:
        row = array.itemsize * int(np.prod(array.shape[1:]))
        rows = min(max(CHUNK_BYTES // row, 1), array.shape[0])
        options["fletcher32"] = True
        options["chunks"] = (rows, *array.shape[1:]) if row <= CHUNK_BYTES else True
    return file.create_dataset(
        name, data=np.ascontiguousarray(array).reshape(array.shape), **options
    )


def _digest(image: memoryview) -> tuple[slice, bytes]:
    """Where the digest goes, and the SHA-256 in hexadecimal with zeros in its place."""
    start = bytes(image[:HEAD]).index(MARK) + len(MARK)
    place = slice(start, start + DIGEST_LENGTH)
    digest = hashlib.sha256(image[: place.start])
    digest.update(b"0" * DIGEST_LENGTH)
    digest.update(image[place.stop :])
    return place, digest.hexdigest().encode()


def _is_intact(image: bytes) -> bool:
    """HDF5 is never given a damaged file: its parser can crash on one."""
    place, digest = _digest(memoryview(image))
    return image[place] == digest


def _parse(image: bytes, kind: str, version: int) -> tuple[dict[str, Array], dict[str, Any], int]:
    """What the image holds, and its version; StorageError with a sentence without a subject."""
    import h5py

    with h5py.File(io.BytesIO(image), "r") as file:
        document, found, listing = _told(file, kind, version)
        stored = {name: _stored(file, name, facts, len(image)) for name, facts in listing.items()}
        arrays = {name: np.asarray(each[()], each.dtype) for name, each in stored.items()}
    return arrays, document, found


def _told(file: h5py.File, kind: str, version: int) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """The document, its version, and what it lists of the arrays."""
    for other, noun in KINDS.items():
        if other != kind and f"mfact_{other}" in file.attrs:
            reads = f"`mfact {'resume' if 'checkpoint' in other else 'show'}` reads it"
            raise StorageError(f"is {noun}, not {KINDS[kind]}", f"{reads}; {_WAYS_OUT[kind]}")
    document = from_json(file.attrs[f"mfact_{kind}"])
    schema, found, listing = (document.pop(key) for key in _HEADER)
    if schema != f"mfact.{kind}" or found < 1:
        raise ValueError("another schema")
    if found > version:
        sentence = f"has format version {found}, and this mfact reads up to {version}"
        raise StorageError(sentence, "use a newer mfact")
    return document, found, listing


def _stored(file: h5py.File, name: str, facts: Mapping[str, Any], size: int) -> h5py.Dataset:
    import h5py

    link = file.get(name, getlink=True)
    dataset = file[name] if isinstance(link, h5py.HardLink) else None
    if (
        not isinstance(dataset, h5py.Dataset)
        or dataset.external
        or dataset.is_virtual
        # Nothing is stored compressed, so a larger array than the file is a trap.
        or dataset.nbytes > size
        or list(dataset.shape) != facts["shape"]
        or dataset.dtype != np.dtype(facts["dtype"])
        or dataset.dtype.kind not in ARRAY_KINDS
    ):
        raise ValueError(f"{name} is not an array that mfact stores")
    return dataset


def _holds(image: bytes, kind: str, version: int, arrays: Mapping[str, Array], text: str) -> bool:
    """Whether the image, read as a file would be, gives back the text and every bit: looked at in
    row blocks, so that no second copy of large factors is made.
    """
    import h5py

    with h5py.File(io.BytesIO(image), "r") as file:
        document, _, listing = _told(file, kind, version)
        same = {key: value for key, value in from_json(text).items() if key not in _HEADER}
        return (
            to_json(document) == to_json(same)
            and listing.keys() == arrays.keys()
            and all(
                _same(_stored(file, name, facts, len(image)), arrays[name])
                for name, facts in listing.items()
            )
        )


def _same(stored: h5py.Dataset, array: Array) -> bool:
    rows = max(1, CHUNK_BYTES * len(array) // array.nbytes) if array.ndim and array.size else 0
    blocks = [slice(at, at + rows) for at in range(0, len(array), rows)] if rows else [()]
    return stored.shape == array.shape and all(
        same_bits(np.asarray(stored[each], stored.dtype), np.asarray(array[each], array.dtype))
        for each in blocks
    )


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """Which of KINDS the file at `path` says it is, by its first bytes; None for another or none.

    Who reads it on is told the rest: whether it is whole, and is that.
    """
    try:
        head = beginning(path, HEAD)
    except StorageError:
        return None
    if not head.startswith(HDF5) or MARK not in head:
        return None
    return next((kind for kind in KINDS if f"mfact_{kind}\0".encode() in head), None)


def same_bits(a: Array, b: Array) -> bool:
    """Whether dtype, shape and every bit agree, NaN and −0.0 included."""
    left, right = (np.ascontiguousarray(x).reshape(-1).view(np.uint8) for x in (a, b))
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(left, right)
