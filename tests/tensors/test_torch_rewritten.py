"""Other numbers in a file of torch's: torch reads them, and all else is bit for bit the same."""

import io
import zipfile
import zlib

import numpy as np
import pytest
import torch_by_hand as hand
from hypothesis import given
from hypothesis import strategies as st
from with_torch import torch

from mfact.errors import DataError, StorageError

KINDS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def loaded(path, content):
    """What torch makes of a file, by each of its ways, which agree."""
    path.write_bytes(content)
    one, other = (torch.load(path, weights_only=True, mmap=mmap) for mmap in (False, True))
    assert all(torch.equal(one[key], other[key]) for key in one)
    return one


@st.composite
def networks(draw):
    """Weights in all the ways that they may lie in storages, none over another."""
    whole = torch.rand(draw(st.integers(24, 40)), generator=torch.Generator().manual_seed(1806))
    whole = whole.to(draw(st.sampled_from(KINDS)))
    tied = torch.rand(3, 2)
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return {
        "first": whole[: rows * columns].view(rows, columns),
        "turned": whole[12 : 12 + rows * columns].view(rows, columns).t(),
        "alone": torch.rand(rows, 2, columns).to(draw(st.sampled_from(KINDS))),
        "every other": torch.rand(rows, 6)[:, ::2],
        "parameter": torch.nn.Parameter(torch.rand(columns).to(draw(st.sampled_from(KINDS)))),
        "scalar": torch.tensor(0.5),
        "none": torch.zeros(0, 3),
        "tied": tied,
        "tied too": tied.view(3, 2),
        "steps": torch.tensor(7),
    }


@given(tensors=networks(), data=st.data())
def test_torch_reads_what_was_written_and_the_rest_as_it_was(tensors, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("rewritten") / "net.pt"
    torch.save(tensors, path)
    names = st.sampled_from([name for name in tensors if not name.startswith(("tied", "steps"))])
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    # torch rounds float64 to half precision by way of float32: numbers of float32 are told apart.
    values = {
        name: rng.standard_normal(tensors[name].shape).astype("f4").astype(float)
        for name in data.draw(st.sets(names))
    }
    if data.draw(st.booleans()):
        values["tied"] = values["tied too"] = np.ones((3, 2))
    expected = {
        name: torch.tensor(values[name]).to(tensor.dtype) if name in values else tensor
        for name, tensor in tensors.items()
    }
    found = loaded(path, hand.opened(path).rewritten(values))
    assert all(torch.equal(found[name], expected[name]) for name in tensors)
    assert all(found[name].stride() == tensors[name].stride() for name in tensors)


def net(tmp_path, **more):
    torch.manual_seed(1806)
    tensors = {"a": torch.rand(5, 3), "b": torch.rand(3).bfloat16(), **more}
    torch.save(tensors, tmp_path / "net.pt")
    return hand.opened(tmp_path / "net.pt")


def test_only_numbers_and_their_checksums_differ(tmp_path):
    state = net(tmp_path)
    before, after = state.path.read_bytes(), state.rewritten({"b": np.zeros(3)})
    assert len(before) == len(after)
    with zipfile.ZipFile(io.BytesIO(after)) as new, zipfile.ZipFile(state.path) as old:
        assert new.testzip() is None
        differing = [name for name in old.namelist() if new.read(name) != old.read(name)]
        assert differing == ["net/data/1"]
        info = old.getinfo("net/data/1")
        checksums = (
            info.CRC.to_bytes(4, "little"),
            new.getinfo("net/data/1").CRC.to_bytes(4, "little"),
        )
        numbers = old.read("net/data/1")
    assert after == before.replace(numbers, bytes(6)).replace(*checksums)
    assert before.count(checksums[0]) == 2  # behind the numbers, and in the directory
    reader = torch._C.PyTorchFileReader(str(state.path))
    assert reader.get_record_offset("data/1") % 64 == 0


@pytest.mark.parametrize("again", [False, True])
def test_without_changes_every_byte_is_the_same(again, tmp_path):
    state = net(tmp_path)
    values = {name: t.values().astype(float) for name, t in state.named.items()} if again else {}
    assert state.rewritten(values) == state.path.read_bytes()


def test_numbers_that_are_none_stay_what_they_are(tmp_path):
    state = net(tmp_path)
    state.path.write_bytes(state.rewritten({"b": np.array([np.nan, np.inf, -np.inf])}))
    found = torch.load(state.path)["b"].tolist()
    assert np.isnan(found[0])
    assert found[1:] == [np.inf, -np.inf]


@pytest.mark.parametrize("order", ["little", "big"])
def test_an_archive_of_another_writer_and_of_either_order_of_bytes(order, tmp_path):
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor()}))
    path = hand.written(tmp_path, hand.archived(pickle, order=order))
    content = hand.opened(path).rewritten({"w": np.arange(6.0).reshape(2, 3)})
    assert loaded(path, content)["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_sizes_of_64_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor()}))
    path = hand.written(tmp_path, hand.archived(pickle))
    content = hand.opened(path).rewritten({"w": np.ones((2, 3))})
    assert loaded(path, content)["w"].tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_checksum_behind_the_numbers_without_a_mark(tmp_path):
    """As a writer of streams may leave it."""
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor()}))
    content = hand.archived(pickle)
    numbers = bytes(range(24))
    end, line = content.index(numbers) + 24, hand.listed(content)["net/data/0"]
    assert content[end:].startswith(b"PK")
    # The next header moves back by its length of 8 + 4 bytes.
    checksum = zlib.crc32(numbers).to_bytes(4, "little")
    behind = checksum + 2 * (24).to_bytes(4, "little")
    stream = bytearray(content[:end] + behind + content[end:])
    for name, at in hand.listed(content).items():
        if name == "net/version":
            stream[at + 12 + 42 : at + 12 + 46] = (end + 12).to_bytes(4, "little")
    stream[line + 12 + 8] |= 8
    directory = int.from_bytes(stream[-6:-2], "little") + 12
    stream[-6:-2] = directory.to_bytes(4, "little")
    path = hand.written(tmp_path, bytes(stream))
    after = hand.opened(path).rewritten({"w": np.zeros((2, 3))})
    assert after[end : end + 12] == zlib.crc32(bytes(24)).to_bytes(4, "little") + behind[4:]
    assert loaded(path, after)["w"].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_mark_of_a_checksum_behind_numbers_where_there_is_none(tmp_path):
    """What follows is the next entry, which stays whole."""
    content = bytearray(hand.archived(hand.pickled(hand.dict_of({"w": hand.tensor()}))))
    content[hand.listed(bytes(content))["net/data/0"] + 8] |= 8
    path = hand.written(tmp_path, bytes(content))
    path.write_bytes(hand.opened(path).rewritten({"w": np.ones((2, 3))}))
    assert hand.opened(path).named["w"].values().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_file_without_checksums_gets_none(tmp_path):
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        state = net(tmp_path)
    finally:
        torch.serialization.set_crc32_options(before)
    content = state.rewritten({"a": np.zeros((5, 3))})
    assert loaded(tmp_path / "out.pt", content)["a"].abs().max() == 0
    with zipfile.ZipFile(tmp_path / "out.pt") as archive:
        assert {info.CRC for info in archive.infolist()} == {0}


class TestRefused:
    def _refused(self, state, values, said, kind=DataError):
        with pytest.raises(kind, match=said) as caught:
            state.rewritten(values)
        assert str(caught.value).isprintable()
        assert caught.value.way_out

    def test_one_number_in_several_places_and_the_way_out(self, tmp_path):
        wide = torch.ones(3, 1).expand(3, 4)
        state = net(tmp_path, wide=wide)
        values = {"wide": np.arange(12.0).reshape(3, 4)}
        self._refused(state, values, r"net\.pt:wide shows one number in several places.*clone\(\)")
        found = loaded(tmp_path / "out.pt", net(tmp_path, wide=wide.clone()).rewritten(values))
        assert found["wide"].tolist() == values["wide"].tolist()

    def test_windows_over_each_other(self, tmp_path):
        state = net(tmp_path, windows=torch.arange(5.0).unfold(0, 3, 1))
        self._refused(state, {"windows": np.arange(9.0).reshape(3, 3)}, "windows shares numbers")
        windows = np.arange(1.0, 6.0)[np.arange(3)[:, None] + np.arange(3)]
        assert loaded(tmp_path / "out.pt", state.rewritten({"windows": windows}))

    def test_a_tensor_that_would_change_with_another_and_the_way_out(self, tmp_path):
        tied = torch.rand(2, 2)
        values = {"one": np.eye(2)}
        state = net(tmp_path, one=tied, two=tied.t(), three=torch.rand(2))
        self._refused(state, values, r"net\.pt:two shares numbers with a tensor that changes")
        self._refused(state, {**values, "two": np.ones((2, 2))}, "one shares numbers")
        apart = net(tmp_path, one=tied, two=tied.t().clone()).rewritten(values)
        assert torch.equal(loaded(tmp_path / "out.pt", apart)["two"], tied.t())

    def test_one_tensor_by_two_names(self, tmp_path):
        same = torch.rand(2)
        state = net(tmp_path, one=same, two=same)
        self._refused(state, {"one": np.ones(2)}, "two shares numbers")
        found = loaded(tmp_path / "out.pt", state.rewritten({"one": np.ones(2), "two": np.ones(2)}))
        assert found["two"].tolist() == [1, 1]

    def test_a_tensor_that_is_left_out(self, tmp_path):
        w = torch.rand(2)
        torch.save({"model": {"w": w}, "best": {"w": w.view(2)}}, tmp_path / "net.pt")
        state = hand.opened(tmp_path / "net.pt")
        self._refused(state, {"w": np.ones(2)}, "in what is left out, shares numbers with")

    def test_a_compressed_one_and_the_way_out(self, tmp_path):
        path = net(tmp_path).path
        hand.written(tmp_path, hand.packed_again(path.read_bytes(), zipfile.ZIP_DEFLATED))
        self._refused(hand.opened(path), {"b": np.ones(3)}, "net.pt:b is compressed.*pack it again")
        hand.written(tmp_path, hand.packed_again(path.read_bytes(), zipfile.ZIP_STORED))
        content = hand.opened(path).rewritten({"b": np.ones(3)})
        assert loaded(path, content)["b"].tolist() == [1, 1, 1]

    def test_integers_another_shape_and_another_name(self, tmp_path):
        state = net(tmp_path, steps=torch.tensor([7]))
        self._refused(state, {"steps": np.ones(1)}, "net.pt:steps is of the kind int64")
        self._refused(state, {"a": np.ones((3, 5))}, r"shape \(5, 3\), and not \(3, 5\)")
        self._refused(state, {"c": np.ones(3)}, "net.pt has no tensor c")

    def test_numbers_too_large_for_their_kind(self, tmp_path):
        self._refused(net(tmp_path), {"b": np.full(3, 1e39)}, r"net\.pt:b would hold 1e\+39")

    def test_a_checksum_is_not_made_right_by_writing(self, tmp_path):
        state = net(tmp_path)
        content = bytearray(state.path.read_bytes())
        content[content.index(state.named["b"].values().tobytes()[2:4])] ^= 1
        hand.written(tmp_path, bytes(content))
        state = hand.opened(state.path)
        self._refused(state, {"b": np.ones(3)}, "does not have its checksum", StorageError)
