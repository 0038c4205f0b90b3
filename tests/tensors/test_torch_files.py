"""Files that torch.save wrote: read as torch itself reads them."""

import zipfile

import numpy as np
import pytest
import torch_by_hand as hand
from hypothesis import given
from hypothesis import strategies as st
from with_torch import torch

from mfact.errors import StorageError
from mfact.matrices.strange_zips import is_torch
from mfact.tensors.source import look_at, open_state_dict

KINDS = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
         "bool")  # fmt: skip


def bits(tensor):
    """Those of a tensor as it should be read: bfloat16 as the upper half of a float32."""
    tensor = tensor.detach().contiguous()
    if tensor.dtype is torch.bfloat16:
        upper = tensor.view(torch.int16).numpy().view(np.uint16)
        return (upper.astype(np.uint32) << 16).view(np.float32)
    return tensor.numpy()


def flat(tensors, prefix=""):
    """Those of nested dicts, by dotted names."""
    found = {}
    for key, value in tensors.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {
            f"{prefix}{key}": value
        }  # fmt: skip
    return found


def same(state, tensors):
    """Whether the tensors of a file are those, to the last bit, in their order."""
    assert list(state.named) == list(tensors)
    for tensor, truth in zip(state.tensors, tensors.values(), strict=True):
        found, expected = tensor.values(), bits(truth)
        assert tensor.kind == str(truth.dtype).removeprefix("torch.")
        assert found.shape == tensor.shape == tuple(truth.shape)
        assert found.dtype == expected.dtype
        assert found.flags.c_contiguous
        assert found.tobytes() == expected.tobytes()


@st.composite
def fresh(draw):
    """A tensor of any bits, or the like of it as a parameter."""
    kind = getattr(torch, draw(st.sampled_from(KINDS)))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    size = int(np.prod(shape))
    raw = draw(st.binary(min_size=8 * size, max_size=8 * size))
    if kind is torch.bool:
        return torch.tensor([byte > 99 for byte in raw[:size]], dtype=kind).reshape(shape)
    whole = torch.tensor(list(raw), dtype=torch.uint8).view(kind)[:size].reshape(shape)
    return torch.nn.Parameter(whole) if kind.is_floating_point and draw(st.booleans()) else whole


@st.composite
def views(draw, base):
    """Another look at the numbers of a tensor."""
    base = base.detach()
    ways = [
        base,
        base.flatten(),
        base.permute(tuple(reversed(range(base.dim())))),
        base.unsqueeze(0),
    ]
    if base.dim():
        ways += [base[1:], base[..., ::2], base.expand(3, *base.shape), base.select(0, 0)
                 if base.shape[0] else base]  # fmt: skip
    return draw(st.sampled_from(ways))


@st.composite
def state_dicts(draw):
    """Nested dicts of tensors, some of which are views of others."""
    found = {}
    for index in range(draw(st.integers(1, 5))):
        value = draw(fresh())
        if found and draw(st.booleans()):
            value = draw(views(draw(st.sampled_from(list(flat(found).values())))))
        nested = draw(st.sampled_from(["", "block", "deep"]))
        place = found.setdefault(nested, {}) if nested else found
        place[draw(st.sampled_from([f"w{index}", f"λ {index}", index]))] = value
    return found


@given(tensors=state_dicts(), protocol=st.integers(2, 5))
def test_the_bits_of_any_state_dict_are_those_that_torch_loads(tensors, protocol, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "net.pt"
    torch.save(tensors, path, pickle_protocol=protocol)
    # torch's own restricted reader knows protocol 2 only.
    same(hand.opened(path), flat(torch.load(path, weights_only=protocol == 2)))


def network():
    torch.manual_seed(1806)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )


def test_the_state_dict_of_a_network_in_its_order(tmp_path):
    torch.save(network().state_dict(), tmp_path / "net.pt")
    state = hand.opened(tmp_path / "net.pt")
    same(state, network().state_dict())
    assert (state.form, state.label, state.in_order, state.left) == ("torch", "net.pt", True, ())
    assert [t.name for t in state.tensors if not t.is_weight] == ["1.num_batches_tracked"]


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "module", "net"])
def test_a_checkpoint_of_a_training_run(key, tmp_path):
    net = network()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 1, 4, 4)).sum().backward()
    optimizer.step()
    saved = {
        key: net.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "epoch": 3,
        "loss": 0.1, "ema": net.state_dict(), "note": ["as is", None, True, (1, 2)], "rng": b"0",
    }  # fmt: skip
    # Protocol 3 has an opcode for bytes; 2, the default, spells them as a call.
    torch.save(saved, tmp_path / "net.pt", pickle_protocol=3)
    state = hand.opened(tmp_path / "net.pt")
    same(state, net.state_dict())
    assert state.left == ("optimizer_state_dict", "epoch", "loss", "ema", "note", "rng")


def test_the_state_of_an_optimizer_is_left_out_by_its_form_whatever_its_name(tmp_path):
    adam = torch.optim.SGD(network().parameters(), lr=0.1, momentum=0.9)
    saved = {"generator": {"w": torch.ones(2)}, "critic": {"w": torch.zeros(2), "p": 0.5},
             "trainer": adam.state_dict()}  # fmt: skip
    torch.save(saved, tmp_path / "net.pt")
    state = hand.opened(tmp_path / "net.pt")
    same(state, {"generator.w": torch.ones(2), "critic.w": torch.zeros(2)})
    assert state.left == ("critic.p", "trainer")


def test_tied_tensors_have_one_storage_and_others_have_not(tmp_path):
    w = torch.rand(4, 4)
    saved = {"a": w, "tied": w.view(4, 4), "turned": w.t(), "part": w[1:], "equal": w.clone()}
    torch.save(saved, tmp_path / "net.pt")
    storages = {
        name: tensor.storage for name, tensor in hand.opened(tmp_path / "net.pt").named.items()
    }
    assert storages["a"] == storages["tied"]
    assert len(set(storages.values())) == 4


def test_the_device_that_a_tensor_was_on_does_not_matter(tmp_path):
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor()}))
    pickle = pickle.replace(hand.text("cpu"), hand.text("cuda:0"))
    path = hand.written(tmp_path, hand.archived(pickle))
    same(hand.opened(path), torch.load(path, map_location="cpu", weights_only=True))


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_a_big_endian_machine(kind, tmp_path):
    w = torch.arange(6).to(getattr(torch, kind))
    raw = bits(w).astype(bits(w).dtype.newbyteorder(">")).tobytes()
    if kind == "bfloat16":
        raw = b"".join(raw[i : i + 2] for i in range(0, 24, 4))
    names = {"float64": "Double", "float32": "Float", "float16": "Half", "bfloat16": "BFloat16",
             "int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte",
             "bool": "Bool"}  # fmt: skip
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor(stored=hand.storage(names[kind]))}))
    path = hand.written(tmp_path, hand.archived(pickle, {"0": raw}, order="big"))
    same(hand.opened(path), torch.load(path, weights_only=True))
    same(hand.opened(path), {"w": w.reshape(2, 3)})


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_was_packed_again(method, tmp_path):
    torch.save(network().state_dict(), tmp_path / "net.pt")
    path = hand.written(tmp_path, hand.packed_again((tmp_path / "net.pt").read_bytes(), method))
    same(hand.opened(path), torch.load(path, weights_only=True))


def test_a_file_without_checksums(tmp_path):
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(network().state_dict(), tmp_path / "net.pt")
    finally:
        torch.serialization.set_crc32_options(before)
    same(hand.opened(tmp_path / "net.pt"), network().state_dict())


def test_a_zip_with_sizes_of_64_bits(tmp_path, monkeypatch):
    """Those that torch writes beyond 4 GiB, here from 10 bytes on."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    pickle = hand.pickled(hand.dict_of({"w": hand.tensor()}))
    path = hand.written(tmp_path, hand.archived(pickle))
    same(hand.opened(path), torch.load(path, weights_only=True))


def test_a_part_of_a_storage_is_checked_with_all_of_it_and_then_read_alone(tmp_path):
    w = torch.arange(3_000_000.0)
    torch.save({"first": w[:5], "last": w[-5:], "all": w}, tmp_path / "net.pt")
    state = hand.opened(tmp_path / "net.pt")
    same(state, {"first": w[:5], "last": w[-5:], "all": w})
    content = bytearray((tmp_path / "net.pt").read_bytes())
    content[len(content) // 2] ^= 1
    hand.written(tmp_path, bytes(content))
    hand.refused(tmp_path / "net.pt", StorageError, "data/0 does not have its checksum", read=True)


def test_the_door_leads_here(tmp_path):
    torch.save(network().state_dict(), tmp_path / "net.bin")
    assert look_at(tmp_path / "net.bin")[2] == "torch"
    same(open_state_dict(tmp_path / "net.bin"), network().state_dict())
    with zipfile.ZipFile(tmp_path / "net.bin") as archive:
        assert is_torch(archive.namelist())
