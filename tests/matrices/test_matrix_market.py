"""MatrixMarket files."""

import os
import signal

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import forms
from refusals import refusal

from mfact.errors import DataError, MfactError
from mfact.matrices.apart import LibraryCrash
from mfact.matrices.market import reader as matrix_market
from mfact.matrices.market.lines import Lines
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestMatrixMarket(ReaderContract):
    forms = forms("matrix-market")


@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_matrix_market_symmetries(symmetry, is_sparse, tmp_path):
    M = np.round(np.random.default_rng(0).standard_normal((7, 7)), 3)
    M = {"general": M, "symmetric": M + M.T, "skew-symmetric": M - M.T}[symmetry]
    written = scipy.sparse.coo_array(M) if is_sparse else M
    scipy.io.mmwrite(tmp_path / "M.mtx", written, symmetry=symmetry)
    source = open_matrix(str(tmp_path / "M.mtx"))
    A = source.read()
    np.testing.assert_array_equal(A.toarray() if is_sparse else A, M)


@pytest.mark.parametrize("block", [4, 1000])
@pytest.mark.parametrize("kind", ["pattern", "integer", "real"])
def test_matrix_market_entries(kind, block, tmp_path, monkeypatch):
    values = {"pattern": "", "integer": " 7", "real": " -2.5e0"}[kind]
    truth = {"pattern": 1.0, "integer": 7.0, "real": -2.5}[kind]
    path = tmp_path / "M.mtx"
    path.write_text(
        f"%%MatrixMarket MATRIX Coordinate {kind} general\n% a comment\n\n2 3 3\n"
        f"1 1{values}\n2 3{values}\n2 3{values}"  # no line end, one entry twice
    )
    monkeypatch.setattr(matrix_market, "BLOCK_BYTES", block)
    A = open_matrix(str(path)).read().toarray()
    np.testing.assert_array_equal(A, [[truth, 0, 0], [0, 0, 2 * truth]])


MARKET = "%%MatrixMarket matrix "


HARD = ["-0.0", "5e-324", "2.4703282292062328e-324", "2.2250738585072011e-308", "9007199254740993",
        "1e23", "1.7976931348623158e308", "+1.5", ".5", "-5.", "1E+5", "1" + 400 * "0" + "e-400",
        "0." + 400 * "0" + "1e400",
        "1.00000000000000011102230246251565404236316680908203125"]  # fmt: skip


@pytest.mark.parametrize("form", ["coordinate", "array"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", " \t\n", "\n\n", "\n \n"])
def test_numbers_are_those_of_python_bit_by_bit(form, ends, tmp_path):
    before, size = ("1 1 ", f"1 1 {len(HARD)}") if form == "coordinate" else ("", f"{len(HARD)} 1")
    places = [before.replace("1", str(k + 1), 1) for k in range(len(HARD))]
    size = f"{len(HARD)} 1 {len(HARD)}" if before else size
    lines = "".join(place + number + ends for place, number in zip(places, HARD, strict=True))
    (tmp_path / "M.mtx").write_bytes(f"{MARKET}{form} real general\n{size}\n{lines}".encode())
    A = open_matrix(str(tmp_path / "M.mtx")).read()
    found = A.data if form == "coordinate" else A[:, 0]
    assert found.tobytes() == np.array([float(number) for number in HARD]).tobytes()


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"[-+]?[0-9]{1,30}\.?[0-9]{0,30}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.text("0123456789.eE+-_ \tnaif", max_size=6),
)


@given(entries=st.lists(st.lists(NUMBERS, min_size=1, max_size=2), min_size=1, max_size=4))
def test_a_line_is_read_as_python_reads_its_words_or_refused(entries):
    texts = [" ".join(["2 1", *numbers]) for numbers in entries]
    try:
        found = Lines(3, (2, 1), "M").entries("".join(f"{t}\n" for t in texts).encode(), 0)
    except DataError:
        words = [text.split() for text in texts]
        assert any(len(line) != 3 or not _is_number(line[2]) for line in words)
    else:
        expected = [float(text.split()[2]) for text in texts]
        np.testing.assert_array_equal(found["data"], expected)


def _is_number(word):
    try:
        return float(word) is not None and "_" not in word
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("array real general\n2 2\n1 2\n 3 4 \n", [[1, 3], [2, 4]]),
        ("coordinate real general\n1 2 1\n1.0 +2e0 7\n", [[0, 7]]),
        ("coordinate pattern symmetric\n2 2 2\n\n1 1\n2 1\n\n", [[1, 1], [1, 0]]),
    ],
)
def test_other_spellings(text, truth, tmp_path):
    (tmp_path / "M.mtx").write_text(MARKET + text)
    A = open_matrix(str(tmp_path / "M.mtx")).read()
    np.testing.assert_array_equal(A.toarray() if scipy.sparse.issparse(A) else A, truth)


def test_scipy_reads_apart_and_in_one_thread(tmp_path, monkeypatch):
    scipy.io.mmwrite(tmp_path / "M.mtx", np.eye(2) + 1)
    source = open_matrix(str(tmp_path / "M.mtx"))
    real = scipy.io.mmread

    def read(*args, **kwargs):
        assert scipy.io._fast_matrix_market.PARALLELISM == 1
        return real(*args, **kwargs)

    monkeypatch.setattr(scipy.io, "mmread", read)
    np.testing.assert_array_equal(source.read(), np.eye(2) + 1)
    assert scipy.io._fast_matrix_market.PARALLELISM == 0
    monkeypatch.setattr(scipy.io, "mmread", lambda *_, **__: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(LibraryCrash, match=r"M.mtx cannot be read: its reader crashed \(SIGSEGV\)"):
        source.read()


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "pattern"),
        [
            ("array real general\n2 2\n1\nx\n3\n4\n", "no number"),
            ("array real general\n2 2\n1.5\n2.5\n3.5\n", "truncated.*4 entries and ends after 3"),
            ("array real general\n2 2\n1\n2\n3\n4\n5\n", "more than the 4 entries"),
            ("array real general\n2 2\n1\nnan\n3\n4\n", "not finite, nan, at row 1, column 0"),
            ("array complex general\n1 1\n1 1\n", "complex"),
            ("array real hermitian\n1 1\n1\n", "not taken"),
            ("array real symmetric\n2 3\n1\n1\n1\n1\n1\n", "not square"),
            ("array pattern general\n1 1\n1\n", "not taken"),
            ("array real general\n0 2\n", "is empty"),
            ("array real general\n-2 2\n1\n", "broken size line"),
            ("array real\n2 2\n1\n", "broken MatrixMarket banner"),
            ("coordinate real general\n2 2 1\n3 1 1.0\n", "row number 3, outside 1 … 2"),
            ("coordinate real general\n2 2 1\n1 0 1.0\n", "column number 0, outside 1 … 2"),
            ("coordinate real general\n2 2 1\n1 1.5 1.0\n", "column number 1.5"),
            ("coordinate real general\n2 2 2\n1 1 1.0\n2 2 \n", "truncated"),
            ("coordinate real general\n2 2 999999999999\n1 1 1.0\n", "truncated"),
            # What SciPy reads as something else, or does not survive.
            ("coordinate real general\n2 2 1\n1 2.5\n", "truncated.*1 entries and ends after 0"),
            (
                "coordinate real general\n2 2 2\n1 2.5\n1 1 7\n",
                "not 3 numbers but 2",
            ),
            ("coordinate real general\n2 2 1\n1 2-5 7\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 1.5 7\n", "not 3 numbers but 4"),
            ("coordinate real general\n2 2 1\n1 1 1.5x\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 1.5.5\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 1.5nan\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 1.5\0\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 1d5\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 1_0\n", "no number"),
            ("coordinate integer general\n2 2 1\n1 1 0x10\n", "no number"),
            ("coordinate real general\n2 2 1\n1 1 nan\n", "not finite, nan, at row 0, column 0"),
            ("coordinate real general\n2 2 1\n1 1 -1e400\n", "not finite, -inf, at row 0"),
            ("coordinate real general\n2 2 1\n5000000000 1 1\n", "row number 5000000000, outside"),
            ("coordinate pattern general\n2 2 1\n1 2 7\n", "not 2 numbers but 3"),
            ("coordinate real general\n2 2 0\n1\n", "not 3 numbers but 1"),
            ("coordinate real general\n2 2 0\n1 1 1\n", "more than the 0 entries"),
            ("coordinate real general\n2 2 1\n1 1 1\n" + "\n" * 4 + "x", "no number"),
            ("coordinate real general\n2 2 1\n" + "1" * 9000 + "\n", "no number|truncated|row"),
        ],
    )
    def test_broken_files(self, text, pattern, tmp_path):
        (tmp_path / "M.mtx").write_text(MARKET + text)
        refusal(tmp_path / "M.mtx", MfactError, pattern, read=True)
