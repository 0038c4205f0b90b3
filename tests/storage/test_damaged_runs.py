"""Files that are no run files, or no longer: each refused in one line, none followed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_samples import NEW

from mfact.errors import MemoryPlanError, StorageError
from mfact.storage import checkpoints, images, runs
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.runs import read_run, run_image, write_run

IMAGE = run_image(NEW)


def refusal(path: Path, read: Any = read_run) -> str:
    with pytest.raises(StorageError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.way_out
    return message


def resealed(image: bytes) -> bytes:
    """The image with a digest that fits, as only someone who means harm would write it."""
    changed = bytearray(image)
    place, digest = images._digest(memoryview(changed))
    changed[place] = digest
    return bytes(changed)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("not HDF5")
    (tmp_path / "empty.h5").write_bytes(b"")
    np.save(tmp_path / "M.npy", np.eye(2))
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["U"] = np.eye(2)
        file.attrs["note"] = "x" * 5000
    for name in ("text.h5", "empty.h5", "M.npy", "foreign.h5"):
        assert "is not a run file of mfact: pass a file" in refusal(tmp_path / name)
        assert "is not a checkpoint of mfact" in refusal(tmp_path / name, read_checkpoint)


def test_places_that_hold_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "No such file" in refusal(tmp_path / "none.h5")
    assert "not a regular file" in refusal(tmp_path)
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "not a regular file" in refusal(Path("/dev/zero"))


def test_a_run_is_no_checkpoint_and_a_checkpoint_is_no_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", NEW)
    write_checkpoint(tmp_path / "c.h5", {"U": np.eye(2)}, {})
    assert "is a checkpoint, not a run file" in refusal(tmp_path / "c.h5")
    assert "is a run file, not a checkpoint" in refusal(tmp_path / "run.h5", read_checkpoint)


@pytest.mark.parametrize("kind", ["run", "checkpoint"])
def test_a_newer_format_version(tmp_path: Path, kind: str) -> None:
    known = {"run": runs.FORMAT_VERSION, "checkpoint": checkpoints.FORMAT_VERSION}[kind]
    (tmp_path / "new.h5").write_bytes(images.make_image(kind, known + 1, {}, {}))
    message = refusal(tmp_path / "new.h5", read_run if kind == "run" else read_checkpoint)
    words = f"has format version {known + 1}, and this mfact reads up to {known}: use a newer mfact"
    assert words in message


@given(place=st.integers(0, len(IMAGE) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.h5"
    changed = bytearray(IMAGE)
    changed[place] ^= 1 << bit
    path.write_bytes(changed)
    message = refusal(path)
    assert "is damaged, or was changed" in message or "is not a run file" in message


@given(length=st.integers(0, len(IMAGE) - 1))
def test_any_truncation_is_found(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "short.h5"
    path.write_bytes(IMAGE[:length])
    refusal(path)


def test_bytes_that_were_added_are_found(tmp_path: Path) -> None:
    (tmp_path / "long.h5").write_bytes(IMAGE + b"\0")
    assert "is damaged" in refusal(tmp_path / "long.h5")


def test_a_file_that_was_edited_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    write_run(path, NEW)
    with h5py.File(path, "r+") as file:
        file["U"][0, 0] = 5.0
    assert "changed after mfact wrote it" in refusal(path)


def edited(path: Path, edit: Any) -> Path:
    """A run file after edit(open file), its digest made to fit."""
    path.write_bytes(IMAGE)
    with h5py.File(path, "r+") as file:
        edit(file)
    path.write_bytes(resealed(path.read_bytes()))
    return path


def soft_link(file: h5py.File) -> None:
    del file["U"]
    file["U"] = h5py.SoftLink("/V")


def external_link(file: h5py.File) -> None:
    del file["U"]
    file["U"] = h5py.ExternalLink("secret.h5", "/V")


def external_storage(file: h5py.File) -> None:
    shape = file["U"].shape
    del file["U"]
    file.create_dataset("U", shape, "f8", external=[("secret.bin", 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(file["U"].shape, "f8")
    layout[:] = h5py.VirtualSource("secret.h5", "V", file["U"].shape)
    del file["U"]
    file.create_virtual_dataset("U", layout)


def bomb(file: h5py.File) -> None:
    del file["U"]
    file.create_dataset("U", (1 << 30, 1 << 20), "f8", chunks=(1024, 16))
    relist(file, "U", [1 << 30, 1 << 20])


def relist(file: h5py.File, name: str, shape: list[int]) -> None:
    document = json.loads(file.attrs["mfact_run"])
    document["datasets"][name]["shape"] = shape
    file.attrs["mfact_run"] = json.dumps(document)


def group_for_array(file: h5py.File) -> None:
    del file["U"]
    file.create_group("U")


def missing_array(file: h5py.File) -> None:
    del file["trace/loss"]


def text_for_json(file: h5py.File) -> None:
    file.attrs["mfact_run"] = "{"


def number_for_json(file: h5py.File) -> None:
    file.attrs["mfact_run"] = 3


def list_for_json(file: h5py.File) -> None:
    file.attrs["mfact_run"] = "[1]"


def deep_json(file: h5py.File) -> None:
    file.attrs["mfact_run"] = "[" * 100_000


def version_zero(file: h5py.File) -> None:
    document = json.loads(file.attrs["mfact_run"])
    file.attrs["mfact_run"] = json.dumps({**document, "format_version": 0})


def strange_dtype(file: h5py.File) -> None:
    document = json.loads(file.attrs["mfact_run"])
    document["datasets"]["U"]["dtype"] = "O"
    file.attrs["mfact_run"] = json.dumps(document)


def unknown_outcome(file: h5py.File) -> None:
    document = json.loads(file.attrs["mfact_run"])
    file.attrs["mfact_run"] = json.dumps({**document, "outcome": "GREAT"})


def claims_of_nothing(file: h5py.File) -> None:
    document = json.loads(file.attrs["mfact_run"])
    file.attrs["mfact_run"] = json.dumps({**document, "claims": [{"name": "x"}]})


@pytest.mark.parametrize(
    "edit",
    [
        soft_link,
        external_link,
        external_storage,
        virtual,
        bomb,
        group_for_array,
        missing_array,
        text_for_json,
        number_for_json,
        list_for_json,
        deep_json,
        version_zero,
        strange_dtype,
        unknown_outcome,
        claims_of_nothing,
    ],
)
def test_a_forged_file_is_refused_and_names_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.full(120, 7.0).tobytes())
    with h5py.File("secret.h5", "w") as file:
        file["V"] = np.full((40, 3), 7.0)
    refusal(edited(tmp_path / "forged.h5", edit))


def test_a_file_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run.h5", NEW)
    monkeypatch.setattr("mfact.storage.reading.available_bytes", lambda: 1000)
    with pytest.raises(MemoryPlanError, match="of memory to read and 1000 B is available: free"):
        read_run(tmp_path / "run.h5")
