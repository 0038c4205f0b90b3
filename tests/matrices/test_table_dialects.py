"""What the first lines of a text say: what is read of each dialect, and what is said of it."""

import gzip

import numpy as np
import pytest
from refusals import refusal

from mfact.errors import DataError, StorageError
from mfact.matrices.source import open_matrix

M = [[1.5, 2], [0.5, 4]]
GENES = "gene,s1,s2\nA,1.5,2\nB,0.5,4\n"
BOM = b"\xef\xbb\xbf"


def _written(tmp_path, text, name="M.csv"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / name


def _opened(tmp_path, text, **options):
    return open_matrix(str(_written(tmp_path, text)), **options)


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("1.5,2\n0.5,4\n", None, None),
        ("1.5,2\n0.5,4", None, None),
        ("1.5, 2\n0.5, 4\n", None, None),
        ("1.5,\t2\n0.5,\t4\n", None, None),
        (" 1.5   2\n 0.5\t4\n\n\n", None, None),
        ("\n\n1.5\t2\n\n0.5\t4\n", None, None),
        ("1.5;2\r0.5;4\r", None, None),
        ("1,5;2,0\n0,5;4\n", None, None),
        ("1,5\t2\n0,5\t4,0\n", None, None),
        ("1.5,2,\n0.5,4,\n", None, None),
        ('"1.5","2"\n"0.5","4"\n', None, None),
        ("a,b\n1.5,2\n0.5,4\n", None, ("a", "b")),
        ("a,b,\n1.5,2,\n0.5,4,\n", None, ("a", "b")),
        ("a,b\n1.5,2,\n0.5,4,\n", None, ("a", "b")),
        ("# a b\n1.5 2\n0.5 4\n", None, ("a", "b")),
        ("#x\ta\tb\nA\t1.5\t2\nB\t0.5\t4\n", ("A", "B"), ("a", "b")),
        ("% made in March\n% by my hand\n1.5 2\n# half\n0.5 4\n# end\n", None, None),
        (GENES, ("A", "B"), ("s1", "s2")),
        (BOM + GENES.replace("\n", "\r\n").encode(), ("A", "B"), ("s1", "s2")),
        (GENES.replace(",", "\t"), ("A", "B"), ("s1", "s2")),
        ("A,1.5,2\nB,0.5,4\n", ("A", "B"), None),
        (",a,b\n0,1.5,2\n1,0.5,4\n", ("0", "1"), ("a", "b")),
        (",0,1\n0,1.5,2\n1,0.5,4\n", ("0", "1"), ("0", "1")),
        (",a,b\n0.25,1.5,2\n0.75,0.5,4\n", ("0.25", "0.75"), ("a", "b")),
        ('"a" "b"\n"1" 1.5 2\n"2" 0.5 4\n', ("1", "2"), ("a", "b")),
        ('"","a","b"\n"1",1.5,2\n"2",0.5,4\n', ("1", "2"), ("a", "b")),
        ('"1990","1991"\n1.5,2\n0.5,4\n', None, ("1990", "1991")),
        ('n,"a, b","c ""d"""\n"x, y",1.5,2\n5" z,0.5,4\n', ("x, y", '5" z'), ("a, b", 'c "d"')),
        ("day,a,b\n2020-01-01,1.5,2\n2020-01-02,0.5,4\n", ("2020-01-01", "2020-01-02"), ("a", "b")),
        ("n,µ,λ\nA,1.5,2\nB,0.5,4\n", ("A", "B"), ("µ", "λ")),
        ("n,µ,b\nA,1.5,2\nB,0.5,4\n".encode("latin-1"), ("A", "B"), ("µ", "b")),
        ("GO;1,a,b\nGO;2,1.5,2\nGO;3,0.5,4\n", ("GO;2", "GO;3"), ("a", "b")),
        ("n,a,b\n#1,1.5,2\n%2,0.5,4\n", ("#1", "%2"), ("a", "b")),
    ],
)  # fmt: skip
def test_a_dialect(text, rows, columns, tmp_path):
    source = _opened(tmp_path, text)
    assert source.shape == (2, 2)
    np.testing.assert_array_equal(source.read(), M)
    assert (source.names().rows, source.names().columns) == (rows, columns)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("# a b\n1.5 2\n0.5 4\n", ": the names of columns are those of the comment above them"),
        (GENES, "header row and name column left out: 2×2 of "),
        ("a,b\n1.5,2\n0.5,4\n", "header row left out: 2×2 of "),
        ("A,1.5,2\nB,0.5,4\n", "name column left out: 2×2 of "),
        ("1,5;2\n0,5;4\n", ": commas are taken as decimal ones"),
        ("id,x\n1,5\n2,7\n3,8\n", ": the first column, 'id', counts the rows, and is taken"),
        ("0 5\n1 7\n2 8\n", ": the first column counts the rows, and is taken as data"),
        ("1 5\n3 7\n5 8\n", ": the first column has equal steps, and is taken as data"),
        ("1990,1991,1992\n1.5,2,3\n", ": the first line, 1990, 1991 …, is taken as data"),
    ],
)  # fmt: skip
def test_what_was_left_out_or_could_be_meant_is_noted(text, note, tmp_path):
    assert any(note in said for said in _opened(tmp_path, text).notes)


@pytest.mark.parametrize("text", ["1.5 2\n0.5 4\n", "1 2 3\n4 5 6\n", "3\n", "1 2 3\n"])
def test_what_is_plain_has_no_note(text, tmp_path):
    assert _opened(tmp_path, text).notes == ()


def test_one_line_and_one_column(tmp_path):
    assert _opened(tmp_path, "1,2,3").shape == (1, 3)
    assert _opened(tmp_path, "x\n1\n2\n").shape == (2, 1)


def test_a_packed_table_whatever_its_name(tmp_path):
    path = _written(tmp_path, gzip.compress(GENES.encode()), "genes")
    np.testing.assert_array_equal(open_matrix(str(path)).read(), M)


def test_years_above_names_can_be_a_header_or_a_row(tmp_path):
    path = _written(tmp_path, "country,1990,1991\nFR,1.5,2\nDE,0.5,4\n")
    error = refusal(path, DataError, "'country,1990,1991', which can be the names of columns or a")
    assert f"name {path}::[fold]" in error.way_out
    source = open_matrix(f"{path}::[fold]")
    np.testing.assert_array_equal(source.read(), [[1990, 1991], *M])
    assert source.names().rows == ("country", "FR", "DE")
    assert open_matrix(str(path), dataset=source.dataset).shape == (3, 2)


class TestOctave:
    HEAD = "# Created by Octave 9.1\n# name: M\n# type: matrix\n# rows: 2\n# columns: 2\n"
    END = " 1.5 2\n 0.5 4\n\n\n"

    def test_one_matrix(self, tmp_path):
        source = _opened(tmp_path, self.HEAD + self.END)
        np.testing.assert_array_equal(source.read(), M)
        assert source.names().columns is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (HEAD + END + HEAD.split("\n", 1)[1] + END, "several variables"),
            (HEAD.replace("type: matrix", "type: scalar") + "3\n", "Octave's scalar"),
            (HEAD.replace("# type: matrix", "# ndims: 2") + END, "Octave's array"),
            (HEAD.replace("rows: 2", "rows: 3") + END, "states 3×2 and has 2×2"),
        ],
    )
    def test_anything_else(self, text, said, tmp_path):
        refusal(_written(tmp_path, text), DataError, said)


@pytest.mark.parametrize("rows", [3, 4000])
def test_a_packed_table_that_ends_too_early_is_said_to_be_damaged(rows, tmp_path):
    """And not to be unpacked, which nothing can."""
    text = "g,a,b\n" + "".join(f"x{i},{i / 7!r},{i / 3!r}\n" for i in range(rows))
    packed = gzip.compress(text.encode())
    (tmp_path / "M.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(StorageError, match="cannot be unpacked as gzip, so the file is damaged"):
        open_matrix(str(tmp_path / "M.csv.gz"))
