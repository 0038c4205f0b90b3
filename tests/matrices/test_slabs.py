"""A matrix read slab by slab is the matrix that was written, in every form of file."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import FORMS, KINDS, sample, write_hdf5
from slabbed import assert_bits_equal, count, together

from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

WHOLE = [name for name, form in FORMS.items() if form.sparse or form.format == "npz"]
IN_PARTS = [name for name in FORMS if name not in WHOLE]
MANY_KINDS = [(name, kind) for name in IN_PARTS for kind in KINDS]
BY_LIBRARY = {
    "column chunks": "ReadersApart",  # lzf
    "zarr": "ReadersApart",
    "zarr zip": "ReadersApart",
    "zarr raw": "ChunkFiles",
}
BY_OFFSET = {"npy": "Contiguous", "npy fortran": "Contiguous", "contiguous": "Contiguous",
             "by soft link": "Contiguous", "matlab": "Contiguous",
             "matlab with its user block": "Contiguous"}  # fmt: skip


@pytest.mark.parametrize("name", IN_PARTS)
@pytest.mark.parametrize("threads", [1, 3])
def test_slabs_are_the_matrix(name, threads, tmp_path):
    M = sample()
    slabs = open_matrix(FORMS[name].write(tmp_path, M)).slabs(700)
    assert type(slabs).__name__ == {**BY_LIBRARY, **BY_OFFSET}.get(name, "Chunked")
    assert (slabs.shape, slabs.stored) == ((37, 23), np.float64)
    assert count(slabs) > 3
    assert_bits_equal(together(slabs, threads), M)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), MANY_KINDS)
def test_every_kind_of_number(name, kind, tmp_path):
    M = sample() > 0 if kind == "|b1" else sample(kind)
    slabs = open_matrix(FORMS[name].write(tmp_path, M)).slabs(300)
    assert_bits_equal(together(slabs), M.astype(kind))


@pytest.mark.parametrize("name", WHOLE)
def test_what_can_only_be_read_whole(name, tmp_path):
    source = open_matrix(FORMS[name].write(tmp_path, sample()))
    assert source.slabs(700) is None


def test_points_in_chunks_or_in_fortran_order_are_read_whole(tmp_path):
    np.save(tmp_path / "X.npy", np.asfortranarray(np.ones((5, 2, 3))))
    assert open_matrix(str(tmp_path / "X.npy"), points=True).slabs(700) is None
    spec = write_hdf5(tmp_path / "X.h5", lambda f: f.update({"X": np.ones((5, 2, 3))}))
    assert open_matrix(spec, points=True).slabs(700) is None


@pytest.mark.parametrize("name", ["npy", "npy fortran", "tiles", "column chunks", "matlab chunked"])
def test_places_are_those_of_the_matrix(name, tmp_path):
    M = np.arange(37.0 * 23).reshape(37, 23)
    slabs = open_matrix(FORMS[name].write(tmp_path, M)).slabs(700)
    with slabs.opened(1) as file:
        for slab in range(count(slabs)):
            part = file.fetch(slab, np.empty(slabs.room, np.uint8))
            for index in np.ndindex(part.shape):
                assert M[slabs.place(slab, index)] == part[index]


def test_the_truth_of_numbers_that_are_not_numbers(tmp_path):
    M = np.array([[np.nan, -0.0], [-np.inf, 5e-324]])
    np.save(tmp_path / "M.npy", M)
    assert_bits_equal(together(open_matrix(str(tmp_path / "M.npy")).slabs(16)), M)


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    kind=st.sampled_from(KINDS),
    order=st.sampled_from("CF"),
    block=st.sampled_from([1, 100, 999, 1 << 20]),
    threads=st.sampled_from([1, 3]),
)
def test_npy_of_any_shape(tmp_path_factory, shape, kind, order, block, threads):
    M = np.asarray(sample(shape=shape).astype(kind), order=order)
    path = tmp_path_factory.mktemp("slabs") / "M.npy"
    np.save(path, M)
    slabs = open_matrix(str(path)).slabs(block)
    line = M.itemsize * shape[0 if slabs.columns else 1]
    # A matrix of one row or column is in both orders.
    assert slabs.columns == (order == "F" and min(shape) > 1)
    assert slabs.room <= max(block, line)
    assert slabs.file_bytes == M.nbytes
    assert_bits_equal(together(slabs, threads), M)


class TestOtherHolders:
    """Values in other files, and none at all."""

    def fill(self, folder, M):
        (folder / "raw").write_bytes(M.tobytes())
        write_hdf5(folder / "real.h5", lambda f: f.update({"M": M}))
        with h5py.File(folder / "block.h5", "w", userblock_size=1024) as file:
            file.create_dataset("M", data=M, chunks=(5, 6), compression="gzip")
        layout = h5py.VirtualLayout(M.shape, "f8")
        layout[:] = h5py.VirtualSource(folder / "real.h5", "M", M.shape)

        def fill(file):
            file["contiguous"] = h5py.ExternalLink("real.h5", "/M")
            file["chunked"] = h5py.ExternalLink("block.h5", "/M")
            file.create_virtual_dataset("virtual", layout)
            external = [(str(folder / "raw"), 0, M.nbytes)]
            file.create_dataset("external", M.shape, "f8", external=external)
            file.create_dataset("nothing", M.shape, "f8", fillvalue=3)
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_layout(h5py.h5d.COMPACT)
            _create(file, b"compact", M, h5py.h5t.IEEE_F64LE, properties)
            shifted = h5py.h5t.STD_I16LE.copy()
            shifted.set_precision(12)
            shifted.set_offset(2)
            _create(file, b"shifted", M, shifted)

        return write_hdf5(folder / "M.h5", fill)

    @pytest.mark.parametrize(
        ("name", "way"),
        [
            ("contiguous", "Contiguous"),
            ("chunked", "Chunked"),
            ("virtual", "ReadersApart"),
            ("external", "ReadersApart"),
            ("nothing", "ReadersApart"),
            ("compact", "ReadersApart"),
            ("shifted", "ReadersApart"),
        ],
    )
    def test_they_are_read_where_they_are(self, name, way, tmp_path):
        M = sample()
        spec = self.fill(tmp_path, M)
        slabs = open_matrix(f"{spec}:/{name}", follow_links=True).slabs(700)
        assert type(slabs).__name__ == way
        truth = np.full_like(M, 3) if name == "nothing" else M
        np.testing.assert_array_equal(together(slabs, 2), truth)


def _create(file, name, M, kind, properties=None):
    dataset = h5py.h5d.create(file.id, name, kind, h5py.h5s.create_simple(M.shape), properties)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, M)
