"""Chunks of any lengths, filters and gaps: slabs are what h5py reads, bit for bit."""

import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import KINDS, sample, write_hdf5
from slabbed import assert_bits_equal, count, together

from mfact.matrices.hdf5 import slabs as hdf5_slabs
from mfact.matrices.source import open_matrix
from mfact.matrices.unpacking import fletcher32

FILTERS = ("compression", "shuffle", "fletcher32")


def random_matrix(kind, shape, seed):
    """All bytes that there can be, but for what is no number of its kind."""
    rng = np.random.default_rng(seed)
    if kind == "|b1":
        return rng.random(shape) < 0.5
    raw = rng.integers(0, 256, (*shape, np.dtype(kind).itemsize), dtype=np.uint8)
    raw[rng.random(shape) < 0.5] = 0  # so that some of it can be packed
    return raw.view(kind)[..., 0]


@given(
    shape=st.tuples(st.integers(1, 25), st.integers(1, 25)),
    chunk=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    kind=st.sampled_from(KINDS),
    filters=st.sets(st.sampled_from(FILTERS)),
    written=st.sampled_from(["all", "some", "none"]),
    fill=st.sampled_from([None, 1]),
    block=st.sampled_from([0, 512, 1024]),
    latest=st.booleans(),
    matlab=st.booleans(),
    slab_bytes=st.sampled_from([1, 300, 1 << 20]),
    threads=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_chunks(
    tmp_path_factory, shape, chunk, kind, filters, written, fill, block, latest, matlab,
    slab_bytes, threads, seed,
):  # fmt: skip
    A = random_matrix(kind, shape, seed)
    path = tmp_path_factory.mktemp("slabs") / "M.h5"
    options = dict.fromkeys(filters - {"compression"}, True)
    if "compression" in filters:
        options["compression"] = "gzip"
    libver = "latest" if latest else "earliest"
    with h5py.File(path, "w", userblock_size=block, libver=libver) as file:
        D = file.create_dataset(
            "M", shape, kind, chunks=chunk, maxshape=(None, None), fillvalue=fill, **options
        )
        if matlab:
            D.attrs["MATLAB_class"] = np.bytes_("double")
        if written == "all":
            D[...] = A
        elif written == "some":
            D[: shape[0] // 2, shape[1] // 3 :] = A[: shape[0] // 2, shape[1] // 3 :]
    with h5py.File(path) as file:
        truth = file["M"][...]
    slabs = open_matrix(str(path)).slabs(slab_bytes)
    assert_bits_equal(together(slabs, threads), truth.T if matlab else truth)


def encoded(values, filters, mask):
    """A chunk as HDF5 would write it, but for the filters that the mask leaves out."""
    raw = values.tobytes()
    for bit, name in enumerate(filters):
        if mask >> bit & 1:
            continue
        if name == "shuffle":
            raw = np.frombuffer(raw, np.uint8).reshape(-1, values.itemsize).T.tobytes()
        elif name == "compression":
            raw = zlib.compress(raw)
        else:
            first, second = fletcher32(memoryview(raw))
            raw += first.to_bytes(2, "little") + second.to_bytes(2, "little")
    return raw


@given(
    masks=st.lists(st.integers(0, 7), min_size=6, max_size=6),
    kind=st.sampled_from(["<f8", ">f4", "<u2"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_filters_that_were_left_out(tmp_path_factory, masks, kind, seed):
    A = random_matrix(kind, (12, 10), seed)
    path = tmp_path_factory.mktemp("slabs") / "M.h5"
    with h5py.File(path, "w") as file:
        D = file.create_dataset(
            "M", (11, 10), kind, chunks=(4, 5), shuffle=True, compression="gzip", fletcher32=True
        )
        corners = [(row, column) for row in (0, 4, 8) for column in (0, 5)]
        for (row, column), mask in zip(corners, masks, strict=True):
            chunk = A[row : row + 4, column : column + 5]
            raw = encoded(chunk, ("shuffle", "compression", "fletcher32"), mask)
            D.id.write_direct_chunk((row, column), raw, mask)
    with h5py.File(path) as file:
        assert_bits_equal(file["M"][...], A[:11])  # HDF5 takes the chunks, and the checksums
    assert_bits_equal(together(open_matrix(str(path)).slabs(200)), A[:11])


@given(st.binary(max_size=3000))
def test_the_checksum_is_the_one_that_is_defined(data):
    first = second = 0
    for at in range(0, len(data), 2):
        first += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        second += first
    assert fletcher32(memoryview(data)) == (first % 65_535, second % 65_535)


@pytest.mark.parametrize(
    ("chunk", "columns", "lines"),
    [((10, 300), False, 10), ((200, 10), True, 10), ((20, 30), False, 20), ((20, 10), True, 10)],
)
def test_the_axis_of_smaller_lines_of_chunks(chunk, columns, lines, tmp_path):
    M = np.zeros((200, 300), "f4")
    spec = write_hdf5(tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, chunks=chunk))
    source = open_matrix(spec)
    slabs = source.slabs(1)  # one line of chunks, whatever it takes
    assert (slabs.columns, slabs.cuts[1]) == (columns, lines)
    assert slabs.room >= lines * (200 if columns else 300) * 4
    slabs = source.slabs(60_000)
    assert count(slabs) >= 4
    assert {cut % lines for cut in slabs.cuts} == {0}


def test_rows_of_chunks_need_no_room_beside_the_slab(tmp_path):
    M = np.arange(600.0).reshape(20, 30)
    spec = write_hdf5(tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, chunks=(4, 30)))
    slabs = open_matrix(spec).slabs(2000)
    assert (slabs.room, slabs.file_bytes) == (8 * 30 * 8, M.nbytes)
    assert_bits_equal(together(slabs), M)


@pytest.mark.parametrize("name", ["Zstd", "Blosc", "LZ4", "Bitshuffle"])
def test_filters_of_plugins(name, tmp_path):
    plugins = pytest.importorskip("hdf5plugin")
    M = sample(">f8")
    options = getattr(plugins, name)()
    spec = write_hdf5(
        tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, chunks=(5, 23), **options)
    )
    slabs = open_matrix(spec).slabs(1)
    assert type(slabs).__name__ == "ReadersApart"
    assert_bits_equal(together(slabs, 3), M)


@pytest.mark.parametrize(
    "options", [{"scaleoffset": 0}, {"compression": "lzf", "fletcher32": True}]
)
def test_other_filters_of_hdf5(options, tmp_path):
    M = sample("<i4")
    spec = write_hdf5(
        tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, chunks=(5, 6), **options)
    )
    slabs = open_matrix(spec).slabs(1)
    assert type(slabs).__name__ == "ReadersApart"
    assert_bits_equal(together(slabs, 2), M)


def test_more_chunks_than_a_table_is_made_of(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_slabs, "_MOST_CHUNKS", 5)
    M = sample()
    spec = write_hdf5(tmp_path / "M.h5", lambda f: f.create_dataset("M", data=M, chunks=(5, 23)))
    slabs = open_matrix(spec).slabs(1)
    assert type(slabs).__name__ == "ReadersApart"
    assert_bits_equal(together(slabs), M)
