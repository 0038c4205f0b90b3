"""What torch.save writes beside tensors of plain numbers: refused by name, the ways out tried."""

import argparse
import sys

import numpy as np
import pytest
import torch_by_hand as hand
from with_torch import torch

from mfact.errors import DataError
from mfact.tensors import torch_choice, torch_zip
from mfact.tensors.source import open_state_dict

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


class Weight(torch.Tensor):
    pass


def module():
    torch.manual_seed(1806)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))


def with_attribute(tensor):
    tensor.note = "set by hand"
    return tensor


def negated():
    return torch.view_as_complex(torch.ones(3, 2)).conj().imag


def optimizer():
    return torch.optim.Adam(module().parameters()).state_dict()


W = torch.ones(3)
# What is saved, what is said, and the way out, put into practice.
REFUSED = {
    "a module": (module, r"torch\.nn\.modules\.container\.Sequential.*model\.state_dict\(\)",
                 lambda m: m.state_dict()),
    "a module beside a dict": (lambda: {"model": module().state_dict(), "net": module()},
                               r"container\.Sequential", lambda c: c["model"]),
    "options": (lambda: {"model": {"w": W}, "args": argparse.Namespace(lr=0.1)},
                r"holds argparse\.Namespace.*state_dict\(\) alone", lambda c: c["model"]),
    "a NumPy scalar": (lambda: {"model": {"w": W}, "best": np.float64(0.1)},
                       r"holds numpy\.\S+\.scalar.*alone", lambda c: c["model"]),
    "a kind of number": (lambda: {"model": {"w": W}, "kind": torch.float32},
                         r"holds torch\.float32", lambda c: c["model"]),
    "a size": (lambda: {"w": W, "size": W.shape}, r"holds torch\.Size", lambda c: {"w": c["w"]}),
    "a set": (lambda: {"w": W, "names": {"a"}}, r"holds __builtin__\.set", lambda c: {"w": c["w"]}),
    "float8": (lambda: {"w": W.to(torch.float8_e4m3fn)}, r"untyped.*float8.*tensor\.float\(\)",
               lambda c: {"w": c["w"].float()}),
    "uint16": (lambda: {"w": W.to(torch.uint16)}, r"untyped.*uint16.*tensor\.float\(\)",
               lambda c: {"w": c["w"].float()}),
    "a complex tensor": (lambda: {"w": W + 1j}, r"complex numbers.*view_as_real",
                         lambda c: {"w": torch.view_as_real(c["w"])}),
    "another complex one": (lambda: {"w": W.double() + 1j}, r"complex numbers.*view_as_real",
                            lambda c: {"w": torch.view_as_real(c["w"])}),
    "a quantized tensor": (lambda: {"w": torch.quantize_per_tensor(W, 0.1, 0, torch.qint8)},
                           r"quantized.*dequantize\(\)", lambda c: {"w": c["w"].dequantize()}),
    "a sparse tensor": (lambda: {"w": W.to_sparse()}, r"sparse.*to_dense\(\)",
                        lambda c: {"w": c["w"].to_dense()}),
    "a storage": (lambda: {"w": W.untyped_storage()}, r"UntypedStorage", lambda c: {"w": W}),
    "no numbers at all": (lambda: {"w": torch.ones(3, device="meta")}, r"device meta",
                          lambda c: {"w": torch.empty_like(c["w"], device="cpu")}),
    "a class of its own": (lambda: {"w": W.as_subclass(Weight)}, r"class of its own.*as_subclass",
                           lambda c: {"w": c["w"].detach().as_subclass(torch.Tensor)}),
    "a tensor with attributes": (lambda: {"w": with_attribute(torch.ones(3))},
                                 r"with attributes.*as_subclass",
                                 lambda c: {"w": c["w"].detach().as_subclass(torch.Tensor)}),
    "a parameter with attributes": (
        lambda: {"w": with_attribute(torch.nn.Parameter(torch.ones(3)))},
        r"parameter with attributes.*state_dict\(\)",
        lambda c: torch.nn.ParameterDict(c).state_dict()),
    "a sign": (lambda: {"w": negated()}, r"other sign.*resolve_neg\(\)",
               lambda c: {"w": c["w"].resolve_neg()}),
    "a list": (lambda: [W], r"no dict of tensors", lambda c: {"w": c[0]}),
    "a tensor": (lambda: W, r"no dict of tensors", lambda c: {"w": c}),
    "an optimizer": (optimizer, r"state of an optimizer", lambda c: module().state_dict()),
    "two state dicts": (
        lambda: {"model": {"w": W}, "net": {"w": W}, "network": {}, "module": None},
        r"2 state dicts, model, net: save the one", lambda c: c["model"]),
    "one dict in two places": (lambda: {"a": (d := {"w": W}), "b": d}, r"holds b in another place",
                               lambda c: c["a"]),
    "one name twice": (lambda: {"a": {"b": W}, "a.b": W}, r"holds a\.b twice", lambda c: c["a"]),
    "numbers as keys": (lambda: {"w": W, "left": {0.5: 1}}, r"neither text nor an integer",
                        lambda c: {"w": c["w"]}),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said", "way_out"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_its_way_out_works(make, said, way_out, tmp_path):
    torch.save(make(), tmp_path / "net.pt")
    hand.refused(tmp_path / "net.pt", DataError, said)
    torch.save(way_out(torch.load(tmp_path / "net.pt", weights_only=False)), tmp_path / "out.pt")
    for tensor in hand.opened(tmp_path / "out.pt").tensors:
        assert tensor.values().shape == tensor.shape


def test_a_module_can_go_out_by_safetensors(tmp_path):
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    save_file(module().state_dict(), tmp_path / "net.safetensors")
    state = open_state_dict(tmp_path / "net.safetensors")
    assert (
        state.named["0.weight"].values().tobytes() == module()[0].weight.detach().numpy().tobytes()
    )


def test_a_file_of_before_torch_1_6(tmp_path):
    torch.save({"w": W}, tmp_path / "net.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(DataError, match=r"before PyTorch 1\.6.*save what it holds again"):
        open_state_dict(tmp_path / "net.pt")
    torch.save(torch.load(tmp_path / "net.pt"), tmp_path / "net.pt")
    assert list(open_state_dict(tmp_path / "net.pt").named) == ["w"]


def test_a_distributed_tensor(tmp_path):
    from torch import distributed
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", rank=0, world_size=1, store=store)
    try:
        tensor = distribute_tensor(W, init_device_mesh("cpu", (1,)), [Shard(0)])
        torch.save({"w": tensor}, tmp_path / "net.pt")
        torch.save({"w": tensor.full_tensor()}, tmp_path / "out.pt")
    finally:
        distributed.destroy_process_group()
    hand.refused(tmp_path / "net.pt", DataError, r"class of its own.*full_tensor\(\)")
    assert hand.opened(tmp_path / "out.pt").named["w"].values().tolist() == [1, 1, 1]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="torch.jit is not for this Python")
def test_a_torchscript_program(tmp_path):
    torch.jit.save(torch.jit.trace(module(), torch.ones(1, 2)), tmp_path / "net.pt")
    hand.refused(tmp_path / "net.pt", DataError, r"TorchScript program: save torch\.jit\.load")
    torch.save(torch.jit.load(tmp_path / "net.pt").state_dict(), tmp_path / "out.pt")
    assert list(hand.opened(tmp_path / "out.pt").named) == list(module().state_dict())


def test_an_exported_program(tmp_path):
    program = torch.export.export(module(), (torch.ones(1, 2),))
    torch.export.save(program, tmp_path / "net.pt2")
    with pytest.raises(DataError, match=r"exported program: save torch\.export\.load"):
        open_state_dict(tmp_path / "net.pt2")
    torch.save(torch.export.load(tmp_path / "net.pt2").state_dict, tmp_path / "out.pt")
    assert list(hand.opened(tmp_path / "out.pt").named) == list(module().state_dict())


def test_more_numbers_than_the_file_is_worth(tmp_path, monkeypatch):
    """One number, shown 400,000 times: 1.5 MiB of a file of 2 KiB."""
    torch.save({"w": torch.ones(1).expand(400_000)}, tmp_path / "net.pt")
    assert hand.opened(tmp_path / "net.pt").named["w"].values().tolist() == [1.0] * 400_000
    monkeypatch.setattr(torch_zip, "LARGEST", 1 << 20)
    hand.refused(tmp_path / "net.pt", DataError, r"holds 1\.5 MiB in a file of 1\.\d KiB.*clone")
    torch.save({"w": torch.load(tmp_path / "net.pt")["w"].clone()}, tmp_path / "net.pt")
    assert hand.opened(tmp_path / "net.pt").named["w"].shape == (400_000,)


def test_more_tensors_than_any_network_has(tmp_path, monkeypatch):
    torch.save({"model": {str(n): W for n in range(11)}, "a": 1}, tmp_path / "net.pt")
    monkeypatch.setattr(torch_choice, "MOST_TENSORS", 10)
    hand.refused(tmp_path / "net.pt", DataError, r"more than 10 tensors")


def test_dicts_deeper_than_any_network(tmp_path):
    deep = {"w": W}
    for _ in range(31):
        deep = {"d": deep}
    torch.save(deep, tmp_path / "net.pt")
    assert list(hand.opened(tmp_path / "net.pt").named) == ["d." * 31 + "w"]
    torch.save({"d": deep}, tmp_path / "net.pt")
    hand.refused(tmp_path / "net.pt", DataError, "32 deep")


def test_names_longer_than_anybody_gives(tmp_path):
    torch.save({"a" * 300: {"b" * 300: W}}, tmp_path / "net.pt")
    hand.refused(tmp_path / "net.pt", DataError, "name of 601 characters")


def test_a_dict_that_holds_itself(tmp_path):
    saved = {"w": W}
    saved["again"] = saved
    torch.save(saved, tmp_path / "net.pt")
    hand.refused(tmp_path / "net.pt", DataError, "holds again in another place")


def test_two_hundred_dicts_that_each_hold_the_next_twice(tmp_path):
    saved = {"w": W}
    for _ in range(200):
        saved = {"a": saved, "b": saved}
    torch.save(saved, tmp_path / "net.pt")
    hand.refused(tmp_path / "net.pt", DataError, "32 deep")


def test_a_file_of_no_tensor(tmp_path):
    torch.save({"epoch": 3, "left": {}}, tmp_path / "net.pt")
    with pytest.raises(DataError, match="holds no tensor of numbers, but epoch, left: pass"):
        open_state_dict(tmp_path / "net.pt")
