"""Text tables come back bit for bit, with their names. The truth is what was written."""

import csv
import io

import numpy as np
import pandas
import pytest
from contracts.reader_contract import ReaderContract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrix_files import sample
from table_files import TABLES, r_table, with_names, write_rows

from mfact.matrices.source import open_matrix
from mfact.matrices.tables import lines, reader

fresh = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
matrices = hnp.arrays(
    float,
    st.tuples(st.integers(2, 9), st.integers(2, 7)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="#%"),
    min_size=1,
    max_size=6,
).map("x".__add__)


class TestContract(ReaderContract):
    forms = TABLES


@pytest.mark.parametrize("form", TABLES.values(), ids=TABLES)
def test_in_small_blocks(form, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK_BYTES", 96)
    source = open_matrix(form.write(tmp_path, sample()))
    np.testing.assert_array_equal(source.read(), sample())
    names = source.names()
    assert names.rows is None or len(names.rows) == 37
    assert names.columns is None or len(names.columns) == 23


def _read(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    source = open_matrix(str(path))
    return source, source.read()


def _same_bits(A, M):
    np.testing.assert_array_equal(A.view("u8"), np.ascontiguousarray(M, float).view("u8"))


@pytest.mark.slow
@fresh
@given(M=matrices, separator=st.sampled_from(" ,;\t"))
def test_what_numpy_writes(M, separator, tmp_path):
    out = io.StringIO()
    np.savetxt(out, M, "%.17g", separator, header="a made matrix:", footer="its end")
    source, A = _read(tmp_path / "M.txt", out.getvalue())
    _same_bits(A, M)
    assert source.names().rows is None


@pytest.mark.slow
@fresh
@given(
    M=matrices,
    data=st.data(),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes(M, data, separator, end, tmp_path):
    rows = data.draw(st.lists(words, min_size=len(M), max_size=len(M)))
    columns = data.draw(st.lists(words, min_size=M.shape[1], max_size=M.shape[1]))
    out = io.StringIO()
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(["name", *columns])
    writer.writerows([name, *map(repr, row)] for name, row in zip(rows, M.tolist(), strict=True))
    source, A = _read(tmp_path / "M.csv", out.getvalue())
    _same_bits(A, M)
    assert source.names().rows == tuple(rows)
    assert source.names().columns == tuple(columns)
    assert source.notes == (f"header row and name column left out: {len(M)}×{M.shape[1]} of "
                            f"{tmp_path}/M.csv",)  # fmt: skip


@pytest.mark.slow
@fresh
@given(
    M=matrices, named=st.booleans(), separator=st.sampled_from(",\t"), pack=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
)  # fmt: skip
def test_what_pandas_writes(M, named, separator, pack, quoting, tmp_path):
    frame = pandas.DataFrame(M, columns=[f"column {j}" for j in range(M.shape[1])])
    if named:
        frame.index = [f"row {i}" for i in range(len(M))]
    path = tmp_path / ("M.csv.gz" if pack else "M.csv")
    frame.to_csv(path, sep=separator, quoting=quoting)
    source = open_matrix(str(path))
    _same_bits(source.read(), M)
    assert source.names().rows == tuple(map(str, frame.index))
    assert source.names().columns == tuple(frame.columns)
    frame.to_csv(path, sep=separator, index=False)
    source = open_matrix(str(path))
    _same_bits(source.read(), M)
    assert source.names().rows is None
    frame.to_csv(path, sep=separator, index=False, header=False)
    _same_bits(open_matrix(str(path)).read(), M)


@pytest.mark.slow
@fresh
@given(M=matrices)
def test_what_r_writes(M, tmp_path):
    source, A = _read(tmp_path / "M.txt", r_table(M))
    _same_bits(A, M)
    assert source.names().rows == tuple(str(i + 1) for i in range(len(M)))
    assert source.names().columns == tuple(f"V{j + 1}" for j in range(M.shape[1]))


@pytest.mark.slow
def test_every_spelling_is_rounded_as_python_rounds(tmp_path):
    rng = np.random.default_rng(5)
    values = rng.integers(0, 2**63, (4000, 2)).tolist()
    spelled = [[f"{a}.{b}e{(a + b) % 560 - 300}", f"-{b}.{a}"] for a, b in values]
    _, A = _read(tmp_path / "M.txt", write_rows(spelled, " "))
    _same_bits(A, [list(map(float, row)) for row in spelled])


@pytest.mark.parametrize(
    "spelled", ["+3", ".5", "1.", "1e5", "1E+05", "-0", "0", "-.5e-3", "00012", "5e-324", "1e-400",
                "9007199254740993", '"1.5"', " 7 "]
)  # fmt: skip
def test_a_spelling(spelled, tmp_path):
    _, A = _read(tmp_path / "M.csv", f"1,2\n{spelled},-3\n")
    _same_bits(A, [[1, 2], [float(spelled.strip(' "')), -3]])


def test_a_matrix_of_many_blocks_and_long_lines(tmp_path):
    M = np.random.default_rng(2).standard_normal((7, 40_000))
    source, A = _read(tmp_path / "M.csv", write_rows(with_names(M)))
    assert (tmp_path / "M.csv").stat().st_size > 4 * lines.BLOCK_BYTES
    _same_bits(A, M)
    assert source.shape == M.shape
    assert source.names().columns[-1] == "s39999"


def test_names_in_latin_1_far_down(tmp_path):
    rows = [["n", "a", "b"], *([f"r{i}", "1.5", "2"] for i in range(60_000)), ["µ", "1", "2"]]
    source, A = _read(tmp_path / "M.csv", write_rows(rows).encode("latin-1"))
    assert len(A) == 60_001
    assert (tmp_path / "M.csv").stat().st_size > reader._SAMPLE_BYTES
    assert source.names().rows[-1] == "µ"


def test_transposed_with_its_names(tmp_path):
    M = sample()
    (tmp_path / "M.csv").write_text(write_rows(with_names(M)))
    source = open_matrix(str(tmp_path / "M.csv"), transpose=True)
    np.testing.assert_array_equal(source.read(), M.T)
    assert source.names().columns[:2] == ("g0", "g1")
