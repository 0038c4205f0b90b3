"""NPZ files of weights: arrays of any shape, read in blocks, and written back as they were."""

from __future__ import annotations

import copy
import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Mapping
from functools import partial

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.arrays import npz, npz_sparse
from mfact.matrices.arrays.kinds import words
from mfact.matrices.arrays.npy import Header, read_array, read_header
from mfact.matrices.declared import check_shape, short
from mfact.matrices.seen import Seen, changed
from mfact.matrices.values import BLOCK_BYTES, check_fits
from mfact.tensors.rounding import to_kind
from mfact.tensors.state_dict import StateDict, Tensor


def open_npz(file: Seen, label: str) -> StateDict:
    """The arrays of an NPZ file; their headers alone are read.

    Those that are no numbers of at most 8 bytes, Python objects among them, are left out and
    named. Raises DataError or StorageError, with a way out, for a file that cannot be read.
    """
    found = npz.members(file, label)
    if npz_sparse.is_sparse(found):
        raise DataError(
            f"{label} is one sparse matrix, and a network has several weights",
            "pass the weights of a network, saved with numpy.savez",
        )
    headers = {member.name: member.header for member in found}
    if len(headers) < len(found):
        twice, _ = Counter(member.name for member in found).most_common(1)[0]
        raise DataError(f"{label} holds {short(twice)} twice", "write it with numpy.savez")
    tensors, left = [], []
    for name, header in headers.items():
        where = f"{label}:{short(name)}"
        if header.dtype.kind not in "fiub" or header.dtype.itemsize > 8:
            left.append(f"{short(name)} ({words(header)})")
            continue
        check_shape(header.shape, header.dtype.itemsize, where)
        values = partial(_values, file, name, header, where)
        tensors.append(Tensor(name, header.shape, header.dtype.name, values))
    return StateDict(
        path=file.path,
        label=label,
        form="npz",
        tensors=tuple(tensors),
        in_order=_is_kept([tensor.name for tensor in tensors]),
        left=tuple(left),
        rewritten=partial(_rewritten, file, headers, label),
    )


def _is_kept(names: list[str]) -> bool:
    """Whether the order is that in which numpy.savez was given them, and not one of names."""
    return names != sorted(names)


def _values(file: Seen, name: str, header: Header, label: str) -> Array:
    with npz.open_member(file, name, label) as stream:
        if read_header(stream, label) != header:
            raise changed(label)
        return read_array(stream, header, label)


def _rewritten(
    file: Seen, headers: Mapping[str, Header], label: str, values: Mapping[str, Array]
) -> bytes:
    """The members as they were and in their order, packed as they were."""
    check_fits(2 * file.size, label)
    image = io.BytesIO()
    with npz.open_zip(file, label) as archive, zipfile.ZipFile(image, "w") as anew:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            changes = name in values and name != info.filename
            where = f"{label}:{short(name)}"
            # As numpy.savez does, room is left for sizes beyond 4 GiB, so that a file of its own
            # stays the same to the last byte where nothing is changed.
            with (
                npz.open_info(archive, info, where) as source,
                anew.open(copy.copy(info), "w", force_zip64=True) as target,
            ):
                if changes:
                    header = headers[name]
                    target.write(source.read(header.offset))
                    target.write(_stored(values[name], header, where))
                    source.read(header.data_bytes)
                shutil.copyfileobj(source, target, BLOCK_BYTES)
    return image.getvalue()


def _stored(values: Array, header: Header, label: str) -> bytes:
    rounded = to_kind(values, header.dtype.name, label).reshape(header.shape)
    return np.asarray(rounded, header.dtype).tobytes("F" if header.fortran else "C")
