"""Broken files of sparse matrices that were kept by hand: each is read, or refused in one line."""

import h5py
import numpy as np
import pytest
from fuzz_checks import require_survival
from fuzz_checksums import find_checksums
from fuzz_files import Seed
from matrix_files import sample
from sparse_by_hand import ARRAYS, IN_NPZ

pytestmark = pytest.mark.slow


@pytest.mark.timeout(0)  # each file has its alarm
def test_broken_files_are_read_or_refused(tmp_path, capsys):
    M = sample(shape=(12, 9))
    whole = []
    for name, (_, arrays) in (ARRAYS | IN_NPZ).items():
        np.savez(tmp_path / "S.npz", **arrays(M))
        whole.append(Seed(f"{name}.npz", (tmp_path / "S.npz").read_bytes(), (None, "data")))
    for libver in ("earliest", "latest"):
        for name, (_, arrays) in ARRAYS.items():
            with h5py.File(tmp_path / "S.h5", "w", libver=libver) as file:
                file.create_group("X").update(arrays(M))
            content = (tmp_path / "S.h5").read_bytes()
            checksums = find_checksums(content)
            whole.append(Seed(f"{name}-{libver}.h5", content, (None, "/X"), checksums))
    require_survival(whole, tmp_path, capsys, "sparse matrices kept by hand")
