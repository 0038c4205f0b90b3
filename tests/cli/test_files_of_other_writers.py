"""Files of other writers at the command line: the right matrix and names, or a way out that works.

The truth is what was written, by the convention of who writes such files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import h5py
import numpy as np
import other_writers as writers
import pytest
import scipy.io
from other_writers import COLUMNS, ROWS, matrix

from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

LENGTHS = r"lists lengths reversed, so M is 8×5"


class Read(NamedTuple):
    """notes: patterns, one for each that is printed. typed: behind the name of the file. truth: of
    M. names: whether those of its rows and columns are kept."""

    write: Callable[[h5py.File, np.ndarray], None]
    notes: tuple[str, ...] = ()
    typed: str = ""
    options: tuple[str, ...] = ()
    truth: Callable[[np.ndarray], np.ndarray] = lambda M: M
    names: bool = False


class Refused(NamedTuple):
    """words: a pattern of the line. way_out: what it says to type, which reads truth. notes: as in
    Read."""

    write: Callable[[h5py.File, np.ndarray], None]
    words: str
    way_out: str = ""
    truth: Callable[[np.ndarray], np.ndarray] = lambda M: M
    notes: tuple[str, ...] = ()


READ = {
    "Keras, by name": Read(writers.keras_weights, typed=":dense/dense/kernel:0"),
    "GCTX": Read(writers.gctx, (f"GCTX {LENGTHS}, rows by META/ROW",), names=True),
    "BIOM": Read(writers.biom, ("/observation/matrix: read as CSR, by its 9",), names=True),
    "BIOM by columns": Read(writers.biom, ("read as CSC, by its 6",), "#sample/matrix", names=True),
    "square of h5sparse": Read(writers.square_of_h5sparse, truth=lambda M: M[:5]),
    "TENxMatrix": Read(writers.tenx_of_r, names=True),
    "CellBender, by name": Read(writers.cellbender, typed=":/mm10", names=True),
    "MuData, by name": Read(writers.mudata, typed="/mod/atac/X", truth=lambda M: M + 1),
    "rhdf5": Read(
        writers.rhdf5,
        ("R wrote it and lists lengths reversed: 8×5 there, which --transpose gives",),
        truth=lambda M: M.T,
    ),
    "rhdf5, turned": Read(
        writers.rhdf5, ("which --transpose gives", "M is the transpose of"), "", ("--transpose",)
    ),
    "packed in a group": Read(
        writers.netcdf_grouped, (r"int16, read as 0.5 · stored \+ 2 \(scale_factor, add_offset",)
    ),
    "HDF-EOS5": Read(writers.hdf_eos, ("its attributes Offset, ScaleFactor are not applied",)),
    "NeXus": Read(writers.nexus, ("took /entry/scan/counts, which NeXus names as its signal",)),
    "image": Read(writers.image_with_palette),
    "plugin": Read(writers.pandas_with_plugin, ("took the numbers of a pandas frame",), names=True),
    "odd name": Read(writers.odd_name),
    "odd name, typed": Read(writers.odd_name, typed=":/runs [old]/x:y#1 'z'"),
    "never written": Read(
        writers.never_written, ("nothing was ever written to it",), truth=np.zeros_like
    ),
}

REFUSED = {
    "Keras": Refused(
        writers.keras_weights,
        r"holds 2 matrices: .*/dense/dense/kernel:0 \(8×5 float64\), /out/out/kernel:0 \(5×2",
        ":/dense/dense/kernel:0",
    ),
    "Keras of images": Refused(
        writers.keras_images,
        r"one matrix, /dense/kernel:0 .*, beside /conv/kernel:0 .*, which is larger",
        ":/dense/kernel:0",
    ),
    "CellBender": Refused(
        writers.cellbender, r"holds 2 matrices: .*/mm10 \(8×5 sparse\)", ":/mm10"
    ),
    "MuData": Refused(
        writers.mudata,
        r"/obsm/X_umap .*, /mod/atac/X \(8×5 sparse\), /mod/rna/X",
        ":/mod/rna/X",
    ),
    "NA of R": Refused(
        writers.rhdf5_with_na,
        r"missing, -2147483648 \(NA of R\), at row 2, column 3 .*keep the 7 whole columns$",
        notes=("R wrote it",),
    ),
    "unwritten rows of netCDF": Refused(
        writers.netcdf_unwritten,
        r"5 values that are missing, in 1 of 8 rows .* -2147483647 \(netCDF's default fill value\)",
    ),
    "outside a valid range": Refused(
        writers.netcdf_ranged, r"a value that is missing, \d+ \(.*valid_range\)"
    ),
    "BigDataViewer": Refused(
        writers.big_data_viewer,
        r"holds 2 matrices: .*as /t00000/s00/0/cells\[0\].*; it holds .*/cells \(2×8×5 int16\)",
        ":/t00000/s00/0/cells[1]",
    ),
    "ITK": Refused(
        writers.itk,
        r"one matrix, /ITKImage/0/Directions .*as /ITKImage/0/VoxelData\[0\]",
        ":/ITKImage/0/VoxelData[0]",
    ),
    "ilastik": Refused(writers.ilastik, r"as /exported_data\[:,:,0\]", ":/exported_data[:,:,0]"),
    "EEGLAB": Refused(
        writers.eeglab,
        r"beside /EEG/data \(8×5×2 float32\), .*as /EEG/data\[:,:,0\]",
        ":/EEG/data[:,:,0]",
    ),
    "JLD2": Refused(writers.jld2_sparse, "holds a sparse matrix of Julia: save Matrix"),
}


def _written(folder, case) -> Any:
    with h5py.File(folder / "f.h5", "w") as file:
        case.write(file, matrix())
    return "f.h5"


def _holds(mfact, spec, options, truth, notes):
    """Whether inspect tells of this matrix, with these notes and no other."""
    code, out, err = mfact("inspect", spec, *options, "--format", "json")
    lines = err.splitlines()
    assert (code, len(lines)) == (0, len(notes)), err
    for line, note in zip(lines, notes, strict=True):
        assert re.match(rf"mfact: note: .*{note}", line)
    assert json.loads(out)["shape"] == list(truth.shape)
    M = open_matrix(spec, transpose="--transpose" in options).read()
    np.testing.assert_array_equal(M if isinstance(M, np.ndarray) else M.toarray(), truth)


@pytest.mark.parametrize("name", READ)
def test_the_matrix_that_was_written(name, mfact, tmp_path):
    case = READ[name]
    if name == "plugin":
        pytest.importorskip("hdf5plugin")
    spec = _written(tmp_path, case) + case.typed
    _holds(mfact, spec, case.options, case.truth(matrix()), case.notes)
    if case.names:
        words = ("-r", 1, "--max-iter", 2, "-q", "--force", "-o", "r.h5", "--factors-csv", "P")
        assert mfact("solve", spec, *words)[0] == 3  # not at an optimum yet
        for side, names in (("U", ROWS), ("V", COLUMNS)):
            lines = (tmp_path / f"P_{side}.csv").read_text().splitlines()[1:]
            assert [line.partition(",")[0][1:] for line in lines] == [name[1:] for name in names]


@pytest.mark.parametrize("name", REFUSED)
def test_one_line_and_a_way_out(name, mfact, tmp_path):
    case = REFUSED[name]
    spec = _written(tmp_path, case)
    code, out, err = mfact("inspect", spec)
    *notes, line = err.splitlines()
    assert (code, out, len(notes)) == (1, "", len(case.notes))
    assert re.search(case.words, line)
    if case.way_out:
        assert case.way_out.lstrip(":").partition("[")[0] in err
        _holds(mfact, spec + case.way_out, (), case.truth(matrix()), case.notes)


def test_the_names_of_a_packed_file_where_no_other_was_read(tmp_path):
    """In a process of its own, in which nothing has loaded the plugin before."""
    pytest.importorskip("hdf5plugin")
    spec = _written(tmp_path, READ["plugin"])
    code = f"from mfact.matrices.source import open_matrix; print(open_matrix({spec!r}).names())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
    assert b"rows=('r0', 'r1'" in done.stdout, done.stderr


@pytest.mark.parametrize("form", ["4", "5"])
def test_matlab_before_v73(form, mfact, tmp_path):
    M = matrix()
    scipy.io.savemat(tmp_path / "f.mat", {"M": M, "y": np.arange(8.0), "k": 3.0}, format=form)
    _holds(mfact, "f.mat", (), M, ())
    if form == "5":
        stack = np.stack([M + 1, M], axis=2)
        scipy.io.savemat(tmp_path / "f.mat", {"X": stack, "y": np.arange(8.0)[None]})
        _, _, err = mfact("inspect", "f.mat")
        assert "as X[:,:,0], or fold" in err  # as MATLAB has them, images along the last axis
        _holds(mfact, "f.mat:X[:,:,1]", (), M, ())
        scipy.io.savemat(tmp_path / "f.mat", {"EEG": {"data": M, "srate": 250.0}})
        _, _, err = mfact("inspect", "f.mat")
        assert "f.mat:EEG is a MATLAB struct: save one of its fields" in err


def test_a_name_with_all_that_is_odd_goes_all_the_way(mfact, tmp_path):
    """Through a run, its check, the command that it shows, and a comparison."""
    spec = _written(tmp_path, READ["odd name"])
    assert mfact("solve", spec, "-r", 1, "--seed", 1, "-q", "-o", "r.h5")[0] == 0
    assert mfact("check", "r.h5")[0] == 0
    _, out, _ = mfact("show", "r.h5", "--command")
    assert """--dataset '/runs [old]/x:y#1 '"'"'z'"'"''""" in out
    _, out, _ = mfact("compare", "r.h5", "r.h5", "--format", "json")
    assert json.loads(out)["matrix"] == "f.h5:/runs [old]/x:y#1 'z'"
