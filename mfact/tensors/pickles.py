"""The pickle of a state dict, read as plain data: no name in it is imported and nothing is called.

Not pickle.Unpickler: however it is restricted, it hashes tuples of any depth, obeys __setstate__,
and allocates a memo as large as one opcode says. Here the few opcodes that torch.save writes are
followed by hand, and all others are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mfact.tensors.opcodes import opcodes
from mfact.tensors.torch_objects import (
    LONGEST_NAME,
    View,
    broken_pickle,
    known_name,
    made,
    refused,
    stored,
)
from mfact.words import shown

MOST_OPCODES = 2_000_000  # of which a tensor takes about 35; a second is gone after a million
_HALF = re.compile("[\ud800-\udfff]")  # of a pair, which UTF-8 does not hold


@dataclass(frozen=True, eq=False)
class Unpickled:
    """What was pickled: None, numbers, text, bytes, lists, tuples, dicts and Views in each other;
    and all Views that were made, in order.

    The keys of dicts are text, as are those that were integers. A list or a dict may hold itself.
    """

    value: object
    views: tuple[View, ...]


def read_pickle(raw: bytes, label: str) -> Unpickled:
    """What torch.save pickled, in time and memory that grow with the length of raw.

    Raises DataError for whatever is neither a tensor nor plain, StorageError for a broken pickle.
    """
    reader = _Reader(label)
    for count, (name, argument) in enumerate(opcodes(raw, _STEPS, label)):
        if count == MOST_OPCODES:
            raise refused(f"a pickle of more than {MOST_OPCODES} opcodes", label)
        try:
            _STEPS[name](reader, argument)
        except (IndexError, KeyError):  # of the stack, of the marks, of the memo
            raise broken_pickle(f"{name} asks for what is not there", label) from None
    return Unpickled(reader.stack[-1], tuple(reader.views))


@dataclass(repr=False)  # what a few opcodes make can be too long to print
class _Reader:
    """The stack machine that a pickle is a program of.

    stack: what stands above the last mark. marks: what stands below each.
    """

    label: str
    stack: list[Any] = field(default_factory=list)
    marks: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """What stands above the last mark, taken off with it."""
        above, self.stack = self.stack, self.marks.pop()
        return above

    def last(self, count: int) -> list[Any]:
        """So many from the top, taken off."""
        start = len(self.stack) - count
        if start < 0:
            raise IndexError
        above = self.stack[start:]
        del self.stack[start:]
        return above

    def drop(self) -> None:
        if not self.stack:
            self.marked()
        else:
            self.stack.pop()

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def append(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise broken_pickle("it appends to what is no list", self.label)
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise broken_pickle("it sets items of what is no dict", self.label)
        for key, value in zip(items[::2], items[1::2], strict=True):
            name = self.text_of(key)
            if name in target:
                raise refused(f"a dict with the key {shown(name)} twice", self.label)
            target[name] = value

    def text_of(self, key: Any) -> str:
        """A key as text, whose hash nobody foresees: integers can be chosen to share theirs."""
        if type(key) is int and abs(key) < 2**63:
            return str(key)
        if not isinstance(key, str):
            raise refused("a dict with a key that is neither text nor an integer", self.label)
        if len(key) > LONGEST_NAME:
            raise refused(f"a dict with a key of {len(key)} characters", self.label)
        if _HALF.search(key):
            raise refused("a dict with a key that no text file could hold", self.label)
        return key

    def name(self, words: list[Any]) -> None:
        if not all(type(word) is str for word in words):
            raise broken_pickle("a name is no text", self.label)
        self.push(known_name(".".join(words), self.label))

    def call(self) -> None:
        name, arguments = self.last(2)
        result = made(name, arguments, self.label)
        self.push(result)
        if isinstance(result, View):
            self.views.append(result)

    def build(self) -> None:
        """What torch hangs on the dict of a model, its _metadata, is left out."""
        target, _ = self.last(2)
        if type(target) is not dict:
            raise broken_pickle("it gives a state to what is no dict", self.label)
        self.push(target)


_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda reader, _: None),
    "STOP": lambda reader, _: reader.stack[-1],  # which is the value
    **dict.fromkeys(
        (
            "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
            "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
            "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
        ),
        _Reader.push,
    ),
    "NONE": lambda reader, _: reader.push(None),
    "NEWTRUE": lambda reader, _: reader.push(True),
    "NEWFALSE": lambda reader, _: reader.push(False),
    "EMPTY_TUPLE": lambda reader, _: reader.push(()),
    "EMPTY_LIST": lambda reader, _: reader.push([]),
    "EMPTY_DICT": lambda reader, _: reader.push({}),
    "MARK": lambda reader, _: reader.mark(),
    "POP": lambda reader, _: reader.drop(),
    "POP_MARK": lambda reader, _: reader.marked().clear(),
    "TUPLE1": lambda reader, _: reader.push(tuple(reader.last(1))),
    "TUPLE2": lambda reader, _: reader.push(tuple(reader.last(2))),
    "TUPLE3": lambda reader, _: reader.push(tuple(reader.last(3))),
    "TUPLE": lambda reader, _: reader.push(tuple(reader.marked())),
    "APPEND": lambda reader, _: reader.append(reader.last(1)),
    "APPENDS": lambda reader, _: reader.append(reader.marked()),
    "SETITEM": lambda reader, _: reader.set_items(reader.last(2)),
    "SETITEMS": lambda reader, _: reader.set_items(reader.marked()),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Reader.remember),
    "MEMOIZE": lambda reader, _: reader.remember(len(reader.memo)),
    **dict.fromkeys(
        ("BINGET", "LONG_BINGET"), lambda reader, index: reader.push(reader.memo[index])
    ),
    "GLOBAL": _Reader.name,
    "STACK_GLOBAL": lambda reader, _: reader.name(reader.last(2)),
    "BINPERSID": lambda reader, _: reader.push(stored(reader.stack.pop(), reader.label)),
    "REDUCE": lambda reader, _: reader.call(),
    "BUILD": lambda reader, _: reader.build(),
}  # fmt: skip
