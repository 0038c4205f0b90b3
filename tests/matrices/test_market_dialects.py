"""MatrixMarket files as public collections and other writers have them, packed with gzip or not."""

import gzip
import random
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from market_files import form, market
from matrix_files import sample
from refusals import refusal

from mfact.errors import DataError, MemoryPlanError, MfactError, StorageError
from mfact.matrices.market import banner as market_banner
from mfact.matrices.market import reader as matrix_market
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

BANNER = b"%%MatrixMarket matrix coordinate real general\n"


def packed(folder, M) -> str:
    with gzip.open(folder / "M.mtx.gz", "wb") as stream:
        stream.write(market(M))
    return str(folder / "M.mtx.gz")


def one_percent(folder, M) -> str:
    lines = market(M).splitlines()
    sizes = next(k for k, line in enumerate(lines) if not line.startswith(b"%"))
    lines.insert(sizes + 1, b"% row column value")
    (folder / "M.mtx").write_bytes(b"\r\n".join([lines[0][1:].upper(), *lines[1:]]))
    return str(folder / "M.mtx")


class TestDialects(ReaderContract):
    forms: ClassVar = {
        "matrix market gz": form(packed),
        "matrix market of one percent": form(one_percent),
    }


def read(path):
    A = open_matrix(str(path)).read()
    return A.toarray() if scipy.sparse.issparse(A) else A


GREETINGS = [b"%%MatrixMarket", b"%MatrixMarket", b" %%MatrixMarket", b"\xef\xbb\xbf%%MatrixMarket",
             b"%% MatrixMarket", b"%%matrixmarket", b"\n\t%%MATRIXMARKET", b"MatrixMarket",
             b"%%%MatrixMarket"]  # fmt: skip
BETWEEN = st.lists(st.sampled_from([b"%\n", b"\n", b" \t\r\n", b"% 1 1 1\n", b"%%GraphBLAS x\n"]))


@given(
    M=st.integers(0, 2**32), greeting=st.sampled_from(GREETINGS), before=BETWEEN, after=BETWEEN,
    blank=st.sampled_from([b" ", b"\t", b"  "]), end=st.sampled_from([b"\n", b"\r\n", b" \n"]),
    case=st.sampled_from([bytes.lower, bytes.upper, bytes.title]), is_packed=st.booleans(),
)  # fmt: skip
def test_any_mixture_is_the_matrix_that_was_written(
    tmp_path_factory, M, greeting, before, after, blank, end, case, is_packed
):
    rng = random.Random(M)
    d1, d2 = rng.randint(1, 6), rng.randint(1, 6)
    places = rng.sample([(i, j) for i in range(d1) for j in range(d2)], rng.randint(0, d1 * d2))
    truth = np.zeros((d1, d2))
    lines = [case(b"matrix coordinate real general").replace(b" ", blank)]
    for i, j in places:
        truth[i, j] = rng.randint(-9, 9) / 4
        lines.append(f"{i + 1} {j + 1} {truth[i, j]}".encode())
    banner, *entries = (blank.join(line.split()) + end for line in lines)
    text = [greeting, blank, banner, *before, b"%d %d %d" % (d1, d2, len(places)), end, *after]
    text = b"".join([*text, *entries, *after])
    path = tmp_path_factory.mktemp("mixture") / "M"
    path.write_bytes(gzip.compress(text) if is_packed else text)
    source = open_matrix(str(path))
    np.testing.assert_array_equal(source.read().toarray(), truth)
    is_standard = greeting.lower() == b"%%matrixmarket"
    assert bool(source.notes) is not is_standard
    assert all("read as MatrixMarket, though it begins with" in note for note in source.notes)


WRITERS = {
    # networkrepository.com, SuiteSparse, GraphBLAS, Cell Ranger, NIST, fast_matrix_market
    "network repository": (
        b"%MatrixMarket matrix coordinate pattern symmetric \n3 3 2\n2 1\n3 2\n",
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]],
    ),
    "suitesparse": (
        b"%%MatrixMarket matrix coordinate real symmetric\n%" + b"-" * 79 + b"\n% name: HB/x\n"
        b"% kind: " + b"k" * 9000 + b"\n%" + b"-" * 79 + b"\n2 2 2\n1 1 4\n2 1 -.5\n",
        [[4, -0.5], [-0.5, 0]],
    ),
    "graphblas": (
        b"%%MatrixMarket matrix coordinate integer general\n%%GraphBLAS type uint64_t\n"
        b"2 3 1\n2 3 7\n",
        [[0, 0, 0], [0, 0, 7]],
    ),
    "cell ranger": (
        b"%%MatrixMarket matrix coordinate integer general\n"
        b'%metadata_json: {"software_version": "cellranger-7.1.0", "format_version": 2}\n'
        b"2 2 2\n1 2 5\n2 1 1\n",
        [[0, 5], [1, 0]],
    ),
    "nist array": (
        b"%%MatrixMarket matrix array real skew-symmetric\n% Fortran writes 1.0E+00\n"
        b"  2   2\n   -1.5E+00\n",
        [[0, 1.5], [-1.5, 0]],
    ),
    "vector": (b"%%MatrixMarket vector array double general\n3\n1\n2\n3\n", [[1], [2], [3]]),
    "unsigned": (
        b"%%MatrixMarket matrix coordinate unsigned-integer general\n1 2 1\n"
        b"1 2 18446744073709551615",
        [[0, 2.0**64]],
    ),
    "comments among entries": (
        BANNER + b"2 2 2\n% first\n1 1 1\n\n  % second\n2 2 2.5\n% the end",
        [[1, 0], [0, 2.5]],
    ),
    "comments in an array": (
        b"%%MatrixMarket matrix array real general\n% x\n2 1\n% 7\n1.5\n% 8\n2.5\n",
        [[1.5], [2.5]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("block", [5, 1 << 20])
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("writer", WRITERS)
def test_other_writers(writer, is_packed, block, tmp_path, monkeypatch):
    text, truth = WRITERS[writer]
    monkeypatch.setattr(matrix_market, "BLOCK_BYTES", block)
    (tmp_path / "M").write_bytes(gzip.compress(text) if is_packed else text)
    np.testing.assert_array_equal(read(tmp_path / "M"), truth)


def test_scipy_reads_the_same_of_a_packed_file(tmp_path):
    path = packed(tmp_path, sample())
    np.testing.assert_array_equal(read(path), scipy.io.mmread(path).toarray())


@pytest.mark.parametrize("cut", [30, 200, -9, -1])
def test_a_packed_file_that_ends_too_early(cut, tmp_path):
    path = packed(tmp_path, sample())
    (tmp_path / "cut.mtx.gz").write_bytes(Path(path).read_bytes()[:cut])
    error = refusal(tmp_path / "cut.mtx.gz", MfactError, "gzip", read=True)
    assert isinstance(error, StorageError | DataError)


def test_a_packed_file_with_garbage_behind_it_or_in_it(tmp_path):
    whole = gzip.compress(market(sample()))
    (tmp_path / "M.gz").write_bytes(whole + b"garbage")
    refusal(tmp_path / "M.gz", StorageError, "cannot be unpacked as gzip", read=True)
    (tmp_path / "M.gz").write_bytes(whole[:-40] + b"garbage" + whole[-33:])
    refusal(tmp_path / "M.gz", MfactError, "M.gz ", read=True)


def test_what_a_packed_file_states_is_held_against_memory_and_its_size(tmp_path):
    stated = BANNER + b"9 9 99999999999999\n1 1 1\n"
    (tmp_path / "M.gz").write_bytes(gzip.compress(stated))
    refusal(tmp_path / "M.gz", StorageError, "truncated: it states 99999999999999 entries")
    (tmp_path / "M.gz").write_bytes(gzip.compress(BANNER + b"9 9 900\n" + b"1 1 1\n" * 899))
    refusal(tmp_path / "M.gz", StorageError, "states 900 entries and ends after 899", read=True)
    wide = b"%%MatrixMarket matrix coordinate real general\n999999999999999 2 1\n1 1 1\n"
    (tmp_path / "M.gz").write_bytes(gzip.compress(wide))
    refusal(tmp_path / "M.gz", MemoryPlanError, "of memory to read", read=True)


def test_comments_without_end_are_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(market_banner, "_MOST_BYTES", 1000)
    (tmp_path / "M").write_bytes(gzip.compress(BANNER + b"%\n" * 1000 + b"1 1 1\n1 1 1\n"))
    refusal(tmp_path / "M", DataError, "broken size line|no entry in its first")
    (tmp_path / "M").write_bytes(BANNER + b"1 1 1\n" + b"%\n" * 1000 + b"1 1 1\n")
    refusal(tmp_path / "M", DataError, "no entry in its first 1000 B: shorten its comments")


@pytest.mark.parametrize(
    ("banner", "entry", "pattern", "mended"),
    [
        ("matrix coordinate real", "10 10 2", "does not say its symmetry: end its first line with",
         "matrix coordinate real general"),
        ("matrix coordinate pattern general", "10 10 2", "write real for pattern in its first line",
         "matrix coordinate real general"),
        ("matrix coordinate real general", "10 10", "write pattern for the kind of number",
         "matrix coordinate pattern general"),
    ],
)  # fmt: skip
def test_the_way_out_is_one(banner, entry, pattern, mended, tmp_path):
    (tmp_path / "M").write_text(f"%%MatrixMarket {banner}\n10 10 2\n{entry}\n{entry}\n")
    refusal(tmp_path / "M", DataError, pattern, read=True)
    (tmp_path / "M").write_text(f"%%MatrixMarket {mended}\n10 10 2\n{entry}\n{entry}\n")
    assert read(tmp_path / "M").sum() == 2 * int((entry + " 1").split()[2])


@pytest.mark.parametrize(
    ("banner", "pattern"),
    [
        ("matrix coordinate complex hermitian", "complex numbers: factor the real and"),
        ("matrix coordinate real hermitian", "coordinate real hermitian, which is not taken"),
        ("vector coordinate real general", "vector coordinate real general, which is not taken"),
        ("matrix", "broken MatrixMarket banner"),
        ("graph coordinate real general", "broken MatrixMarket banner"),
    ],
)
def test_what_is_not_taken_is_named(banner, pattern, tmp_path):
    (tmp_path / "M").write_text(f"%MatrixMarket {banner}\n2 2 1\n1 1 2\n")
    refusal(tmp_path / "M", DataError, pattern)


@pytest.mark.parametrize(
    ("symmetry", "entries", "pattern"),
    [
        (b"symmetric", b"1 1 5\n3 2 7\n2 3 7\n", "the entry 2 3 and its mirror, 3 2: leave out"),
        (b"skew-symmetric", b"3 2 7\n2 3 -7\n1 3 1\n", "the entry 2 3 and its mirror, 3 2"),
        (b"skew-symmetric", b"3 2 7\n2 2 1\n3 1 1\n", "skew-symmetric and its diagonal is not 0"),
    ],
)
def test_entries_that_would_count_twice_are_refused(symmetry, entries, pattern, tmp_path):
    banner = BANNER.replace(b"general", symmetry)
    (tmp_path / "M.mtx").write_bytes(banner + b"3 3 3\n" + entries)
    refusal(tmp_path / "M.mtx", DataError, pattern, read=True)


def test_entries_on_either_side_of_the_diagonal(tmp_path):
    banner = BANNER.replace(b"general", b"symmetric")
    (tmp_path / "M.mtx").write_bytes(banner + b"3 3 3\n1 1 5\n2 3 7\n2 1 4\n")
    np.testing.assert_array_equal(read(tmp_path / "M.mtx"), [[5, 4, 0], [4, 0, 7], [0, 7, 0]])
