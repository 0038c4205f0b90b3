"""Broken MATLAB files of before v7.3: each is read, or refused in one line."""

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from fuzz_checks import require_survival
from fuzz_files import Seed
from matlab_by_hand import by_hand

pytestmark = pytest.mark.slow


@pytest.mark.timeout(0)  # each file has its alarm
def test_broken_files_are_read_or_refused(tmp_path, capsys):
    M = np.round(np.random.default_rng(5).standard_normal((5, 4)), 2) * np.eye(5, 4)
    whole = [Seed("hand.mat", by_hand(M)), Seed("big.mat", by_hand(M, order=">"))]
    for name, options in {"v6": {}, "v7": {"do_compression": True}, "v4": {"format": "4"}}.items():
        for kind, value in {"dense": M, "sparse": scipy.sparse.csc_array(M)}.items():
            if (name, kind) != ("v4", "sparse"):
                scipy.io.savemat(tmp_path / "seed.mat", {"M": value, "t": "text"}, **options)
                content = (tmp_path / "seed.mat").read_bytes()
                whole.append(Seed(f"{name}-{kind}.mat", content, (None, "M")))
    scipy.io.savemat(tmp_path / "seed.mat", {"A": np.ones((2, 3, 4)), "s": {"x": 1}})
    whole.append(Seed("stack.mat", (tmp_path / "seed.mat").read_bytes(), ("A[fold]", "A[:,:,1]")))
    require_survival(whole, tmp_path, capsys, "MATLAB files of before v7.3")
