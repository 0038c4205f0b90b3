"""Studies of a matrix in a file say how far they are: reading, their own work, then nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matrices import of_kind

from mfact.matrices.source import open_matrix
from mfact.run.doing import Doing
from mfact.settings import FlowSettings
from mfact.studies.flow import study
from mfact.studies.prospect import prospect
from mfact.studies.sweep import singular_values

STUDIES = {
    "spectrum": lambda M, doing: prospect(M, doing=doing),
    "singular value decomposition": lambda M, doing: study(M, FlowSettings(rank=2), doing=doing),
    "singular values": lambda M, doing: singular_values(M, doing=doing),
}


@pytest.mark.parametrize("what", STUDIES)
def test_each_part_is_told_in_its_order(what, tmp_path):
    np.save(tmp_path / "M.npy", of_kind("noisy"))
    told = []
    STUDIES[what](open_matrix(str(tmp_path / "M.npy")), Doing(lambda *words: told.append(words)))
    assert [key for key, _ in itertools.groupby(told, key=lambda words: words[0])] == [
        "reading M",
        what,
        "",
    ]
    assert ("reading M", "100 %") in told
