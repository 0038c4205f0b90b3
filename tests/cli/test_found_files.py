"""Files as people have them are read as they are meant, or refused with what helps."""

from __future__ import annotations

import json
import re

import found_hdf5  # noqa: F401  # which adds to FILES
import numpy as np
import pytest
from found_files import FILES, M, sparse

READ = [
    ("climate", "tas.nc:/tas[0]", r"M is 5×7"),
    ("climate", "tas.nc:/tas[fold]", r"M is 24×35"),
    ("packed", "whole.nc", r"‖M‖_F +6857\.\d"),
    ("pydata", "pydata.npz", rf"(?s)M is 30×20.* {sparse().nnz} \("),
    ("rows_by_hand", "wide.h5", r"M is 12×30"),
    ("rows_by_hand", "square.h5:/X[csr]", r"M is 30×30"),
    ("octave", "octave.h5", r"M is 30×20"),
    ("of_r", "from_r.h5", r"M is 20×30"),
    ("half", "delta_f16.npy", r"(?s)numerical rank +16 .*rank +16 "),
    ("bfloat16", "weights_bf16.npy", r"kind +bfloat16"),
    ("bfloat16", "weights_named.npy", r"kind +bfloat16"),
    ("records", "table.npy", r"M is 30×3"),
    ("array_elements", "vectors.h5", r"M is 30×20"),
    ("array_elements", "vectors.h5:/emb", r"M is 30×20"),
    ("workspace", "exp.mat", r"(?s)exp.mat:/X.*M is 30×20"),
    ("npz_by_hand", "old_csr.npz", rf"(?s)M is 30×20.* {sparse().nnz} \("),
    ("anndata_without_x", "no_x.h5ad:layers/counts", r"M is 30×20"),
    ("pandas_table", "frame_table.h5", r"M is 40×6"),
    ("pandas_table", "frame_table.h5:/df/table", r"M is 40×6"),
    ("tables_of_text", "genes.csv", r"(?s)M is 3×2.*‖M‖_F +5\.454356"),
    ("tables_of_text", "excel.csv", r"(?s)M is 3×2.*‖M‖_F +5\.454356"),
    ("tables_of_text", "spectra.csv", r"(?s)M is 3×2.*‖M‖_F +5\.454356"),
    ("others", "model.safetensors", r"(?s)model.safetensors:layer.weight.*M is 30×20"),
    ("two", "two.h5/X", r"(?s)two.h5:/X.*M is 30×20"),
    ("two", "two.h5:grp/Y", r"two.h5:/grp/Y"),
    ("two", "two.h5#X", r"two.h5:/X"),
    ("folders", "filtered_feature_bc_matrix", r"M is 3×2"),
    ("folders", "filtered_feature_bc_matrix/matrix.mtx.gz", r"M is 3×2"),
    ("dialects", "one_percent.mtx", r"(?s)M is 3×3.*‖M‖_F +2\n"),
    ("dialects", "space.mtx", r"(?s)M is 3×3.*‖M‖_F +2\.91547"),
    ("dialects", "comment.mtx", r"(?s)M is 3×3.*‖M‖_F +2\.91547"),
    ("h5seurat", "cells.h5seurat:/assays/RNA/counts", r"M is 30×20"),
    ("stores", "obs.zarr", r"(?s)obs.zarr:/tas.*zarr,.*M is 30×20.*chunked \(7, 20\)"),
    ("stores", "arr.zarr", r"M is 30×20"),
]
"""(writer, what is named, what is told of it)."""

NOTES = {
    "whole.nc": r"stored as int16, read as 0\.01 · stored \+ 280 \(scale_factor, add_offset\)",
    "wide.h5": r"read as CSR, by its 13 pointers",
    "square.h5:/X[csr]": r"",
    "octave.h5": r"Octave lists lengths reversed, so M is 30×20",
    "from_r.h5": r"R wrote it and lists lengths reversed: 30×20 there, which --transpose gives",
    "weights_bf16.npy": r"2-byte values without a kind, read as bfloat16",
    "table.npy": r"the 3 numbers of a record are taken for columns",
    "old_csr.npz": r"read as CSR, by its 31 pointers",
    "frame_table.h5": r"took the numbers of a pandas table, values_block_0",
    "frame_table.h5:/df/table": r"took the numbers of a pandas table, values_block_0",
    "genes.csv": r"header row and name column left out: 3×2",
    "excel.csv": r"header row and name column left out: 3×2",
    "spectra.csv": r"header row and name column left out: 3×2",
    "filtered_feature_bc_matrix": r"took matrix.mtx.gz",
    "one_percent.mtx": r"read as MatrixMarket, though it begins with '%MatrixMarket'",
    "space.mtx": r"read as MatrixMarket, though it begins with ' %%MatrixMarket'",
    "cells.h5seurat:/assays/RNA/counts": r"read as CSC, by its 21 pointers",
}
"""What is named -> the one note on it; others are read without a word."""

REFUSED = [
    ("climate", "tas.nc", r"/tas\[0\], or fold it to rows, /tas\[fold\]; it holds /tas \(24×5×7"),
    ("packed", "hole.nc", r"missing, -32767 \(attribute _FillValue\), at row 3, column 4 "),
    ("filled", "filled.nc", r"9\.96921e\+36 \(attribute _FillValue\), at row 3, column 4 "),
    ("molecules", "molecule_info.h5", r"no matrix of counts: name filtered_feature_bc_matrix.h5"),
    ("rows_by_hand", "square.h5", r"square, .*: name it as square.h5:/X\[csr\] or .*/X\[csc\]"),
    ("complex_records", "kspace.mat", r"complex numbers: factor the real and the imaginary part"),
    ("complex_records", "kspace.mat:/K", r"complex numbers: factor the real and the imaginary"),
    ("anndata_without_x", "no_x.h5ad",
     r"X is empty \(AnnData without X\): name one with --dataset; it holds /layers/counts \(30×20"),
    ("anndata_without_x", "no_x.h5ad:/X", r"X is empty .*it holds /layers/counts \(30×20 float64"),
    ("pandas_blocks", "frame_fixed.h5", r"pandas frame of 7 columns in 2 blocks: .*to_numpy\(\)"),
    ("others", "classic.nc", r"netCDF-3 file: convert it with nccopy -k nc4"),
    ("others", "model.pt", r"PyTorch checkpoint: save one of its tensors: numpy.save\("),
    ("others", "book.xlsx", r"Excel workbook: export the sheet as CSV"),
    ("stores", "torn.zarr", r"cannot be read as Zarr: .*: copy the store again"),
    ("labels", "images.h5", r"/labels \(50×10 float64\), beside /images \(50×28×28 uint8\)"),
    ("h5seurat", "cells.h5seurat", r"/assays/RNA/counts \(30×20 sparse\), /reductions/pca/cell"),
    ("killed", "crashed.h5", r"not closed it: .*h5clear -s crashed.h5"),
    ("plain", "https://example.org/M.npy", r"is a URL: download it first"),
    ("plain", "-", r"standard input is not read: name a file"),
]  # fmt: skip
"""(writer, what is named, the words of the one line)."""


@pytest.mark.parametrize(("writer", "named", "told"), READ, ids=[named for _, named, _ in READ])
def test_what_is_read(writer, named, told, mfact):
    FILES[writer]()
    code, out, err = mfact("inspect", named)
    assert code == 0, err
    assert re.search(told, out)
    if named not in NOTES:
        assert err == ""
    elif NOTES[named]:
        assert re.fullmatch(rf"mfact: note: .*{NOTES[named]}.*\n", err)


@pytest.mark.parametrize(("writer", "named", "said"), REFUSED, ids=[n for _, n, _ in REFUSED])
def test_what_is_refused(writer, named, said, mfact):
    FILES[writer]()
    code, out, err = mfact("inspect", named)
    assert (code, out) == (1, "")
    (line,) = [line for line in err.splitlines() if not line.startswith("mfact: note: ")]
    assert re.search(said, line)


def test_a_square_one_is_read_as_it_is_said_to_be(mfact):
    FILES["rows_by_hand"]()
    largest = {}
    for form in ("csr", "csc"):
        asked = ("-r", "1", "--seed", "1", "--format", "json", "--no-output")
        _, out, _ = mfact("solve", f"square.h5:/X[{form}]", *asked)
        factors = json.loads(out)["factors"]
        largest[form] = [abs(np.array(factors[side])).argmax() for side in "UV"]
    assert largest["csr"][0] == 0 == largest["csc"][1]


def test_a_matrix_of_r_is_turned(mfact):
    FILES["of_r"]()
    _, out, _ = mfact("inspect", "from_r.h5", "--transpose", "--format", "json")
    told = json.loads(out)
    assert (told["source"]["shape"], told["source"]["transpose"]) == ([30, 20], True)
    truth = np.linalg.svd(M, compute_uv=False)
    np.testing.assert_allclose(told["singular_values"], truth, rtol=1e-12)


def test_two_datasets_of_a_file_have_two_run_files(mfact, tmp_path):
    FILES["two"]()
    for name in ("X", "grp/Y"):
        mfact("solve", f"two.h5:/{name}", "-r", "2", "--seed", "1", "--quiet")
    assert {p.name for p in tmp_path.glob("*.run.h5")} == {"two.X.run.h5", "two.grp.Y.run.h5"}


@pytest.mark.parametrize("output", ["/dev/stdout", "-"])
def test_an_output_that_is_no_file(output, process, tmp_path):
    np.save(tmp_path / "M.npy", M)
    done = process("solve", "M.npy", "-r", "2", "-o", output)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"name a file; --format json writes the result to standard output\n" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["M.npy"]
