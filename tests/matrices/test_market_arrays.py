"""MatrixMarket files of whole matrices, column by column."""

import numpy as np
import pytest

from mfact.errors import DataError
from mfact.matrices.source import open_matrix


@pytest.mark.parametrize(("symmetry", "entries"), [("general", 4), ("symmetric", 3)])
def test_an_array_that_overflows_is_said_to(symmetry, entries, tmp_path):
    text = f"%%MatrixMarket matrix array real {symmetry}\n2 2\n1\n1e300\n" + "2\n" * (entries - 2)
    (tmp_path / "M.mtx").write_text(text)
    source = open_matrix(str(tmp_path / "M.mtx"))
    with pytest.raises(DataError, match=r"1e\+300 at row 1, column 0 .* overflows float32"):
        source.read("float32")
    assert source.read()[1, 0] == 1e300


def test_an_array_in_lines_of_several_is_noted(tmp_path):
    """By the format they are columns, whatever the lines look like."""
    path = tmp_path / "M.mtx"
    path.write_text("%%MatrixMarket matrix array real general\n2 2\n1 2\n3 4\n")
    source = open_matrix(str(path))
    np.testing.assert_array_equal(source.read(), [[1, 3], [2, 4]])
    assert source.notes == (
        f"{path}: its entries are taken column by column, as the format has them",
    )
