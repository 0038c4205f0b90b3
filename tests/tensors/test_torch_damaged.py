"""Archives of torch's that are damaged, or made to do harm: one line each, in no time."""

import io
import struct
import tracemalloc
import warnings
import zipfile

import pytest
import torch_by_hand as hand
from hypothesis import given
from hypothesis import strategies as st
from with_torch import torch

from mfact.errors import DataError, MfactError, StorageError
from mfact.tensors import torch_zip

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

PICKLE = hand.pickled(hand.dict_of({"w": hand.tensor()}))
WHOLE = hand.archived(PICKLE)


def changed(content, name, **fields):
    """An archive with other fields in the line of an entry."""
    places = {"flags": (8, "<H"), "packed": (20, "<L"), "size": (24, "<L"), "header": (42, "<L")}
    broken = bytearray(content)
    for field, value in fields.items():
        offset, form = places[field]
        struct.pack_into(form, broken, hand.listed(content)[name] + offset, value)
    return bytes(broken)


def test_an_archive_that_ends_anywhere(tmp_path):
    for end in (0, 4, 30, 100, len(WHOLE) // 2, len(WHOLE) - 23, len(WHOLE) - 1):
        path = hand.written(tmp_path, WHOLE[:end])
        hand.refused(path, StorageError, r"cannot be read as a torch file.*copy the file again")


@pytest.mark.parametrize("name", ["data.pkl", "data/0"])
def test_an_entry_that_is_not_there(name, tmp_path):
    content = WHOLE.replace(f"net/{name}".encode(), f"not/{name}".encode())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert f"net/{name}" not in archive.namelist()
    hand.refused(hand.written(tmp_path, content), StorageError, "no (net|not)/data")


def test_a_storage_named_like_a_path_is_only_an_entry(tmp_path):
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor(stored=hand.storage(key="../../etc"))}))
    path = hand.written(tmp_path, hand.archived(pickle))
    hand.refused(path, StorageError, r"it has no net/data/\.\./\.\./etc")


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "count"),
    [
        ((2, 3), (3, 1), 1, 6), ((2, 3), (4, 1), 0, 6), ((7,), (1,), 0, 6), ((), (), 6, 6),
        ((2**40,), (1,), 0, 6), ((2,), (2**62,), 0, 6), ((1,), (1,), 2**62, 6), ((6,), (1,), 0, 7),
        ((5,), (1,), 0, 5), ((2**30, 2**30), (0, 1), 0, 6),
    ],
)  # fmt: skip
def test_numbers_outside_their_storage(shape, strides, offset, count, tmp_path):
    stored = hand.storage(count=count)
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor(shape, strides, offset, stored)}))
    path = hand.written(tmp_path, hand.archived(pickle))
    hand.refused(path, StorageError, r"net\.pt:w needs \d+ numbers of 4 bytes, and 24 bytes are")


@pytest.mark.parametrize(
    ("shape", "strides", "said"),
    [((1,) * 65, (1,) * 65, "65 dimensions"), ((0, 2**62), (1, 1), "lengths that no array has"),
     ((2**62,), (0,), "lengths that no array has")],
)  # fmt: skip
def test_shapes_that_no_array_has(shape, strides, said, tmp_path):
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor(shape, strides)}))
    hand.refused(hand.written(tmp_path, hand.archived(pickle)), DataError, said)


def test_one_number_shown_a_million_million_times(tmp_path):
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor((10**6, 10**6), (0, 0))}))
    path = hand.written(tmp_path, hand.archived(pickle))
    hand.refused(path, DataError, r"holds 3\.6 TiB in a file of")


@given(data=st.data())
def test_a_view_is_read_where_torch_reads_it_and_refused_where_torch_refuses_it(
    data, tmp_path_factory
):
    shape = data.draw(st.lists(st.integers(0, 3), max_size=3))
    strides = data.draw(st.lists(st.integers(0, 5), min_size=len(shape), max_size=len(shape)))
    offset = data.draw(st.integers(0, 7))
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor(tuple(shape), tuple(strides), offset)}))
    path = hand.written(tmp_path_factory.mktemp("view"), hand.archived(pickle))
    try:
        truth = torch.load(path, weights_only=True)["w"]
    except RuntimeError:
        hand.refused(path, StorageError, "numbers of 4 bytes")
    else:
        found = hand.opened(path).named["w"].values()
        assert found.tobytes() == truth.contiguous().numpy().tobytes()
        assert found.shape == tuple(shape)


def test_a_storage_of_two_kinds(tmp_path):
    other = hand.tensor(stored=hand.storage("Int"))
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor(), "i": other}))
    path = hand.written(tmp_path, hand.archived(pickle))
    hand.refused(path, StorageError, "a storage has two kinds")


def test_an_order_of_bytes_that_is_none(tmp_path):
    path = hand.written(tmp_path, hand.archived(PICKLE, order="middle"))
    hand.refused(path, StorageError, "net/byteorder names no order of bytes")


class TestZip:
    def test_encryption(self, tmp_path):
        path = hand.written(tmp_path, changed(WHOLE, "net/data/0", flags=1))
        hand.refused(path, DataError, "encrypted: unpack it and pack it again without a password")

    @pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    def test_other_methods_and_the_way_out(self, method, tmp_path):
        path = hand.written(tmp_path, hand.packed_again(WHOLE, method))
        hand.refused(path, DataError, rf"zip method {method}: unpack it and pack it again without")
        hand.written(tmp_path, hand.packed_again(path.read_bytes(), zipfile.ZIP_STORED))
        assert list(hand.opened(path).named) == ["w"]

    def test_a_name_that_comes_twice(self, tmp_path):
        stream = io.BytesIO(WHOLE)
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "a") as archive:
            archive.writestr("net/data/0", bytes(24))
        path = hand.written(tmp_path, stream.getvalue())
        hand.refused(path, StorageError, "has the entry net/data/0 twice")

    def test_entries_that_overlap(self, tmp_path):
        with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
            first = archive.getinfo("net/data.pkl").header_offset
        content = changed(WHOLE, "net/data/0", header=first)
        hand.refused(hand.written(tmp_path, content), StorageError, "its entries overlap")

    @pytest.mark.parametrize("size", [25, 100, 2**32 - 2])
    def test_an_entry_that_says_it_is_longer(self, size, tmp_path):
        content = changed(WHOLE, "net/data/0", packed=size, size=size)
        hand.refused(hand.written(tmp_path, content), StorageError, "its entries overlap")

    def test_a_stored_entry_of_two_sizes(self, tmp_path):
        content = changed(WHOLE, "net/data/0", size=2**32 - 2)
        hand.refused(hand.written(tmp_path, content), StorageError, "data/0 has two sizes")

    def test_a_header_that_is_elsewhere(self, tmp_path):
        content = changed(WHOLE, "net/data/0", header=3)
        hand.refused(hand.written(tmp_path, content), StorageError, "data/0 is not where it should")

    def test_a_header_beyond_the_end_of_any_file(self, tmp_path, monkeypatch):
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
        content = hand.archived(PICKLE)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            offset = archive.getinfo("net/version").header_offset.to_bytes(8, "little")
        at = content.rindex(offset, 0, hand.listed(content)["net/version"] + 100)
        path = hand.written(tmp_path, content[:at] + b"\xff" * 8 + content[at + 8 :])
        hand.refused(path, StorageError, "net/version is not where it should be")

    def test_no_entry_at_all(self, tmp_path):
        end = b"PK\5\6" + bytes(18)
        hand.refused(hand.written(tmp_path, end), StorageError, r"it has no /data\.pkl")

    @pytest.mark.parametrize("name", ["data.pkl", "byteorder", "data/0"])
    def test_a_changed_bit(self, name, tmp_path):
        with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
            at = WHOLE.index(archive.read(f"net/{name}"))
        content = bytearray(WHOLE)
        content[at] ^= 1
        path = hand.written(tmp_path, bytes(content))
        hand.refused(path, StorageError, f"net/{name} does not have its checksum", read=True)

    def test_a_file_that_changes_after_it_was_opened(self, tmp_path):
        path = hand.written(tmp_path, WHOLE)
        state = hand.opened(path)
        hand.written(tmp_path, WHOLE + b"\0")
        for act in (state.tensors[0].values, lambda: state.rewritten({})):
            with pytest.raises(StorageError, match=r"net\.pt was changed while it was read"):
                act()


class TestBombs:
    def test_a_pickle_of_gigabytes(self, tmp_path):
        content = hand.archived(PICKLE, method=zipfile.ZIP_DEFLATED)
        path = hand.written(tmp_path, changed(content, "net/data.pkl", size=2**32 - 2))
        hand.refused(path, DataError, r"has a pickle of 4\.0 GiB: save model\.state_dict\(\) alone")

    def test_an_order_of_bytes_of_gigabytes(self, tmp_path):
        content = hand.archived(PICKLE, method=zipfile.ZIP_DEFLATED)
        path = hand.written(tmp_path, changed(content, "net/byteorder", size=2**32 - 2))
        hand.refused(path, StorageError, "names no order of bytes")

    @pytest.mark.parametrize("size", [10, 10**6])
    def test_an_entry_that_unpacks_to_another_length(self, size, tmp_path):
        content = hand.archived(PICKLE, method=zipfile.ZIP_DEFLATED)
        path = hand.written(tmp_path, changed(content, "net/data.pkl", size=size))
        tracemalloc.start()
        hand.refused(path, StorageError, "data.pkl is not as long as it says")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 << 20

    def test_what_cannot_be_unpacked(self, tmp_path):
        content = bytearray(hand.archived(PICKLE, method=zipfile.ZIP_DEFLATED))
        content[30 + len("net/data.pkl")] = 0xFF
        path = hand.written(tmp_path, bytes(content))
        hand.refused(path, StorageError, r"net/data\.pkl cannot be unpacked")

    def test_a_storage_that_unpacks_to_a_thousand_times_its_size(self, tmp_path, monkeypatch):
        """Of which each of many tensors shows a little: the whole would be unpacked for each."""
        monkeypatch.setattr(torch_zip, "LARGEST", 1 << 20)
        stored = hand.storage(count=50_000)
        views = {f"w{n}": hand.tensor((1,), (1,), n, stored) for n in range(10)}
        content = hand.archived(
            hand.pickled(hand.dict_of(views)), {"0": bytes(200_000)}, zipfile.ZIP_DEFLATED
        )
        path = hand.written(tmp_path, content)
        hand.refused(path, DataError, r"holds 1\.9 MiB in a file of \d+ B")
        torch.save({k: v.clone() for k, v in torch.load(path).items()}, path)
        assert len(hand.opened(path).tensors) == 10


@given(data=st.data())
def test_bytes_changed_anywhere_are_told_or_make_no_difference(data, tmp_path_factory):
    content = bytearray(WHOLE)
    places = st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
    for at, byte in data.draw(st.lists(places, min_size=1, max_size=3)):
        content[at] = byte
    path = hand.written(tmp_path_factory.mktemp("any"), bytes(content))
    try:
        found = hand.opened(path).named["w"].values()
    except MfactError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert found.tobytes() == bytes(range(24))
