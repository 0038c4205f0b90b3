"""Folders of counts: matrix.mtx with the names of features and barcodes beside it."""

import gzip
import os
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from market_files import form, market
from matrix_files import sample
from refusals import refusal

from mfact.errors import DataError, SettingsError, StorageError
from mfact.matrices.source import open_matrix

GENES = [f"ENSG{i:011d}\tgene {i}\tGene Expression" for i in range(37)]
CELLS = [f"CELL{i}-1" for i in range(23)]


def put(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def lines(words) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()


def folder(place: Path, files: dict[str, bytes], name="filtered_feature_bc_matrix") -> str:
    (place / name).mkdir()
    for each, content in files.items():
        put(place / name / each, content)
    return str(place / name)


def new(place, M) -> str:
    """Of Cell Ranger from version 3 on."""
    return folder(
        place,
        {
            "matrix.mtx.gz": market(M),
            "features.tsv.gz": lines(GENES),
            "barcodes.tsv.gz": lines(CELLS),
        },
    )


def old(place, M) -> str:
    """Of Cell Ranger 2: nothing is packed."""
    files = {"matrix.mtx": market(M), "genes.tsv": lines(GENES), "barcodes.tsv": lines(CELLS)}
    return folder(place, files, "hg19")


def star(place, M) -> str:
    """Of STARsolo, with other counts beside."""
    files = {"matrix.mtx": market(M), "features.tsv": lines(GENES), "barcodes.tsv": lines(CELLS),
             "UniqueAndMult-EM.mtx": market(M + 1)}  # fmt: skip
    return folder(place, files, "filtered")


class TestTenxFolder(ReaderContract):
    forms: ClassVar = {
        "10x folder": form(new, "10x-folder"),
        "10x folder of 2016": form(old, "10x-folder"),
        "starsolo": form(star, "10x-folder"),
    }

    def test_the_file_is_never_written(self, form, tmp_path):
        source = open_matrix(form.write(tmp_path, sample()))
        held = {each: each.read_bytes() for each in Path(source.path).iterdir()}
        source.read(), source.names()
        assert {each: each.read_bytes() for each in Path(source.path).iterdir()} == held


@pytest.mark.parametrize("write", [new, old, star])
def test_names_and_files_are_those_of_the_folder(write, tmp_path):
    spec = write(tmp_path, sample())
    source = open_matrix(spec)
    assert (source.path, source.dataset, source.name) == (spec, None, Path(spec).name)
    assert source.file_bytes == Path(source.linked[0]).stat().st_size
    names = source.names()
    assert names.rows == tuple(line.split("\t")[0] for line in GENES)
    assert names.columns == tuple(CELLS)
    assert {Path(each).parent for each in source.linked} == {Path(spec)}
    assert len(source.linked) == 3
    assert len(source.notes) == 1
    assert f"took {Path(source.linked[0]).name}" in source.notes[0]
    np.testing.assert_array_equal(open_matrix(source.path).read().toarray(), sample())


@given(
    genes=st.integers(1, 5), cells=st.integers(1, 5), off=st.tuples(*[st.integers(-1, 1)] * 2),
    turned=st.booleans(), seed=st.integers(0, 99), ends=st.sampled_from(["", "\n", "\r\n"]),
)  # fmt: skip
def test_names_go_with_the_rows_and_columns_that_they_count(
    tmp_path_factory, genes, cells, off, turned, seed, ends
):
    M = np.random.default_rng(seed).integers(1, 9, (cells, genes) if turned else (genes, cells))
    listed = [[f"{side}{i}" for i in range(n + d)]
              for side, n, d in zip("gc", (genes, cells), off, strict=True)]  # fmt: skip
    features, barcodes = (((ends or "\n").join(each) + ends).encode() for each in listed)
    spec = folder(
        tmp_path_factory.mktemp("counts"),
        {"matrix.mtx": market(M), "features.tsv": features, "barcodes.tsv.gz": barcodes},
    )
    source = open_matrix(spec)
    np.testing.assert_array_equal(source.read().toarray(), M)
    names = source.names()
    if off == (0, 0) and (not turned or genes != cells):
        rows, columns = reversed(listed) if turned else listed
        assert (names.rows, names.columns) == (tuple(rows), tuple(columns))
        assert any("its rows are the barcodes" in note for note in source.notes) is turned
    for found, length in zip((names.rows, names.columns), M.shape, strict=True):
        assert found is None or len(found) == length
    missing = (names.rows is None) + (names.columns is None)
    assert sum("have no names" in note for note in source.notes) == missing


def test_names_that_cannot_be_read_are_left_out_with_a_note(tmp_path):
    spec = new(tmp_path, sample())
    (Path(spec) / "features.tsv.gz").write_bytes(b"\x1f\x8b broken")
    (Path(spec) / "barcodes.tsv.gz").unlink()
    os.mkfifo(Path(spec) / "barcodes.tsv.gz")
    source = open_matrix(spec)
    assert (source.names().rows, source.names().columns) == (None, None)
    assert len(source.notes) == 3
    assert all(note.endswith("its names are left out") for note in source.notes[1:])
    np.testing.assert_array_equal(source.read().toarray(), sample())


def test_a_matrix_alone_and_latin_1(tmp_path):
    spec = folder(tmp_path, {"matrix.mtx": market(sample()), "genes.tsv": b"\xe9\n" * 37})
    source = open_matrix(spec)
    assert source.names().rows == ("é",) * 37
    assert source.names().columns is None
    (Path(spec) / "genes.tsv").unlink()
    assert open_matrix(spec).naming is None


def test_folders_that_are_refused(tmp_path):
    spec = new(tmp_path, sample())
    refusal(f"{spec}:/X", SettingsError, "one array.*leave the dataset out")
    refusal(tmp_path, StorageError, "directory: name the folder filtered_feature_bc_matrix in it")
    put(Path(spec) / "matrix.mtx", market(sample()))
    refusal(spec, DataError, "both matrix.mtx.gz and matrix.mtx: name one of these files")
    assert open_matrix(f"{spec}/matrix.mtx.gz").format == "matrix-market"
    other = folder(tmp_path, {"matrix.mtx": b"1 2 3"}, "other")
    refusal(other, DataError, "other/matrix.mtx is not MatrixMarket")
    loose = folder(tmp_path, {"GSM1_matrix.mtx.gz": market(sample())}, "loose")
    error = refusal(loose, StorageError, "directory: name a file in it, such as GSM1_matrix.mtx.gz")
    assert open_matrix(f"{loose}/{error.way_out.split()[-1]}").shape == (37, 23)


def test_a_folder_by_dots(tmp_path, monkeypatch):
    monkeypatch.chdir(new(tmp_path, sample()))
    source = open_matrix(".")
    assert source.name
    assert source.shape == (37, 23)
