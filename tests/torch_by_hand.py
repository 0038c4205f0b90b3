"""Files of torch's made by hand: pickles put together opcode by opcode, archives with any entry."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from mfact.matrices.seen import Seen
from mfact.tensors.state_dict import StateDict
from mfact.tensors.torch_zip import open_torch


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def whole(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def storage(kind: str = "Float", key: str = "0", count: int = 6) -> bytes:
    name = f"ctorch\n{kind}Storage\n".encode()
    return tuple_of(text("storage"), name, text(key), text("cpu"), whole(count)) + b"Q"


def tensor(
    shape: tuple[int, ...] = (2, 3),
    strides: tuple[int, ...] = (3, 1),
    offset: int = 0,
    stored: bytes | None = None,
) -> bytes:
    sizes = [tuple_of(*map(whole, each)) for each in (shape, strides)]
    hooks = b"ccollections\nOrderedDict\n)R"
    stored = storage() if stored is None else stored
    called = tuple_of(stored, whole(offset), *sizes, b"\x89", hooks)
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + called + b"R"


def dict_of(items: Mapping[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def pickled(value: bytes) -> bytes:
    return b"\x80\x02" + value + b"."


def archived(
    pickle: bytes,
    data: Mapping[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
    order: str = "little",
) -> bytes:
    """The archive of a pickle and its storages, a storage "0" of 24 bytes where none are given."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("net/data.pkl", pickle)
        archive.writestr("net/byteorder", order)
        for key, raw in ({"0": bytes(range(24))} if data is None else data).items():
            archive.writestr(f"net/data/{key}", raw)
        archive.writestr("net/version", b"3\n")
    return stream.getvalue()


def packed_again(content: bytes, method: int) -> bytes:
    """The same entries in another archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return stream.getvalue()


def listed(content: bytes) -> dict[str, int]:
    """Where the line of each entry stands in the directory of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at, names = archive.start_dir, archive.namelist()
    found = {}
    for name in names:
        found[name] = at
        at += 46 + sum(struct.unpack_from("<3H", content, at + 28))
    return found


def written(folder: Path, content: bytes) -> Path:
    path = folder / "net.pt"
    path.write_bytes(content)
    return path


def opened(path: Path) -> StateDict:
    return open_torch(Seen.of(path), path.name)


def refused(path: Path, kind: type[Exception], pattern: str, *, read: bool = False) -> Exception:
    """Open (and read) a file, and hold the error to one line with a way out."""
    with pytest.raises(kind) as caught:
        _open(path, read)
    message = str(caught.value)
    assert message.isprintable()
    assert caught.value.way_out
    assert re.search(pattern, message), message
    return caught.value


def _open(path: Path, read: bool) -> None:
    for tensor in opened(path).tensors if read else opened(path).tensors[:0]:
        tensor.values()
