"""Factors out as NPY and as tables, and in as a start: from a run file or an .npz, checked."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfact.core import Array, Names, Outcome, Result
from mfact.errors import DataError, MfactError, StorageError
from mfact.storage.factors import factor_paths, read_factors, write_factors
from mfact.storage.images import same_bits
from mfact.storage.runs import write_run

RNG = np.random.default_rng(0)
U, V = RNG.standard_normal((6, 2)), RNG.standard_normal((5, 2))


NAMELESS = Names()


def result_of(left: Array, right: Array, names: Names = NAMELESS) -> Result:
    return Result(Outcome.CONVERGED, "", left, right, {}, {}, {}, {}, names=names)


def run_file(path: Path, left: Array, right: Array) -> Path:
    write_run(path, result_of(left, right))
    return path


@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_reads_what_was_written(tmp_path: Path, order: str) -> None:
    paths = write_factors(tmp_path / "run", "npy", result_of(np.asarray(U, order=order), V))
    assert paths == factor_paths(tmp_path / "run", "npy")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["run_U.npy", "run_V.npy"]
    assert same_bits(np.load(paths[0]), U)
    assert same_bits(np.load(paths[1]), V)


def table(path: str, form: str) -> list[list[str]]:
    """What Python's own reader of CSV makes of a file."""
    text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
    return [*csv.reader(io.StringIO(text, newline=""), delimiter={"csv": ",", "tsv": "\t"}[form])]


@given(
    data=st.data(),
    form=st.sampled_from(["csv", "tsv"]),
    dtype=st.sampled_from([np.float32, np.float64]),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 3)),
)
def test_tables_give_back_every_name_and_every_bit(tmp_path_factory, data, form, dtype, shape):
    width = np.dtype(dtype).itemsize * 8
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=width)
    factor = data.draw(arrays(dtype, shape, elements=numbers))
    # A byte of a file that is no UTF-8 is half a surrogate pair in Python.
    text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(',;\t"\r\n \udcff'))
    names = data.draw(st.lists(text, min_size=shape[0], max_size=shape[0]))
    folder = tmp_path_factory.mktemp("tables")
    given_names = Names(rows=tuple(names))
    path, _ = write_factors(folder / "f", form, result_of(factor, factor, given_names))
    head, *rows = table(path, form)
    assert head == ["", *(f"component_{i + 1}" for i in range(shape[1]))]
    assert [row[0].encode("utf-8", "surrogateescape") for row in rows] == [
        name.encode("utf-8", "surrogateescape") for name in names
    ]
    read = np.array([row[1:] for row in rows], dtype)
    assert same_bits(read, factor)
    shortest = str if dtype == np.float32 else lambda number: repr(float(number))
    assert [row[1:] for row in rows] == [[*map(shortest, row)] for row in factor]


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_pandas_reads_a_table(tmp_path: Path, form: str) -> None:
    names = Names(rows=("=1+1", "-x", "@y", "+z", 'a "b"', "c,d\te\r\nf"), columns=None)
    left, right = write_factors(tmp_path / "f", form, result_of(U, V, names))
    options = {"sep": {"csv": ",", "tsv": "\t"}[form], "index_col": 0}
    frame = pandas.read_csv(left, **options)
    assert (*frame.index,) == names.rows  # as they are: what a spreadsheet would run is data here
    assert [*frame.columns] == ["component_1", "component_2"]
    np.testing.assert_allclose(frame.to_numpy(), U, rtol=1e-15)  # its reader rounds
    other = pandas.read_csv(right, **options)
    assert other.index.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(other.to_numpy(), V, rtol=1e-15)


def test_a_table_is_the_same_each_time_and_has_no_half_pair(tmp_path: Path) -> None:
    names = Names(rows=("\ud800", "\udcff", "é", "", "0", "x"))
    first, second = (
        [
            Path(path).read_bytes()
            for path in write_factors(tmp_path / n, "csv", result_of(U, V, names))
        ]
        for n in "ab"
    )
    assert first == second
    assert first[0].decode().splitlines()[1].startswith("\\ud800,")


def test_a_run_file_is_a_start(tmp_path: Path) -> None:
    factors = read_factors(run_file(tmp_path / "run.h5", U, V))
    assert same_bits(factors.U, U)
    assert same_bits(factors.V, V)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_a_start(tmp_path: Path, save: object) -> None:
    assert callable(save)
    save(tmp_path / "start.npz", U=np.asfortranarray(U), V=V.astype(">f8"), other=np.eye(3))
    factors = read_factors(tmp_path / "start.npz")
    assert same_bits(np.ascontiguousarray(factors.U), U)
    assert same_bits(factors.V, V)


def test_kinds_become_float64_but_float32_stays(tmp_path: Path) -> None:
    np.savez(tmp_path / "start.npz", U=np.arange(4).reshape(2, 2), V=V.astype(np.float32))
    factors = read_factors(tmp_path / "start.npz")
    assert factors.U.dtype == np.float64
    assert factors.V.dtype == np.float32
    assert factors.U.tolist() == [[0, 1], [2, 3]]


def refusal(path: Path) -> str:
    with pytest.raises(MfactError) as caught:
        read_factors(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD = {
    "V with 3": (U, RNG.standard_normal((5, 3))),
    "1-D": (U[:, 0], V),
    "empty": (U[:, :0], V[:, :0]),
    "not finite": (U, np.where(V[1, 1] == V, np.nan, V)),
    "complex": (U + 1j, V),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("kind", ["run", "npz"])
def test_factors_that_do_not_fit_are_refused(tmp_path: Path, fault: str, kind: str) -> None:
    left, right = BAD[fault]
    path = tmp_path / "start"
    if kind == "run":
        run_file(path, left, right)
    else:
        with path.open("wb") as file:
            np.savez(file, U=left, V=right)
    with pytest.raises(StorageError if kind == "run" else DataError):
        read_factors(path)
    assert fault in refusal(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", U=U)
    np.save(tmp_path / "U.npy", U)
    (tmp_path / "text.h5").write_text("U V")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    assert "has no member V" in refusal(tmp_path / "half.npz")
    assert "holds no factors: pass a run file" in refusal(tmp_path / "U.npy")
    assert "holds no factors: pass a run file" in refusal(tmp_path / "text.h5")
    assert "cannot be read as NPZ" in refusal(tmp_path / "broken.npz")
    assert "No such file" in refusal(tmp_path / "none.h5")
    assert "not a regular file" in refusal(tmp_path)


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "start.npz", U=np.array([[None]]), V=V)
    assert "never unpickled" in refusal(tmp_path / "start.npz")


def test_a_truncated_member_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "U.npy", U)
    with zipfile.ZipFile(tmp_path / "start.npz", "w") as archive:
        archive.writestr("U.npy", (tmp_path / "U.npy").read_bytes()[:-8])
    with pytest.raises(StorageError, match="ends before its last value"):
        read_factors(tmp_path / "start.npz")
