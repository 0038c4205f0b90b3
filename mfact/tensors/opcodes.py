"""The opcodes of a pickle, one after the other; nothing is done with them here."""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Container, Iterator
from typing import Any

from mfact.tensors.torch_objects import broken_pickle, refused
from mfact.words import printable


def opcodes(raw: bytes, known: Container[str], label: str) -> Iterator[tuple[str, Any]]:
    """(name, argument) of each, up to STOP. Raises DataError for one that is not known.

    Not pickletools.genops, which reads the arguments of all, and warns of some.

    >>> list(opcodes(b"K\\x07.", ("BININT1", "STOP"), "net.pt"))
    [('BININT1', 7), ('STOP', None)]
    """
    stream, name = io.BytesIO(raw), ""
    while name != "STOP":
        code = stream.read(1)
        if code not in _NAMES:
            what = f"no opcode is {code!r}" if code else "it has no end"
            raise broken_pickle(what, label)
        name = _NAMES[code]
        if name not in known:
            raise refused(f"the pickle opcode {name}, which torch.save does not write", label)
        try:
            argument = _ARGUMENTS[name](stream) if name in _ARGUMENTS else None
        except ValueError as error:  # its end is missing, or it is no UTF-8
            raise broken_pickle(printable(str(error)[:160]), label) from error
        yield name, argument


def _two_lines(stream: io.BytesIO) -> list[str]:
    """As pickle reads a name; pickletools would take a backslash in it for an escape."""
    lines = [stream.readline() for _ in range(2)]
    if not lines[1].endswith(b"\n"):
        raise ValueError("a name has no end")
    return [line[:-1].decode() for line in lines]


_NAMES = {opcode.code.encode("latin-1"): opcode.name for opcode in pickletools.opcodes}
_ARGUMENTS: dict[str, Callable[[io.BytesIO], Any]] = {
    opcode.name: opcode.arg.reader for opcode in pickletools.opcodes if opcode.arg
} | {"GLOBAL": _two_lines}
