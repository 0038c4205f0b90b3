"""Outputs that cannot be: refused before the run, in one line, without a trace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mfact.errors import SettingsError, StorageError
from mfact.storage.claims import claim_output, refuse_meetings


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def refusal(path: Path | str) -> str:
    with pytest.raises(StorageError) as caught:
        claim_output(path)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.way_out
    return message


def test_a_free_path_is_claimed_without_a_trace(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mode
    claim_output(tmp_path / "run.h5")
    assert names(tmp_path) == []
    assert tmp_path.stat().st_mode == before


def test_an_existing_output_is_claimed_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(b"old")
    before = path.stat()
    claim_output(path)
    assert path.stat() == before


@pytest.mark.parametrize("way", ["same", "detour", "hard", "symbolic", "link to the input"])
def test_two_names_of_one_file_are_told(tmp_path: Path, way: str) -> None:
    matrix = tmp_path / "M.h5"
    matrix.write_bytes(b"data")
    output, source = tmp_path / "out.h5", matrix
    if way == "same":
        output = matrix
    elif way == "detour":
        (tmp_path / "sub").mkdir()
        output = tmp_path / "sub" / ".." / "M.h5"
    elif way == "hard":
        output.hardlink_to(matrix)
    elif way == "symbolic":
        output.symlink_to(matrix)
    else:
        source = tmp_path / "link.h5"
        source.symlink_to(matrix)
        output = matrix
    read = {"start": str(tmp_path / "other.npy"), "matrix": str(source), "config file": None}
    with pytest.raises(SettingsError, match="is the matrix and the output: name another"):
        refuse_meetings(read, {"checkpoint": str(tmp_path / "c.h5"), "output": str(output)})
    assert matrix.read_bytes() == b"data"


def test_outputs_that_are_not_there_yet_meet_too(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.h5").symlink_to("new.h5")
    for one in ("new.h5", "sub/../new.h5", "link.h5", str(tmp_path / "new.h5")):
        with pytest.raises(SettingsError, match="name another checkpoint"):
            refuse_meetings({}, {"output": one, "checkpoint": "new.h5"})
    refuse_meetings({}, {"output": "sub/new.h5", "checkpoint": "new.h5", "log file": None})
    refuse_meetings({"matrix": "M.npy", "start": "M.npy"}, {})


def test_places_where_no_file_can_go(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert "is a folder" in refusal(tmp_path)
    assert "is a folder" in refusal(f"{tmp_path}/new/")
    assert "No such file or directory: create the folder" in refusal(tmp_path / "no/run.h5")
    assert "Not a directory" in refusal(tmp_path / "file/run.h5")
    assert "not a regular file" in refusal("/dev/null")
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "File name too long" in refusal(tmp_path / ("x" * 256))
    assert "symbolic links" in refusal(tmp_path / "loop")
    assert "null character" in refusal("a\0b")
    assert "a folder" in refusal("")
    assert names(tmp_path) == ["file", "loop", "pipe"]
