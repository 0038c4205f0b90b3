"""Zarr stores that change while they are read, or are damaged: one line, and never a fill value
in place of what was there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from matrix_files import sample
from refusals import refusal
from slabbed import count, together
from zarr_files import DENSE, anndata, in_folder, in_zip

from mfact.errors import DataError, MemoryPlanError, MissingPackageError, StorageError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def remove(store):
    (store / "1.2").unlink()


def add(store):
    (store / "0.0").rename(store / "9.9")


def rewrite(store):
    """As many bytes, some of them others."""
    content = (store / "1.2").read_bytes()
    (store / "1.2").write_bytes(content[::-1])


def truncate(store):
    os.truncate(store / "1.2", 10)


def say_otherwise(store):
    about = json.loads((store / ".zarray").read_text())
    (store / ".zarray").write_text(json.dumps(about | {"fill_value": 9}))


CHANGES = (remove, add, rewrite, truncate, say_otherwise)
FORMS = (pytest.param("v2", marks=pytest.mark.slow), "v2 raw")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", FORMS)
def test_a_store_that_was_changed_since_it_was_looked_at(form, change, tmp_path):
    spec = in_folder(DENSE[form])(tmp_path, sample())
    source = open_matrix(spec)
    slabs = source.slabs(700)
    change(Path(spec))
    for read in (source.read, lambda: source.slabs(700), lambda: together(slabs)):
        with pytest.raises(StorageError, match="was changed while it was read: run again"):
            read()


@pytest.mark.parametrize("change", [remove, truncate])
@pytest.mark.parametrize("form", ["v2", "v2 raw"])
def test_a_store_that_changes_while_it_is_read(form, change, tmp_path):
    spec = in_folder(DENSE[form])(tmp_path, sample())
    slabs = open_matrix(spec).slabs(700)

    def reading():
        with slabs.opened(1) as file:
            change(Path(spec))
            for slab in range(count(slabs)):
                file.fetch(slab, np.empty(slabs.room, np.uint8))

    with pytest.raises(StorageError, match="was changed while it was read: run again"):
        reading()


def test_a_zip_and_a_sparse_group_that_were_changed(tmp_path):
    zipped, sparse = in_zip(DENSE["v2"]), in_folder(anndata("csr"))
    sources = [open_matrix(zipped(tmp_path, sample())), open_matrix(sparse(tmp_path, sample()))]
    in_zip(DENSE["v3"])(tmp_path, sample())
    (tmp_path / "M.zarr/X/indices/c/1").unlink()
    for source in sources:
        with pytest.raises(StorageError, match="was changed while it was read: run again"):
            source.read()


def test_what_lies_beside_is_no_change(tmp_path):
    spec = in_folder(DENSE["v2 raw"])(tmp_path, sample())
    source = open_matrix(spec)
    for name in (".nfs001", "matrix.run.h5"):  # as a run in this folder writes it
        (Path(spec) / name).write_bytes(b"")
    np.testing.assert_array_equal(source.read(), sample())


class TestDamaged:
    @pytest.mark.parametrize(
        "form", [*FORMS, "v3 sharded", pytest.param("v3", marks=FORMS[0].marks)]
    )
    @pytest.mark.parametrize("damage", [lambda b: b[:9], lambda b: b"", lambda b: b"\xff" * len(b)])
    def test_a_chunk(self, form, damage, tmp_path):
        spec = Path(in_folder(DENSE[form])(tmp_path, sample()))
        chunk = spec / ("0.0" if "v2" in form else "c/0/0")
        chunk.write_bytes(damage(chunk.read_bytes()))
        if "raw" in form and chunk.stat().st_size > 9:
            refusal(spec, DataError, "not finite", read=True)
            return
        refusal(spec, StorageError, "cannot be read as Zarr: ", read=True)
        with pytest.raises(StorageError, match=r"cannot be read.*(write it again)"):
            together(open_matrix(str(spec)).slabs(700))

    @pytest.mark.parametrize(
        ("about", "kind", "told"),
        [
            ("{", StorageError, "what it says of itself is no JSON"),
            ("[1]", StorageError, "cannot be read as Zarr: "),
            (b"\xff\xfe", StorageError, "what it says of itself is no JSON"),
            ({"shape": [10**12, 10**12]}, DataError, "has lengths that no array has"),
            ({"shape": [10**7, 10**7]}, MemoryPlanError, "needs 727.* of memory to read"),
            ({"shape": [-5, 3]}, StorageError, "cannot be read as Zarr: "),
            ({"shape": [0, 3]}, DataError, "is empty, of shape 0×3"),
            ({"chunks": [10**6, 10**6]}, MemoryPlanError, "of memory to read"),
            ({"chunks": [0, 5]}, DataError, "has chunks of no length"),
            ({"chunks": [5]}, StorageError, "cannot be read as Zarr: "),
            ({"dtype": "<f77"}, StorageError, "cannot be read as Zarr: "),
            ({"compressor": {"id": "no such"}}, MissingPackageError, "zarr does not know here: .*"),
        ],
    )
    def test_what_it_says_of_itself(self, about, kind, told, tmp_path):
        spec = Path(in_folder(DENSE["v2"])(tmp_path, sample()))
        known = json.loads((spec / ".zarray").read_text())
        about = json.dumps(known | about) if isinstance(about, dict) else about
        (spec / ".zarray").write_bytes(about if isinstance(about, bytes) else about.encode())
        refusal(spec, kind, told, read=True)

    def test_a_folder_that_is_in_itself(self, tmp_path):
        root = zarr.open_group(tmp_path / "M.zarr", mode="w")
        root.create_array("a/M", data=sample())
        (tmp_path / "M.zarr/a/again").symlink_to(tmp_path / "M.zarr")
        refusal(tmp_path / "M.zarr", StorageError, "Too many levels of symbolic links")
        assert open_matrix(f"{tmp_path}/M.zarr::a/M").shape == (37, 23)

    def test_a_neighbour_that_is_broken(self, tmp_path):
        root = zarr.open_group(tmp_path / "M.zarr", mode="w")
        root.create_array("M", data=sample())
        root.create_array("V", data=sample())
        (tmp_path / "M.zarr/V/zarr.json").write_text("{")
        np.testing.assert_array_equal(open_matrix(f"{tmp_path}/M.zarr::M").read(), sample())
        refusal(tmp_path / "M.zarr", StorageError, "cannot be read as Zarr")


class TestProcesses:
    """The library has a thread of its own; HDF5 and Zarr are read by children that are forked."""

    def write(self, folder):
        with h5py.File(folder / "M.h5", "w") as file:
            file.create_dataset("M", data=sample(), chunks=(8, 5), compression="lzf")
        return [in_folder(DENSE["v2"])(folder, sample()), str(folder / "M.h5")]

    def test_hdf5_and_zarr_in_turn_while_the_library_is_at_work(self, tmp_path):
        specs, stop = self.write(tmp_path), threading.Event()

        def work():
            while not stop.is_set():
                np.testing.assert_array_equal(zarr.open(specs[0], mode="r")[:], sample())

        busy = threading.Thread(target=work)
        busy.start()
        try:
            for spec in specs * 3:
                source = open_matrix(spec)
                np.testing.assert_array_equal(source.read(), sample())
                np.testing.assert_array_equal(together(source.slabs(700), 2), sample())
        finally:
            stop.set()
            busy.join()

    @pytest.mark.slow
    @pytest.mark.parametrize("turn", [1, -1])
    def test_a_process_that_opens_it_by_its_name(self, turn, tmp_path):
        """As a worker elsewhere does, where nothing was looked at before."""
        script = (
            "import sys; import numpy as np; from mfact.matrices.source import open_matrix\n"
            "for spec in sys.argv[1:]:\n"
            "    slabs = open_matrix(spec, dataset=None, transpose=True).slabs(700)\n"
            "    with slabs.opened(2) as file:\n"
            "        parts = [file.fetch(k, np.empty(slabs.room, 'u1')) for k in "
            "range(len(slabs.cuts) - 1)]\n"
            "    print(repr(sum(part.sum() for part in parts)))\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", script, *self.write(tmp_path)[::turn]], check=True, text=True,
            capture_output=True, timeout=50,
        ).stdout.split("\n")  # fmt: skip
        assert told == [repr(sample().sum())] * 2 + [""]


def test_an_address_is_none_of_a_store(tmp_path):
    for spec in ("s3://bucket/M.zarr", "https://example.org/M.zarr"):
        refusal(spec, StorageError, "is a URL: download it first")
    shutil.rmtree(tmp_path)
