"""Pickles as plain data: read as Python reads them, and refused in one line."""

import contextlib
import itertools
import pickle
import pickletools

import pytest
import torch_by_hand as hand

from mfact.errors import DataError, MfactError, StorageError
from mfact.tensors.pickles import read_pickle
from mfact.tensors.torch_objects import View


def refusal(raw, kind, pattern):
    with pytest.raises(kind, match=pattern) as caught:
        read_pickle(raw, "net.pt")
    assert str(caught.value).isprintable()
    assert caught.value.way_out


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_values_of_every_protocol_are_what_pickle_loads(protocol):
    value = {
        "numbers": [0, 1, -1, 255, 65536, 2**31, -(2**31), 2**63, 2**3000, 0.1, float("inf")],
        "text": ["", "a" * 300, "λ\n\x1b", "a"],
        "constants": (None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "nested": {"a": {"b": [[[]], {}]}},
    }
    if protocol > 2:
        value["bytes"] = [b"", b"\0" * 300]
    raw = pickle.dumps(value, protocol)
    assert read_pickle(raw, "net.pt").value == pickle.loads(raw) == value


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_holds_itself_is_read_and_harmless(protocol):
    value = {"list": [], "pair": ([],)}
    value["self"] = value
    value["list"].append(value["list"])
    value["pair"][0].append(value["pair"])
    found = read_pickle(pickle.dumps(value, protocol), "net.pt").value
    assert found["self"] is found
    assert found["list"][0] is found["list"]
    assert found["pair"][0][0][0] is found["pair"][0]


def test_integers_that_are_keys_stand_as_text():
    assert read_pickle(pickle.dumps({1: "a", -(2**62): "b"}, 2), "").value == {
        "1": "a",
        str(-(2**62)): "b",
    }


def test_a_tensor_is_a_view_of_a_storage():
    raw = hand.pickled(hand.tensor((2, 3), (3, 1), 4, hand.storage("BFloat16", "7", 10)))
    found = read_pickle(raw, "net.pt")
    assert isinstance(found.value, View)
    assert found.views == (found.value,)
    view = found.value
    assert (view.offset, view.shape, view.strides) == (4, (2, 3), (3, 1))
    assert (view.storage.kind, view.storage.key, view.storage.count) == ("bfloat16", "7", 10)


WRITTEN = {
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE",
    "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "EMPTY_TUPLE", "TUPLE",
    "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM",
    "SETITEMS", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET", "GLOBAL",
    "STACK_GLOBAL", "BINPERSID", "REDUCE", "BUILD",
}  # fmt: skip
"""What pickle writes of plain values, and torch of tensors."""


def bytes_of(opcode):
    """An opcode with the shortest argument that it takes."""
    if opcode.arg is None:
        return opcode.code.encode("latin-1")
    text = {"stringnl": b"''\n", "stringnl_noescape_pair": b"os\nsystem\n"}
    size = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4, pickletools.TAKEN_FROM_ARGUMENT8U: 8}  # fmt: skip
    if opcode.arg.n == pickletools.UP_TO_NEWLINE:
        argument = text.get(opcode.arg.name, b"0\n")
    else:
        argument = bytes(size.get(opcode.arg.n, opcode.arg.n))
    return opcode.code.encode("latin-1") + argument


@pytest.mark.parametrize(
    "opcode",
    [each for each in pickletools.opcodes if each.name not in WRITTEN],
    ids=lambda o: o.name,
)
def test_every_other_opcode_is_refused_by_its_name(opcode):
    raw = b"\x80\x02(}" + bytes_of(opcode) + b"."
    refusal(raw, DataError, f"the pickle opcode {opcode.name}, which torch.save does not write")


class TestNamesThatAreKnownDoNoMore:
    """They take what torch.save gives them, and nothing else."""

    @pytest.mark.parametrize(
        "value",
        [
            b"ccollections\nOrderedDict\n]](NNea\x85R",  # a list of pairs
            b"ccollections\nOrderedDict\nNR",
            b"ctorch\nFloatStorage\n)R",
            b"ctorch._utils\n_rebuild_tensor_v2\n)R",
            b"ctorch._utils\n_rebuild_parameter\n(N\x89}tR",
            b"N)R",
            hand.storage() + b")R",
        ],
    )
    def test_a_call(self, value):
        refusal(hand.pickled(value), StorageError, "a call that torch.save does not write")

    @pytest.mark.parametrize(
        "identity",
        [
            b"N",
            b")",
            hand.text("storage"),
            hand.tuple_of(hand.text("module"), hand.text("source")),
            hand.storage()[:-1].replace(b"ctorch\nFloatStorage\n", hand.text("torch.FloatStorage")),
            hand.storage()[:-1].replace(b"torch\nFloatStorage", b"collections\nOrderedDict"),
            hand.storage(count=-1)[:-1],
            hand.storage(count=2**63)[:-1],
        ],
    )
    def test_a_storage(self, identity):
        refusal(hand.pickled(identity + b"Q"), StorageError, "a storage is none")

    @pytest.mark.parametrize(
        ("shape", "strides", "offset"),
        [
            ((2,), (1, 1), 0),
            ((-1,), (1,), 0),
            ((1,), (-1,), 0),
            ((1,), (1,), -1),
            ((2**63,), (1,), 0),
        ],
    )
    def test_a_tensor(self, shape, strides, offset):
        raw = hand.pickled(hand.tensor(shape, strides, offset))
        refusal(raw, StorageError, "broken pickle: a call")

    def test_a_name_that_is_no_text(self):
        refusal(b"\x80\x04NN\x93.", StorageError, "a name is no text")

    @pytest.mark.parametrize("target", [b"N", b"]", hand.tensor()])
    def test_a_state(self, target):
        refusal(hand.pickled(target + b"}b"), StorageError, "a state to what is no dict")


class TestBroken:
    @pytest.mark.parametrize(
        "raw",
        [
            b"", b".", b"\x80\x02", b"\x80\x02N", b"\x80\x02a.", b"\x80\x02]Na", b"\x80\x02Nu.",
            b"\x80\x02h\x05.", b"\x80\x02t.", b"\x80\x02(.", b"\x80\x021.", b"\x80\x020.",
            b"\x80\x02NNs.", b"\x80\x02N(NNu.", b"\x80\x02}(Nu.", b"\x80\x02N\x86.",
            b"\x80\x02q\0.", b"\xff", b"\x80\x02X\xff\xff\xff\xffa.", b"\x80\x02cos",
            b"\x80\x02X\x01\0\0\0\xff.",
            b"\x80\x02\x8d" + b"\xff" * 8 + b".", b"\x80\x02\x8b\xff\xff\xff\xff.", b"\x80\x02)b.",
        ],
        ids=repr,
    )  # fmt: skip
    def test_one_line(self, raw):
        refusal(raw, StorageError, "net.pt has a broken pickle: ")

    @pytest.mark.parametrize(
        "key",
        [b"N", b"\x88", b")", b"G" + bytes(8), b"]", b"}", b"C\1a", hand.whole(2**70),
         hand.text("k" * 600), hand.tensor(), b"X\3\0\0\0\xed\xa0\x80"],
    )  # fmt: skip
    def test_a_key_that_is_none(self, key):
        refusal(hand.pickled(b"}" + key + b"Ns"), DataError, "net.pt holds a dict with a key")

    def test_a_key_that_comes_twice(self):
        refusal(b"\x80\x02}(K\1NX\1\0\0\0" + b"1Nu.", DataError, "the key '1' twice")


def test_whatever_two_opcodes_follow_each_other_is_read_or_refused():
    codes = [bytes_of(opcode) for opcode in pickletools.opcodes if opcode.name in WRITTEN]
    for first, second in itertools.product(codes, codes):
        with contextlib.suppress(MfactError):
            read_pickle(b"\x80\x02}](NN" + first + second + b".", "net.pt")
