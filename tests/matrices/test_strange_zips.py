"""Zip archives that are no NPZ file are named, with ways out that work."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "is an Excel workbook: export the sheet"),
        (["mimetype", "content.xml"], "is an OpenDocument file: export the sheet as CSV"),
        (["net/data.pkl", "net/version", "net/data/0"], r"is a PyTorch checkpoint: .*torch\.load"),
        (["net/data.pkl", "net/constants.pkl"], r"is a PyTorch checkpoint: .*torch\.jit\.load"),
        (["net/archive_format"], r"is a PyTorch checkpoint: .*torch\.export\.load"),
        (["metadata.json", "model.weights.h5"], "is an archive of Keras: unpack model.weights.h5"),
        (["table.csv"], "is a zip archive of table.csv, not of arrays: unpack it with unzip"),
        ([], "is an empty zip archive: write it again with numpy.savez"),
        (["\x1b[2J"], r"is a zip archive of \\x1b\[2J, not of arrays"),
    ],
)
def test_archives_of_other_programs(names, said, tmp_path):
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for name in names:
            archive.writestr(name, b"1,2\n3,4\n")
    refusal(tmp_path / "z", DataError, said)


@pytest.mark.slow  # torch is
def test_a_checkpoint_is_saved_as_the_way_out_says(tmp_path):
    torch = pytest.importorskip("torch")
    W = torch.arange(12.0).reshape(3, 4).to(torch.bfloat16)
    torch.save({"W": torch.nn.Parameter(W)}, tmp_path / "net.pt")
    error = refusal(tmp_path / "net.pt", DataError, "is a PyTorch checkpoint")
    code = error.way_out.split(": ", 1)[1].replace("NAME", "W")
    code = code.replace('"M.npy"', f'"{tmp_path / "M.npy"}"')
    exec(code, {"numpy": np, "torch": torch})
    np.testing.assert_array_equal(open_matrix(str(tmp_path / "M.npy")).read(), W.float().numpy())
