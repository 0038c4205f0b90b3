"""torch's CPU, said to be a CUDA device: all that a run does there is done but by that name."""

from __future__ import annotations

from types import SimpleNamespace

from with_torch import torch

from mfact.targets.device import place
from mfact.targets.device.cuda import Cuda
from mfact.targets.device.place import device

NAME = "cuda: NVIDIA H200"


class Pretended(Cuda):
    where = "cpu"


def pretended(monkeypatch):
    """A CUDA device of so many free bytes: told.free, of which torch keeps a part for later."""
    told = SimpleNamespace(free=1 << 30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (told.free - (1 << 20), 139 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 3 << 20)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 2 << 20)
    monkeypatch.setattr(place, "Cuda", Pretended)
    return told


def found(name="cuda"):
    """The place of that name, and what is noted of it."""
    notes = []
    return device(name, notes.append), notes
