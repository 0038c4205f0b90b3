"""Small files of torch's, what is done to break them, and how they are opened."""

from __future__ import annotations

import io
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch_by_hand as hand
from fuzz_files import TELLING, Seed, mutate
from fuzz_safetensors import read_whole, refused
from with_torch import torch

from mfact.errors import MfactError
from mfact.tensors.source import open_state_dict


def seeds(marker: Path) -> list[Seed]:
    """One seed a kind of file; the last is evil, and no valid one: Python's pickle would make the
    file marker of it."""
    torch.manual_seed(1806)
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    adam = torch.optim.Adam(net.parameters())
    net(torch.ones(4, 3)).sum().backward()
    adam.step()
    w = torch.rand(4, 3).bfloat16()
    views = {"w": w, "turned": w.t(), "part": w[1:, ::2], "wide": torch.ones(1).expand(5),
             "p": torch.nn.Parameter(torch.rand(2, 2).half()), "none": torch.zeros(0, 3),
             "block": {0: torch.arange(3), 1: torch.tensor(True)}}  # fmt: skip
    run = {"model": net.state_dict(), "optimizer": adam.state_dict(), "epoch": 3, "loss": [0.5]}
    saved = {
        "views.pt": _saved(views),
        "run.pt": _saved(run),
        "protocol-4.pt": _saved(run, pickle_protocol=4),
        "deflated.pt": hand.packed_again(_saved(views), zipfile.ZIP_DEFLATED),
        "big.pt": hand.archived(hand.pickled(hand.dict_of({"w": hand.tensor()})), order="big"),
    }
    evil = b"cos\nsystem\n" + hand.text(f"touch {marker}") + b"\x85R"
    saved["evil.pt"] = hand.archived(
        hand.pickled(hand.dict_of({"w": hand.tensor(), "evil": evil, "b": hand.tensor((2,), (1,))}))
    )
    return [Seed(name, content, inside=injure_inside) for name, content in saved.items()]


def _saved(value: object, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def try_torch(path: Path, dataset: str | None) -> str:
    """Open a file, read all of its tensors, write it back and write zeros: "read", or "refused"
    for one that is, or has a tensor that is; any other exception is passed on.

    AssertionError when a tensor was read that is not what it was announced to be, when what is
    written back without a change is another file, or when zeros that were written are not read.
    """
    try:
        state = read_whole(path)
        assert state.form != "torch" or state.rewritten({}) == path.read_bytes()
    except MfactError as error:
        return refused(error)
    chosen = [tensor for tensor in state.tensors if tensor.is_weight][-1]
    try:
        zeros = state.rewritten({chosen.name: np.zeros(chosen.shape)})
    except MfactError as error:
        return refused(error).replace("refused", "read")
    path.write_bytes(zeros)
    assert not open_state_dict(path).named[chosen.name].values().any()
    return "read"


def injure_inside(rng: np.random.Generator, content: bytes) -> bytes:
    """A file after injuries of one of its layers: its pickle, its zip, or the bytes of entries."""
    layer = int(rng.integers(4))
    if layer < 2:
        return _with_pickle(content, lambda raw: _injure_pickle(rng, raw))
    if layer == 2:
        return _injure_zip(rng, content)
    plain = Seed("", content)
    return mutate(rng, plain, plain)


def _with_pickle(content: bytes, injured: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for info in old.infolist():
            raw = old.read(info)
            new.writestr(info, injured(raw) if info.filename.endswith("data.pkl") else raw)
    return stream.getvalue()


def opcodes_of(raw: bytes) -> list[bytes]:
    """A pickle, cut into its opcodes."""
    places = [place for _, _, place in pickletools.genops(raw)]
    return [raw[start:end] for start, end in zip(places, [*places[1:], len(raw)], strict=True)]


def _injure_pickle(rng: np.random.Generator, raw: bytes) -> bytes:
    opcodes = opcodes_of(raw)
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        at, other = (int(rng.integers(len(opcodes))) for _ in range(2))
        kind = int(rng.integers(6))
        if kind == 0:
            opcodes[at : at + 1] = []
        elif kind == 1:
            opcodes.insert(at, opcodes[other])
        elif kind == 2:
            opcodes[at], opcodes[other] = opcodes[other], opcodes[at]
        elif kind == 3:
            opcodes[at] = _any_opcode(rng)
        elif kind == 4:
            opcodes[at:at] = opcodes[other : other + int(rng.integers(1, 40))]
        else:  # a number, where there is one
            numbers = [i for i, code in enumerate(opcodes) if code[:1] in b"JKM\x8a"] or [at]
            opcodes[numbers[other % len(numbers)]] = _any_number(rng)
    return b"".join(opcodes) or b"."


def _any_number(rng: np.random.Generator) -> bytes:
    chosen = [*TELLING, *range(8), -1, -(2**63)]
    return hand.whole(chosen[int(rng.integers(len(chosen)))])


def _any_opcode(rng: np.random.Generator) -> bytes:
    opcode = pickletools.opcodes[int(rng.integers(len(pickletools.opcodes)))]
    argument = b"" if opcode.arg is None else rng.bytes(int(rng.integers(0, 9)))
    return opcode.code.encode("latin-1") + argument


def _injure_zip(rng: np.random.Generator, content: bytes) -> bytes:
    """Other numbers in the directory, in the headers of entries, or at the end of the archive."""
    broken = bytearray(content)
    marks = [b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08"]
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        mark = marks[int(rng.choice(len(marks), p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05]))]
        places = [at for at in range(len(content)) if content.startswith(mark, at)]
        if not places:
            continue
        at = places[int(rng.integers(len(places)))] + int(rng.integers(4, 46))
        size = int(rng.choice([1, 2, 4, 8]))
        value = int(rng.integers(len(content))) if rng.random() < 0.5 else TELLING[
            int(rng.integers(len(TELLING)))
        ]  # fmt: skip
        piece = struct.pack("<Q", value)[:size]
        broken[at : at + size] = piece[: max(0, len(broken) - at)]
    return bytes(broken)
