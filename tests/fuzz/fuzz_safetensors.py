"""Small files of tensors, what is done to break them, and how they are opened."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_files import TELLING, Seed
from tensor_files import CODES, entry, packed, safetensors_of

from mfact.errors import MfactError
from mfact.tensors.source import open_state_dict
from mfact.tensors.state_dict import StateDict


def seeds() -> list[Seed]:
    """One seed a kind of file."""
    rng = np.random.default_rng(1806)
    W, b = rng.standard_normal((5, 3)).astype("f4"), rng.standard_normal(5)
    dense = {"fc1.weight": W, "fc1.bias": b, "steps": np.array(7), "empty": np.ones((0, 3), "f2")}
    coarse = {"__metadata__": {"format": "pt"}, "w": entry("BF16", [3, 4], 0, 24),
              "mask": entry("BOOL", [4], 24, 28)}  # fmt: skip
    archives = {}
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, W=W, F=np.asfortranarray(W, ">f8"), n=np.arange(3), text=np.array("fc"))
        archives[f"{save.__name__}.npz"] = stream.getvalue()
    return [
        Seed("dense.safetensors", safetensors_of(dense, note="kept"), inside=injure_header),
        Seed("coarse.safetensors", packed(coarse, rng.bytes(28)), inside=injure_header),
        *(Seed(name, content) for name, content in archives.items()),
    ]


def try_tensors(path: Path, dataset: str | None) -> str:
    """Open a file, read all of its tensors and write it back: "read", or "refused" for one that
    is, or has a tensor that is; any other exception is passed on.

    AssertionError when a tensor was read that is not what it was announced to be, or when what is
    written back without a change is another file.
    """
    try:
        state = read_whole(path)
        image = state.rewritten({})
    except MfactError as error:
        return refused(error)
    assert state.form != "safetensors" or image == path.read_bytes()
    return "read"


def read_whole(path: Path) -> StateDict:
    """A file, of which every tensor could be read and is what it was announced to be."""
    state = open_state_dict(path)
    json.dumps([[tensor.name, tensor.kind, tensor.shape] for tensor in state.tensors])
    for tensor in state.tensors:
        read = tensor.values()
        assert read.shape == tensor.shape
        assert read.dtype.name == tensor.kind.replace("bfloat16", "float32")
    return state


def refused(error: MfactError) -> str:
    """The word for it, where it is in one line."""
    if "\n" in str(error):
        raise AssertionError(f"more than one line: {error!r}") from error
    return "refused"


def injure_header(rng: np.random.Generator, content: bytes) -> bytes:
    """A safetensors file after one to three injuries of what its header says, which stays JSON."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    for _ in range(int(rng.integers(1, 4))):
        _INJURIES[int(rng.integers(len(_INJURIES)))](rng, header)
    text = json.dumps(header)
    if rng.random() < 0.1:  # a name twice
        text = f"{text[:-1]}, {text[1:]}"
    data = content[end:]
    size = len(data) + (int(rng.integers(-3, 4)) if rng.random() < 0.3 else 0)
    return packed(text.encode(), data[:size].ljust(size, b"\0"))


def _some(rng: np.random.Generator, header: dict[str, Any]) -> Any:
    return header[list(header)[int(rng.integers(len(header)))]] if header else {}


def _number(rng: np.random.Generator) -> Any:
    odd = (-1, 0.5, 1e400, True, None, "1", [], {}, 2**70, int(rng.integers(9)))
    chosen = [*TELLING, *range(1, 70), *odd]
    return chosen[int(rng.integers(len(chosen)))]


def _change_number(rng: np.random.Generator, header: dict[str, Any]) -> None:
    numbers = _some(rng, header).get(("shape", "data_offsets")[int(rng.integers(2))])
    if isinstance(numbers, list) and numbers:
        numbers[int(rng.integers(len(numbers)))] = _number(rng)


def _change_length_of_list(rng: np.random.Generator, header: dict[str, Any]) -> None:
    numbers = _some(rng, header).get(("shape", "data_offsets")[int(rng.integers(2))])
    if isinstance(numbers, list):
        numbers[:] = numbers[:-1] if rng.random() < 0.5 else [*numbers, _number(rng)]


def _change_kind(rng: np.random.Generator, header: dict[str, Any]) -> None:
    codes = [*CODES.values(), "BF16", "F8_E4M3", "F4", "C64", "", 3, None]
    _some(rng, header)["dtype"] = codes[int(rng.integers(len(codes)))]


def _change_field(rng: np.random.Generator, header: dict[str, Any]) -> None:
    fields = _some(rng, header)
    if fields:
        name = list(fields)[int(rng.integers(len(fields)))]
        if rng.random() < 0.5:
            del fields[name]
        else:
            fields[name] = _number(rng)


def _exchange(rng: np.random.Generator, header: dict[str, Any]) -> None:
    names = [name for name in header if "shape" in header[name]]
    if len(names) > 1:
        one, other = rng.permutation(names)[:2]
        header[one], header[other] = header[other], header[one]


def _rename(rng: np.random.Generator, header: dict[str, Any]) -> None:
    names = ["", "\x1b[2J", "\n", "\ud800", "__metadata__", "w" * 500]
    name = list(header)[int(rng.integers(len(header)))]
    header[names[int(rng.integers(len(names)))]] = header.pop(name)


_INJURIES = (
    _change_number, _change_length_of_list, _change_kind, _change_field, _exchange, _rename,
)  # fmt: skip
