"""Pickles made to do harm: nothing in one is run, and none takes more than its length is worth."""

import pickle
import sys
import tracemalloc

import pytest
import torch_by_hand as hand

from mfact.errors import DataError, StorageError
from mfact.tensors import pickles
from mfact.tensors.pickles import read_pickle

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def refusal(raw, pattern):
    with pytest.raises(DataError, match=pattern):
        read_pickle(raw, "net.pt")


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A file that appears as soon as any of the attacks runs; a module that makes it on import."""
    path = tmp_path / "executed"
    (tmp_path / "evil_module.py").write_text(
        f"import pathlib\n"
        f"def touch(*_): pathlib.Path({str(path)!r}).touch()\n"
        f"class Evil:\n"
        f"    def __new__(cls, *_): touch(); return super().__new__(cls)\n"
        f"    def __setstate__(self, _): touch()\n"
        f"touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    sys.modules.pop("evil_module", None)


ATTACKS = {
    "an import": lambda path: b"cevil_module\nEvil\n",
    "an import by the stack": lambda path: hand.text("evil_module") + hand.text("Evil") + b"\x93",
    "REDUCE": lambda path: b"cevil_module\ntouch\n)R",
    "NEWOBJ": lambda path: b"cevil_module\nEvil\n)\x81",
    "NEWOBJ_EX": lambda path: b"cevil_module\nEvil\n)}\x92",
    "INST": lambda path: b"(ievil_module\nEvil\n",
    "OBJ": lambda path: b"(cevil_module\nEvil\no",
    "BUILD": lambda path: b"cevil_module\nEvil\n)\x81}b",
    "os.system": lambda path: b"cos\nsystem\n" + hand.text(f"touch {path}") + b"\x85R",
    "exec": lambda path: b"c__builtin__\nexec\n" + hand.text(f"open('{path}', 'w')") + b"\x85R",
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # exec closes no file
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_is_executed(attack, marker, tmp_path):
    """Python's own pickle does execute each of them."""
    evil = attack(marker)
    raw = hand.pickled(hand.dict_of({"weight": hand.tensor(), "evil": evil}))
    path = hand.written(tmp_path, hand.archived(raw))
    named = r"holds (evil_module\.(Evil|touch)|os\.system|__builtin__\.exec|the pickle opcode INST)"
    hand.refused(path, DataError, named)
    assert not marker.exists()
    pickle.loads(hand.pickled(evil))
    assert marker.exists()


class TestWhatCostsMoreThanItsLength:
    """The time limit of each test is that of the file."""

    def test_tuples_so_deep_that_python_would_crash(self):
        deep = read_pickle(hand.pickled(b")" + b"\x85" * 300_000), "net.pt").value
        assert type(deep) is tuple

    def test_tuples_so_deep_that_python_would_crash_as_a_key(self):
        refusal(hand.pickled(b"})" + b"\x85" * 300_000 + b"Ns"), "with a key")

    def test_a_billion_laughs(self):
        """Each line holds the one before twice: 2^200 in all, were they ever counted."""
        laughs = (
            b")q\0000" + b"".join(b"h%ch%c\x86q%c0" % (n, n, n + 1) for n in range(200)) + b"h\xc8"
        )
        assert type(read_pickle(hand.pickled(laughs), "net.pt").value) is tuple
        refusal(hand.pickled(b"}" + laughs + b"Ns"), "with a key")

    def test_a_memo_of_four_billion_places(self):
        tracemalloc.start()
        read_pickle(b"\x80\x02Nr\xff\xff\xff\xff.", "net.pt")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20

    def test_keys_that_share_one_hash(self):
        """A dict of them takes time that grows with the square of their number."""
        prime = sys.hash_info.modulus
        few = b"".join(hand.whole(n * prime) + b"N" for n in range(-3, 4))
        assert len(read_pickle(hand.pickled(b"}(" + few + b"u"), "net.pt").value) == 7
        many = b"".join(hand.whole(n * prime) + b"N" for n in range(100_000))
        refusal(hand.pickled(b"}(" + many + b"u"), "with a key")

    def test_more_opcodes_than_anybody_waits_for(self, monkeypatch):
        monkeypatch.setattr(pickles, "MOST_OPCODES", 1000)
        assert read_pickle(hand.pickled(b"N0" * 498 + b"N"), "net.pt").value is None
        refusal(hand.pickled(b"N0" * 500 + b"N"), "a pickle of more than 1000 opcodes")

    def test_one_long_shape_that_is_given_to_many_tensors(self):
        """A check of all of its lengths for each would take hours."""
        lengths = b"(" + b"K\x01" * 300_000 + b"tq\x00"
        start = b"ctorch._utils\n_rebuild_tensor_v2\n(" + hand.storage() + b"K\x00"
        many = (start + b"h\x00h\x00\x89)tR") * 10_000
        with pytest.raises(StorageError, match=r"a call that torch\.save does not write"):
            read_pickle(hand.pickled(lengths + many), "net.pt")

    def test_one_long_list_of_arguments_for_many_calls(self):
        given = b"(" + hand.storage() + b"K\x00))" + b"N" * 300_000 + b"tq\x00"
        many = b"ctorch._utils\n_rebuild_tensor_v2\nq\x01" + b"h\x01h\x00R" * 10_000
        with pytest.raises(StorageError, match=r"a call that torch\.save does not write"):
            read_pickle(hand.pickled(given + many), "net.pt")

    def test_a_backslash_in_a_name_is_no_escape(self):
        """Python would warn of it, in the middle of an answer."""
        refusal(b"\x80\x02c\\i\nsys\x74em\n.", r"holds \\i\.system")
        refusal(b"\x80\x02S'\\i'\n.", "opcode STRING")
