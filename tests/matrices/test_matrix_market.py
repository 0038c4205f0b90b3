"""MatrixMarket files."""

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from contracts.reader_contract import ReaderContract
from matrix_files import forms
from refusals import refusal

from mfact.errors import MfactError
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
    from mfact.matrices import matrix_market

    monkeypatch.setattr(matrix_market, "BLOCK_BYTES", block)
    A = open_matrix(str(path)).read().toarray()
    np.testing.assert_array_equal(A, [[truth, 0, 0], [0, 0, 2 * truth]])


MARKET = "%%MatrixMarket matrix "


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
            ("coordinate real general\n2 2 1\n" + "1" * 9000 + "\n", "no number|truncated|row"),
        ],
    )
    def test_broken_files(self, text, pattern, tmp_path):
        (tmp_path / "M.mtx").write_text(MARKET + text)
        refusal(tmp_path / "M.mtx", MfactError, pattern, read=True)
