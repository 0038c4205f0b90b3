"""Tables as programs and their users lay them out: what each holds, or what is said of it."""

from __future__ import annotations

import gzip
from typing import NamedTuple

import numpy as np

A = [[1.5, 2.0, 0.25], [0.5, 4.0, 3.0], [7.0, 0.125, 9.0]]
B = [[1.5, 2.0], [0.5, 4.0]]
ABC = ("a", "b", "c")
LEFT_OUT = "header row and name column left out"


class Table(NamedTuple):
    """A file that is read. note: of what is said of it, "" where nothing is."""

    name: str
    text: str | bytes
    matrix: list[list[float]]
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    note: str = ""


class Refused(NamedTuple):
    """A file that is refused in these words, and the matrix that its way out makes of it.

    made: the file that this writes.
    """

    name: str
    text: str | bytes
    words: str
    made: str = ""
    matrix: list[list[float]] | None = None
    rows: tuple[str, ...] | None = None


def _lines(*lines: str, end: str = "\n") -> str:
    return "".join(line + end for line in lines)


def _geo(*rows: str, fields: int = 3) -> str:
    head = [f'!Series_title_{k}\t"x, y"' for k in range(fields)]
    first = ["", "!series_matrix_table_begin", '"ID_REF"\t"GSM1"\t"GSM2"']
    return _lines(*head, *first, *rows, "!series_matrix_table_end")


MANY = [[i / 8, i * i % 17] for i in range(3000)]
PROBES = tuple(f"p{i}" for i in range(3000))

READ = {
    "pandas": Table(
        "M.csv", _lines(",a,b", "0,1.5,2.0", "1,0.5,4.0"), B, ("0", "1"), ("a", "b"), LEFT_OUT
    ),
    "pandas, read and written again": Table(
        "M.csv", _lines("Unnamed: 0,a,b", "0,1.5,2.0", "1,0.5,4.0"), B, ("0", "1"), ("a", "b"),
        LEFT_OUT,
    ),
    "pandas, all numbered": Table(
        "M.csv", _lines(",1,2,3", "1,1,.5,.25", "2,.5,1,.125", "3,.25,.125,1"),
        [[1, 0.5, 0.25], [0.5, 1, 0.125], [0.25, 0.125, 1]], ("1", "2", "3"), ("1", "2", "3"),
        LEFT_OUT,
    ),
    "yfinance": Table(
        "prices.csv", _lines("Date,Open,Close", "2020-01-02,1.5,2.0", "2020-01-03,0.5,4.0"), B,
        ("2020-01-02", "2020-01-03"), ("Open", "Close"), LEFT_OUT,
    ),
    "R's write.table, without names of columns": Table(
        "M.txt", _lines('"1" 1.5 2', '"2" 0.5 4'), B, ("1", "2"), None, "name column left out"
    ),
    "R's write.csv2": Table(
        "M.csv", _lines('"";"a";"b"', '"x";1,5;2', '"y";0,5;4'), B, ("x", "y"), ("a", "b"),
        "commas are taken as decimal ones",
    ),
    "names with spaces and numbers between tabs": Table(
        "M.tsv", _lines("\tday 1\tday 2", "row 1\t1.5\t2", "row 2\t0.5\t4"), B,
        ("row 1", "row 2"), ("day 1", "day 2"), LEFT_OUT,
    ),
    "a matrix as R prints it": Table(
        "M.txt", _lines("     [,1] [,2]", "[1,]  1.5    2", "[2,]  0.5    4"), B,
        ("[1,]", "[2,]"), ("[,1]", "[,2]"), LEFT_OUT,
    ),
    "Excel's line of the separator": Table(
        "M.csv", "\ufeff" + _lines("sep=;", "n;a;b", "x;1,5;2", "y;0,5;4", end="\r\n"), B,
        ("x", "y"), ("a", "b"), LEFT_OUT,
    ),
    "GEO's series matrix": Table(
        "GSE1_series_matrix.txt", _geo('"p1"\t1.5\t2', '"p2"\t0.5\t4'), B, ("p1", "p2"),
        ("GSM1", "GSM2"), LEFT_OUT,
    ),
    "GEO's, with a long head, packed": Table(
        "GSE1_series_matrix.txt.gz",
        gzip.compress(_geo(*(f'"p{i}"\t{x}\t{y}' for i, (x, y) in enumerate(MANY)),
                           fields=20_000).encode()),
        MANY, PROBES, ("GSM1", "GSM2"), LEFT_OUT,
    ),
    "STAR": Table(
        "ReadsPerGene.out.tab", _lines("N_unmapped\t9\t8", "N_multimapping\t7\t7", "G1\t1\t2"),
        [[9, 8], [7, 7], [1, 2]], ("N_unmapped", "N_multimapping", "G1"), None,
        "the first rows, N_unmapped …, count no gene",
    ),
    "Kaggle's test.csv": Table(
        "test.csv", _lines("Id,a,b", "1461,1.5,2", "1462,0.5,4", "1463,3,0.25"),
        [[1461, 1.5, 2], [1462, 0.5, 4], [1463, 3, 0.25]], None, ("Id", "a", "b"),
        "the first column, 'Id', has equal steps, and is taken as data",
    ),
    "Kaggle's, without an order": Table(
        "train.csv", _lines("customer_id,a,b", "77,1.5,2", "12,0.5,4", "45,3,0.25"),
        [[77, 1.5, 2], [12, 0.5, 4], [45, 3, 0.25]], None, ("customer_id", "a", "b"),
        "the first column, 'customer_id', is taken as data",
    ),
    "UCI, with names and no header": Table(
        "abalone.data", _lines("M,0.5,0.25", "F,1.5,2", "I,0.5,4"),
        [[0.5, 0.25], *B], ("M", "F", "I"), None, "name column left out",
    ),
    "GloVe": Table(
        "glove.txt", _lines("the 1.5 2 0.25", '" 0.5 4 3', "# 7 0.125 9"), A,
        ("the", '"', "#"), None, "name column left out",
    ),
    "save -ascii": Table(
        "M.txt", "".join("".join(f"{x:16.7e}" for x in row) + "\n" for row in A), A
    ),
    "savetxt, with a header": Table(
        "M.txt",
        _lines("# made in March", "# a b c", *(" ".join(f"{x:.18e}" for x in r) for r in A)), A,
        None, ABC, "the names of columns are those of the comment",
    ),
}  # fmt: skip

RATINGS = ("A2CX,B01,5.0,1369699200", "A9,B02,3.0,1355443200", "A2CX,B02,1.0,1355443201")
ENTRIES = [[5.0, 1.0], [0.0, 3.0]]  # of which A2CX is the first row, and B01 the first column

REFUSED = {
    "word2vec": Refused(
        "w.txt", _lines("2 3", "of 1.5 2 0.25", "and 0.5 4 3"), "has 2 cells in line 1",
        "rows.txt", A[:2], ("of", "and"),
    ),
    "PHYLIP": Refused(
        "d.txt", _lines("    3", "x  0 .5 .25", "y  .5 0 2", "z  .25 2 0"), "has 1 cell in line 1",
        "rows.txt", [[0, 0.5, 0.25], [0.5, 0, 2], [0.25, 2, 0]], ("x", "y", "z"),
    ),
    "PHYLIP's lower half": Refused(
        "d.txt", _lines("3", "x", "y 0.5", "z 0.25 2"), "as half of a symmetric matrix has: write"
    ),
    "a lower half in commas": Refused(
        "d.csv", _lines("0", "0.5,0", "0.25,2,0"), "as half of a symmetric matrix has: write all"
    ),
    "pandas, numbers above floats": Refused(
        "M.csv", _lines("0,1,2", *(",".join(map(repr, row)) for row in A)),
        "'0,1,2', which can be the names of columns or a row", "rows.txt", A,
    ),
    "yfinance of today": Refused(
        "p.csv", _lines("Price,Open,Close", "Ticker,X,X", "Date,,", "2020-01-02,1.5,2",
                        "2020-01-03,0.5,4"),
        "has 3 lines of text above its numbers, the second 'Ticker,X,X'", "rows.txt", B,
        ("2020-01-02", "2020-01-03"),
    ),
    "a line of units": Refused(
        "log.csv", _lines("t,v", "s,m/s", "1.5,2", "0.5,4"), "the second 's,m/s'", "rows.txt", B
    ),
    "a title": Refused(
        "log.csv", _lines("Our data,,", "a,b,c", *(",".join(map(repr, row)) for row in A)),
        "has 2 lines of text above its numbers", "rows.txt", A,
    ),
    "one column with decimal commas": Refused(
        "M.csv", _lines("x", "1,5", "2,25"), "'1,5', whose comma can be decimal or between two",
        "points.txt", [[1.5], [2.25]],
    ),
    "the same without a header": Refused(
        "M.csv", _lines("1,5", "2,05"), "'2,05', whose comma can be decimal", "points.txt",
        [[1.5], [2.05]],
    ),
    "featureCounts": Refused(
        "counts.txt",
        _lines('# Program:featureCounts v2.0.1; Command:"x"',
               "Geneid\tChr\tStart\tEnd\tStrand\tLength\ta.bam\tb.bam",
               "G1\t1\t5\t9\t+\t5\t1.5\t2", "G2\t2\t7\t9\t-\t3\t0.5\t4"),
        "is a table of featureCounts", "counts.tsv", B, ("G1", "G2"),
    ),
    "GTEx": Refused(
        "g.gct",
        _lines("#1.2", "2\t2", "Name\tDescription\ta\tb", "G1\tx\t1.5\t2", "G2\ty\t0.5\t4"),
        "is a GCT file", "numbers.tsv", B, ("G1", "G2"),
    ),
    "GCT of today": Refused(
        "g.gct.gz",
        gzip.compress(_lines("#1.3\t\t", "2\t2\t1\t2", "id\tpr_x\ta\tb", "age\tna\t40\t50",
                             "sex\tna\tf\tm", "G1\tx\t1.5\t2", "G2\ty\t0.5\t4").encode()),
        "is a GCT file", "numbers.tsv", B, ("G1", "G2"),
    ),
    "Amazon's ratings": Refused(
        "r.csv", _lines("userId,productId,Rating,timestamp", *RATINGS),
        "looks like a list of row, column and value with names", "matrix.npz", ENTRIES,
    ),
    "Gephi's edges": Refused(
        "e.csv", _lines("Source,Target", "a,x", "b,y"), "is text that begins with 'Source,Target'"
    ),
    "edges with weights": Refused(
        "e.csv", _lines('Source,Target,Weight', '"a, b",x,5', 'c,y,3', '"a, b",y,1'),
        "looks like a list of row, column and value with names", "matrix.npz", ENTRIES,
    ),
    "ratings of books": Refused(
        "r.csv", _lines("user_id,book_id,rating", "1,1,5", "2,2,3", "1,2,1"),
        "looks like a list of row, column and value", "matrix.npz", ENTRIES,
    ),
    "MatrixMarket without its first line": Refused(
        "M.mtx", _lines("2 2 3", "2 2 3", "1 1 5", "1 2 1"), "looks like a list of row, column and",
        "matrix.npz", ENTRIES,
    ),
    "LIBSVM with queries": Refused(
        "l.txt", _lines("3 qid:1 1:1 2:0.5 # x", "2 qid:1 # y"), "sparse matrix in LIBSVM's format"
    ),
    "GloVe, when a mark of comments comes first": Refused(
        "glove.txt", _lines("# 7 0.125 9", "the 1.5 2 0.25", "of 0.5 4 3"),
        "'# 7 0.125 9', which can be a comment or a row", "rows.txt", A[:2], ("the", "of"),
    ),
    "Fortran's stars": Refused("M.txt", _lines("***** 2", "1 2", "3 4"), "in a wider format"),
    "Fortran's exponents": Refused(
        "M.txt", _lines("1.5-101 2", "1 2", "3 4"), "put an E before its exponent"
    ),
    "an error of a sheet": Refused(
        "M.csv", _lines("n,x", "a,#VALUE!", "b,2", "c,3"), "'#VALUE!' in line 2.*in the sheet"
    ),
    "typeset minus": Refused("M.csv", _lines("a,b", "−1.5,2", "3,4", "5,6"), "write a hyphen for"),
    "a quoted line feed in the header": Refused(
        "M.csv", _lines('"of', 'x",y', "1,2", "3,4"), "quotation mark in line 1 that is not closed"
    ),
}  # fmt: skip


def matrix_of(table: Table | Refused) -> np.ndarray:
    return np.array(table.matrix, float)
