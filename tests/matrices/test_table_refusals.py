"""Text that is no table, or not surely one: a line says what, where, and a way out that works."""

import gzip
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import refusal
from table_files import TABLES

from mfact.errors import DataError, MfactError, SettingsError, StorageError
from mfact.matrices.source import open_matrix
from mfact.matrices.tables import lines, reader

pytestmark = pytest.mark.timeout(120)  # a hang is a failure of what is tested here


def _written(tmp_path, text, name="M.csv"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n3\n5,6\n", "has 1 cell in line 3 and 2 in the others"),
        ("# c\n\n1 2\n3 4 5\n6 7\n", "has 3 cells in line 4 and 2 in the others"),
        ("x,y\n1,2\n3,abc\n5,6\n", r"has 'abc' in line 3, column 2 \(y\), which is no number"),
        ("n;x\nA;1\nB;2\nC;3 4\n", r"'3 4' in line 4, column 2 \(x\)"),
        ("1,2\n\n3,4x\n", "'4x' in line 3, column 2,"),
        ("1,2\n3,1-2\n", "'1-2' in line 2"),
        ("1,2\n3,1.2.3\n", "'1.2.3' in line 2"),
        ("1,2\n3,1e\n", "'1e' in line 2"),
        ("1,2\n3,1 nan\n", "'1 nan' in line 2"),
        ("a,b\n1,2\n3,1_000\n", "'1_000'.*without marks between the thousands"),
        ("a,b\n1,2\n3,50%\n", "'50%'.*without the percent sign"),
        ("a,b\n1,2\n3,0x1F\n", "'0x1F'.*in decimals"),
        ("a b\n1 2\n3 1D+05\n", "'1D.05'.*exponent with E"),
        ("a,b\n1,2\n3,TRUE\n", "'TRUE'.*1 and 0 for true and false"),
        ("a,b\nTRUE,FALSE\nFALSE,TRUE\n", "1 and 0 for true and false"),
        ("a,b\n1,2\n3,2020-01-02\n", "'2020-01-02'.*dates"),
        ("a,b\n1,2\n3,1+2j\n", "real and imaginary"),
        ('a,b\n1,2\n3,"1,5"\n', "'1,5' between commas, where a comma can be decimal"),
        ("1,5 2,5\n3,5 4,5\n", "'1,5' between spaces"),
        ("a;b\n1,5;2\n3;4.5\n", "'1,5' and '4.5', so that neither"),
        ("1,234;5\n2,345;6\n", "'1,234', whose comma can be decimal or between thousands"),
        ('n,x\n"a\nb",1\nc,2\n', "quotation mark in line 2 that is not closed"),
        ("x,y\n", "text that begins with 'x,y'"),
        ("\n\n", "text without a line of numbers"),
        ("# only\n# comments\n", "text without a line of numbers"),
        ("{'a': 1}\n", "text that begins with"),
        ("Dear all,\nthere are 2 of us\nand 3 of them.\n", "text that begins with 'Dear all,'"),
        ("[[1. 2.]\n [3. 4.]]\n", "an array as it is printed"),
        ("1,2\n" * 200 + "3,4\0\n", "zero byte"),
        ("1 2\n" * 200 + "3\x1c4 5\n", "'3.*4' in line 201, column 1"),
        ("1 2\n\xa0\n3 4\n", "has 1 cell in line 2 and 2 in the others"),
        ("1,2\nabc,3\n", "'abc' in line 2, column 1, which is no number"),
        ("1 2\n\xa0\xa0 3\n", "in line 2, column 1, which is no number"),
        (bytes(range(161, 256)), "no kind of matrix file"),
    ],
)
def test_one_line_says_what_and_where(text, said, tmp_path):
    refusal(_written(tmp_path, text), DataError, said, read=True)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "''"), ("NA", "'NA'"), ("N/A", "'N/A'"), ("null", "'null'"), ("None", "'None'"),
        ("-", "'-'"), (".", "'.'"), ('""', "''"), ("#N/A", "'#N/A'"), (" ", "''"),
    ],
)  # fmt: skip
def test_missing_entries_are_counted(cell, said, tmp_path):
    path = _written(tmp_path, f"n,x,y,z\nA,1,2,3\nB,{cell},5,6\nC,7,8,{cell}\n")
    refusal(path, DataError, re.escape(
        f"has 2 values that are missing, in 2 of 3 rows and 2 of 3 columns; the first is {said} "
        "(line 3), at row 1, column 0 (counted from 0): fill missing"
    ), read=True)  # fmt: skip


def test_missing_entries_of_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 64)
    rows = [f"{i},{'' if i % 7 == 3 else i},{i}" for i in range(100)]
    path = _written(tmp_path, "\n".join(rows))
    refusal(
        path,
        DataError,
        r"has 14 values that are missing, in 14 of 100 rows.*'' \(line 4\)",
        read=True,
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_two_bytes_a_character(encoding, tmp_path):
    text = "gene,s1\nA,1.5\nB,2\n"
    path = _written(tmp_path, text.encode(encoding))
    error = refusal(path, DataError, "is text in UTF-")
    _run(error.way_out.split("as with ")[1], tmp_path)
    np.testing.assert_array_equal(open_matrix(f"{tmp_path}/utf8.txt").read(), [[1.5], [2]])


def _run(command, folder):
    subprocess.run(command, shell=True, cwd=folder, check=True)


@pytest.mark.parametrize(
    ("text", "name", "out", "matrix"),
    [
        ("n,text,x,y,z\nA,a,1,2,b\nB,c,3,4,d\n", "a b.csv", "numbers.txt", [[1, 2], [3, 4]]),
        ("n\ttext\tx\ty\nA\ta\t1\t2\nB\tc\t3\t4\n", "M.tsv", "numbers.txt", [[1, 2], [3, 4]]),
        ("1 2 a\n3 4 b\n", "M.txt", "numbers.txt", [[1, 2], [3, 4]]),
        ("1,2,a\n3,4,b\n", "M.csv.gz", "numbers.txt", [[1, 2], [3, 4]]),
        ("n,1990,1991\nA,1.5,2\nB,3,4\n", "M.csv", "rows.txt", [[1.5, 2], [3, 4]]),
        ("1,234;2,500\n3,125;4,125\n", "M.csv", "points.txt", [[1.234, 2.5], [3.125, 4.125]]),
        ("#1.2\n2\t2\nName\tDescription\ta\tb\ng\tx\t1\t2\nh\ty\t3\t4\n", "a b.gct", "numbers.tsv",
         [[1, 2], [3, 4]]),
    ],
)  # fmt: skip
def test_a_way_out_in_the_shell(text, name, out, matrix, tmp_path):
    data = gzip.compress(text.encode()) if name.endswith(".gz") else text
    error = refusal(_written(tmp_path, data, name), DataError, "as with ")
    _run(re.split(", or ", error.way_out.split("as with ")[1])[0], tmp_path)
    np.testing.assert_array_equal(open_matrix(f"{tmp_path}/{out}").read(), matrix)


RNG = np.random.default_rng(4)
S = scipy.sparse.random_array((60, 40), density=0.2, rng=RNG)
PLACES = np.argwhere(S.toarray()).tolist()
RATINGS = [(i + 1, j + 1, 1 + k % 5, 881_250_000 + k) for k, (i, j) in enumerate(PLACES)]
SHUFFLED = [RATINGS[k] for k in RNG.permutation(len(RATINGS))]


def _lists(rows, separator=",", head=""):
    return head + "".join(separator.join(map(str, row)) + "\n" for row in rows)


LISTS = {
    "u.data": _lists(SHUFFLED, "\t"),
    "ratings.csv": _lists(RATINGS, ",", "userId,movieId,rating,timestamp\n"),
    "few.csv": _lists(RATINGS[:3], ",", "user_id,item_id,rating\n").replace(",8812", ";8812"),
    "ratings.dat": _lists(RATINGS, "::"),
    "ijv.txt": _lists([row[:3] for row in RATINGS], " "),
    "by columns.txt": _lists(sorted((j, i, v) for i, j, v, _ in RATINGS), "  "),
    "shuffled.txt": _lists([row[:3] for row in SHUFFLED], " "),
    "edges.txt": _lists([row[:2] for row in RATINGS], "\t", "# FromNodeId\tToNodeId\n"),
    "savetxt.txt": _lists([[f"{x:.18e}" for x in row[:3]] for row in RATINGS], " "),
}
LISTS["few.csv"] = _lists([row[:3] for row in RATINGS[:3]], ",", "user_id,item_id,rating\n")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_entries_is_no_matrix_of_its_columns(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _written(tmp_path, LISTS[name], name)
    error = refusal(name, DataError, "looks like a list of (row, column and value|edges)")
    code = error.way_out.removeprefix("make a sparse matrix of it: ").split("; or name ")[0]
    exec(code, {"numpy": np, "scipy": scipy})
    read = open_matrix("matrix.npz").read().toarray()
    text = LISTS[name].replace("::", ",").replace("\t", ",").replace("  ", ",").replace(" ", ",")
    rows = [line.split(",") for line in text.splitlines() if line[0].isdecimal()]
    wanted = np.zeros(read.shape)
    for row in rows:
        i, j = (int(float(cell)) for cell in row[:2])
        wanted[i - 1, j - 1] = float(row[2]) if len(row) > 2 else 1.0
    np.testing.assert_array_equal(read, wanted)
    if "::" not in LISTS[name]:
        whole = open_matrix(f"{name}::[fold]")
        assert whole.shape == (len(rows), len(rows[0]))
        np.testing.assert_array_equal(whole.read(), np.array(rows, float))


def test_libsvm_is_named(tmp_path):
    refusal(_written(tmp_path, "1 3:0.5 7:1\n-1 1:2\n"), DataError, "LIBSVM.*load_svmlight_file")


@pytest.mark.parametrize(
    "text",
    [
        "1 2 0.5\n1 2 0.7\n2 1 0.1\n2 2 1\n3 1 4\n3 2 5\n3 3 3\n",  # a pair that comes twice
        "5.1 3 0.5\n4 2 0.7\n6 1 0.1\n7 2 1\n8 1 4\n9 2 5\n",
        "9 4\n3 5\n7 2\n8 8\n1 6\n2 3\n",
    ],
)
def test_a_narrow_table_is_a_matrix(text, tmp_path):
    source = open_matrix(str(_written(tmp_path, text)))
    np.testing.assert_array_equal(
        source.read(), [list(map(float, r.split())) for r in text.splitlines()]
    )


def test_a_dataset_of_it(tmp_path):
    refusal(f"{_written(tmp_path, '1 2')}::X", SettingsError, "holds one array, so there is no X")


def test_a_line_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 4 << 20)
    packed = gzip.compress(b"1" + b"0" * (1 << 25))
    refusal(_written(tmp_path, packed, "M.csv.gz"), DataError, "has a line of more than 4.0 MiB")


@pytest.mark.parametrize("cut", [30, 5])
def test_gzip_that_is_cut_short(cut, tmp_path):
    packed = gzip.compress(b"".join(b"%d,%d\n" % (i * i, 7 * i) for i in range(9000)))
    refusal(_written(tmp_path, packed[:-cut], "M.csv.gz"), StorageError, "cannot be unpacked")


def test_something_else_in_gzip(tmp_path):
    path = _written(tmp_path, gzip.compress(bytes(range(256)) * 3), "M.npy.gz")
    refusal(path, DataError, "compressed with gzip: unpack it with gunzip first")


@pytest.mark.slow
@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(form=st.sampled_from(list(TABLES.values())), data=st.data())
def test_mutated_tables_are_read_or_refused(form, data, tmp_path, monkeypatch):
    """Ten files an example, each of one to four bytes changed, left out or doubled.

    In this process: a crash of the parser would not be one error among others.
    """
    monkeypatch.setattr(reader, "apart", lambda work, label: work())
    M = np.arange(12.0).reshape(4, 3) / 8
    path = Path(form.write(tmp_path, M))
    whole = path.read_bytes()
    for _ in range(10):
        text = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(text) - 1))
            kind = data.draw(st.sampled_from(["set", "cut", "double"]))
            odd = st.sampled_from(list(b",;\t \n\r\"'#%.-+eEnN0:\0\xff")) | st.integers(0, 255)
            part = {"set": bytes([data.draw(odd)]), "cut": b"", "double": text[at : at + 9] * 2}
            text[at : at + (9 if kind == "double" else 1)] = part[kind]
        path.write_bytes(text)
        with suppress(MfactError):
            source = open_matrix(str(path))
            A, names = source.read(), source.names()
            assert A.shape == source.shape
            assert names.rows is None or len(names.rows) == len(A)
            assert names.columns is None or len(names.columns) == A.shape[1]
