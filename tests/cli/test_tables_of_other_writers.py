"""Tables of other writers from the shell: the matrix and its names, or a way out that is taken."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from tables_of_writers import READ, REFUSED, Table, matrix_of

from mfact.matrices.source import open_matrix


def _write(table) -> str:
    data = table.text.encode() if isinstance(table.text, str) else table.text
    Path(table.name).write_bytes(data)
    return table.name


@pytest.mark.parametrize("writer", READ)
def test_a_table_is_read_with_its_names(writer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = READ[writer]
    source = open_matrix(_write(table))
    np.testing.assert_array_equal(source.read(), matrix_of(table))
    assert (source.names().rows, source.names().columns) == (table.rows, table.columns)
    assert bool(source.notes) == bool(table.note)
    assert not table.note or any(table.note in note for note in source.notes)


@pytest.mark.parametrize("writer", REFUSED)
def test_another_is_refused_and_its_way_out_works(writer, mfact):
    table = REFUSED[writer]
    code, out, err = mfact("inspect", _write(table))
    *notes, line = err.removesuffix("\n").split("\n")
    assert (code, out) == (1, "")
    assert all(note.startswith("mfact: note: ") for note in notes)
    assert line.startswith(f"mfact: {table.name} ")
    assert re.search(table.words, line)
    if not table.made:
        return
    _take(line)
    source = open_matrix(table.made)
    found = source.read()
    np.testing.assert_array_equal(found.toarray() if source.sparse else found, matrix_of(table))
    assert table.rows is None or source.names().rows == table.rows


def _take(way_out: str) -> None:
    """The command that a way out names, or the Python."""
    if "make a sparse matrix of it: " in way_out:
        code = way_out.split("make a sparse matrix of it: ")[1].split("; or name ")[0]
        exec(code, {"numpy": np, "scipy": scipy})
        return
    command = re.split(", or ", way_out.split("as with ")[1])[0]
    subprocess.run(command, shell=True, check=True)


@pytest.mark.parametrize("writer", ["pandas, all numbered", "GEO's series matrix"])
def test_the_factors_go_by_the_names(writer, mfact, tmp_path):
    table = READ[writer]
    (tmp_path / table.name).write_text(table.text)
    code, out, err = mfact("inspect", table.name, "--format", "json")
    assert (code, table.note in err) == (0, True)
    told = json.loads(out)
    assert told["shape"] == list(matrix_of(table).shape)
    assert told["norm"] == pytest.approx(np.linalg.norm(matrix_of(table)))
    words = ("-r", 1, "--seed", 1, "--schedule", "constant", "--no-output")
    assert mfact("solve", table.name, *words, "--factors-csv", "F", "-q")[0] == 0
    assert _names_of("F_U.csv") == list(table.rows)
    assert _names_of("F_V.csv") == list(table.columns)
    assert mfact("solve", table.name, *words, "--factors-csv", "T", "--transpose", "-q")[0] == 0
    assert _names_of("T_U.csv") == list(table.columns)


def _names_of(name: str) -> list[str]:
    with Path(name).open(newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


def test_a_comment_that_is_a_row_can_be_asked_for(tmp_path):
    (tmp_path / "glove.txt").write_text("# 1 2\nthe 3 4\nof 5 6\n")
    source = open_matrix(f"{tmp_path}/glove.txt::[fold]")
    np.testing.assert_array_equal(source.read(), [[1, 2], [3, 4], [5, 6]])
    assert source.names().rows == ("#", "the", "of")


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_row_of_data_that_counts_is_not_refused(separator, tmp_path):
    """Of whole numbers, as those of a distance, and where rows go on counting."""
    for rows in ([[0, 1, 2], [1, 0, 1], [2, 1, 0]], [[1, 2, 3], [4, 5, 6], [7, 8, 10]]):
        path = tmp_path / "M.txt"
        path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))
        np.testing.assert_array_equal(open_matrix(str(path)).read(), rows)


def test_the_tables_are_as_their_writers_have_them(tmp_path):
    """pandas reads what it wrote as what is read here."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1.5, 2.0], [0.5, 4.0]], columns=["a", "b"])
    assert frame.to_csv() == READ["pandas"].text
    assert isinstance(READ["pandas"], Table)
    for options in (
        {},
        {"sep": ";", "decimal": ","},
        {"sep": "\t"},
        {"quoting": csv.QUOTE_NONNUMERIC},
    ):
        frame.to_csv(tmp_path / "M.csv", **options)
        np.testing.assert_array_equal(open_matrix(str(tmp_path / "M.csv")).read(), frame)
