"""The names of rows and columns go with a run: into its file, its pages, and tables of factors."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from named_matrix import FORMATS_AND_NAMED, MARK, NOTE, write_named

from mfact.core import Names
from mfact.storage.runs import read_run

QUICK = ("-r", 2, "--schedule", "constant", "--seed", 1)
ROWS = ["ACTB", "=1+1", 'a "b"', "c,d", "e\tf", "g\nh", "", "\udcff", "é", "[red]", "10", "\0"]
COLUMNS = [f"gene {i}" for i in range(8)]


@pytest.fixture
def named(rank_two, tmp_path, monkeypatch):
    """M.named, a 12×8 matrix of rank 2, in a form of file with names that mfact is told of."""
    monkeypatch.setattr("mfact.matrices.formats.FORMATS", FORMATS_AND_NAMED)
    return write_named(tmp_path / "M.named", np.load(tmp_path / rank_two), ROWS, COLUMNS)


def table(name, **options):
    text = Path(name).read_bytes().decode("utf-8", "surrogateescape")
    return [*csv.reader(text.splitlines(keepends=True), **options)]


def test_a_run_keeps_the_names_and_shows_them(mfact, named):
    code, _, err = mfact("solve", named, *QUICK)
    assert (code, err) == (0, f"mfact: note: {NOTE}\nwrote M.run.h5\n")
    assert read_run("M.run.h5").names == Names(tuple(ROWS), tuple(COLUMNS))
    with h5py.File("M.run.h5") as file:  # for programs that do not know mfact
        assert file["names/rows"].fletcher32
        assert json.loads(bytes(file["names/columns"])) == COLUMNS
    code, out, _ = mfact("show", "M.run.h5", "--full")
    columns = "8 columns (gene 0, gene 1, gene 2, …)"
    assert f'12 rows (ACTB, =1+1, a "b", …), {columns}' in " ".join(out.split())
    made = json.loads(mfact("show", "M.run.h5", "--format", "json")[1])
    assert made["names"] == {
        "rows": {"count": 12, "first": ROWS[:3]},
        "columns": {"count": 8, "first": COLUMNS[:3]},
    }


def test_a_matrix_without_names_has_none(mfact, rank_two, tmp_path):
    mfact("solve", rank_two, *QUICK, "-q", "-o", "r.h5")
    assert read_run("r.h5").names == Names()
    assert "names" not in mfact("show", "r.h5", "--full")[1]
    assert "names" not in json.loads(mfact("show", "r.h5", "--format", "json")[1])
    with h5py.File("r.h5") as file:
        assert "names" not in file


def test_the_names_of_the_transpose_are_turned(mfact, named):
    assert mfact("solve", named, *QUICK, "--transpose", "-q")[0] == 0
    assert read_run("M.run.h5").names == Names(tuple(COLUMNS), tuple(ROWS))


def test_a_run_that_goes_on_has_the_names_too(mfact, named):
    cut = ("--max-iter", 20, "--force", "--checkpoint", "c.h5", "--no-output")
    assert mfact("solve", named, *QUICK, *cut, "-q")[0] == 3
    words = ("--max-iter", 100000, "-o", "r.h5", "--factors-tsv", "f")
    code, _, err = mfact("resume", "c.h5", *words)
    assert (code, err) == (
        0, f"mfact: note: {NOTE}\nwrote r.h5\nwrote f_U.tsv\nwrote f_V.tsv\n"
    )  # fmt: skip
    assert read_run("r.h5").names == Names(tuple(ROWS), tuple(COLUMNS))
    assert [row[0] for row in table("f_V.tsv", delimiter="\t")] == ["", *COLUMNS]


def test_factors_go_to_tables_after_their_names(mfact, named):
    code, _, err = mfact("solve", named, *QUICK, "-o", "r.h5", "--factors-csv", "c",
                         "--factors-tsv", "t", "--factors-npy", "n")  # fmt: skip
    files = [f"{p}_{side}.{end}" for p, end in zip("nct", ("npy", "csv", "tsv"), strict=True)
             for side in "UV"]  # fmt: skip
    said = "".join(f"wrote {name}\n" for name in ["r.h5", *files])
    assert (code, err) == (0, f"mfact: note: {NOTE}\n{said}")
    result = read_run("r.h5")
    for side, names in (("U", ROWS), ("V", COLUMNS)):
        factor = getattr(result, side)
        np.testing.assert_array_equal(np.load(f"n_{side}.npy"), factor)
        for name, options in ((f"c_{side}.csv", {}), (f"t_{side}.tsv", {"delimiter": "\t"})):
            head, *rows = table(name, **options)
            assert head == ["", "component_1", "component_2"]
            assert [row[0] for row in rows] == names
            np.testing.assert_array_equal(np.array([row[1:] for row in rows], float), factor)


def test_float32_is_written_in_its_own_digits(mfact, rank_two):
    words = ("--dtype", "float32", "--tol", "1e-6", "-q", "-o", "r.h5", "--factors-csv", "f")
    assert mfact("solve", rank_two, *QUICK, *words)[0] == 0
    cells = [cell for row in table("f_U.csv")[1:] for cell in row[1:]]
    assert max(len(cell.lstrip("-")) for cell in cells) <= 14
    np.testing.assert_array_equal(np.array(cells, "f4"), read_run("r.h5").U.ravel())


def test_a_table_that_would_meet_another_file_is_refused_first(mfact, named, tmp_path):
    (tmp_path / "M_U.csv").write_bytes((tmp_path / named).read_bytes())
    for words in (("M_U.csv", "--factors-csv", "M"), (named, "--factors-tsv", "f",
                                                      "--log-file", "f_V.tsv")):  # fmt: skip
        before = sorted(tmp_path.iterdir())
        code, out, err = mfact("solve", *words, *QUICK)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert " is the " in err
        assert sorted(tmp_path.iterdir()) == before
    code, _, err = mfact("solve", named, *QUICK, "--factors-csv", "none/f", "--no-output")
    assert (code, err.count("\n")) == (1, 1)
    assert "none/f_U.csv" in err


@pytest.mark.parametrize("change", ["gone", "fewer", "broken"])
def test_names_that_cannot_be_read_any_more_cost_no_result(mfact, named, tmp_path, change):
    """What happens to the file while the run goes on: done by one that looks at its first step."""

    class Meddler:
        def start(self, facts):
            path = tmp_path / named
            if change == "gone":
                path.unlink()
            elif change == "broken":
                path.write_bytes(MARK)

        def segment(self, rows):
            pass

        def stop(self, result):
            pass

    from mfact.matrices.source import open_matrix
    from mfact.run.solve import solve

    if change == "fewer":
        write_named(tmp_path / named, np.load(tmp_path / "rank-two.npy"), ROWS[:5], None)
    said: list[str] = []
    result = solve(open_matrix(str(tmp_path / named)), rank=2, schedule="constant", seed=1,
                   observers=[Meddler()], warn=said.append)  # fmt: skip
    assert result.outcome.name == "GLOBAL_OPTIMUM"
    assert result.names == Names()
    (text,) = said
    assert text.startswith("the names of rows and columns are not kept: ")
    assert {"gone": "No such file", "fewer": "names 5 of its 12 rows", "broken": "was changed"}[
        change
    ] in text
    assert text in result.summary["notes"]


def test_compared_runs_have_the_names(mfact, named):
    code, _, err = mfact("compare", named, "--vary", "rank=1,2", "--seed", 1, "-o", "runs")
    assert (code, err.count(NOTE)) == (0, 1)
    assert read_run("runs/M.rank=1.run.h5").names == Names(tuple(ROWS), tuple(COLUMNS))


def test_a_note_is_told_of_every_command_that_reads_it(mfact, named, tmp_path):
    mfact("solve", named, *QUICK, "-q", "-o", "r.h5")
    for words in (
        ("inspect", named),
        ("check", "r.h5"),
        ("flow", named, "-r", 1, "--seed", 1),
        ("sweep", named, "--seeds", 5, "--seed", 1),
        ("plot", "r.h5", "--kind", "residual", "-o", "p.svg"),
        ("solve", named, *QUICK, "--dry-run"),
    ):
        code, _, err = mfact(*words)
        assert (code, err.count(f"mfact: note: {NOTE}\n")) == (0, 1), words
        assert NOTE not in mfact(*words, "-q")[2]
    np.save(tmp_path / "Y.npy", np.ones((12, 1)))
    code, _, err = mfact("network", named, "Y.npy", "--layers", "3r-1", "--step-size", "0.01",
                         "--max-iter", 5, "--seed", 1, "--no-output", "--exit-zero")  # fmt: skip
    assert (code, err.count(f"mfact: note: {NOTE}\n")) == (0, 1)


def test_names_are_no_part_of_a_network(mfact, named):
    for option in ("--factors-csv", "--factors-tsv"):
        code, _, err = mfact("network", "X.npy", "Y.npy", "--layers", "2-1", option, "f")
        assert (code, err.count("\n")) == (2, 1)
        assert option in err
