"""One reader for every file of mfact: what it holds, or which files there are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from kept_files import balance_of, record_of
from network_by_hand import network_by_hand
from run_samples import example

from mfact.core import NetworkResult, Result
from mfact.errors import MfactError, StorageError
from mfact.storage.either import read_any, read_either
from mfact.storage.network_runs import write_network_run
from mfact.storage.runs import write_run
from mfact.storage.sweeps import SweepRecord, write_sweep


@pytest.fixture
def files(tmp_path):
    write_run(tmp_path / "run.h5", example())
    write_network_run(tmp_path / "network.h5", network_by_hand())
    write_sweep(tmp_path / "sweep.h5", record_of())
    (tmp_path / "balance.json").write_text("\n " + json.dumps(balance_of(1)))
    return tmp_path


def test_each_file_is_read_as_what_it_is(files):
    kinds = {"run.h5": Result, "network.h5": NetworkResult, "sweep.h5": SweepRecord,
             "balance.json": dict}  # fmt: skip
    for name, kind in kinds.items():
        assert isinstance(read_any(files / name), kind)


def test_a_sweep_is_no_run(files):
    with pytest.raises(StorageError, match="is the file of a sweep, not a run file: `mfact show`"):
        read_either(files / "sweep.h5")


def test_a_run_is_no_sweep(files):
    from mfact.storage.sweeps import read_sweep

    told = "is a run file, not the file of a sweep: `mfact show` reads it; pass a file that"
    with pytest.raises(StorageError, match=told):
        read_sweep(files / "run.h5")


@pytest.mark.parametrize("name", ["M.npy", "empty", "text", "none", "."])
def test_another_file_is_told_which_there_are(files, name):
    np.save(files / "M.npy", np.eye(2))
    (files / "empty").touch()
    (files / "text").write_text("a,b\n1,2\n")
    with pytest.raises(MfactError) as caught:
        read_any(files / name)
    assert "\n" not in str(caught.value)
    if name not in ("none", "."):
        assert "`mfact sweep -o` wrote, or what `mfact balance --format json`" in str(caught.value)


def test_a_damaged_sweep_is_told_from_another_file(files):
    image = (files / "sweep.h5").read_bytes()
    (files / "sweep.h5").write_bytes(image[:-1])
    with pytest.raises(StorageError, match="is damaged, or was changed after mfact wrote it"):
        read_any(files / "sweep.h5")
