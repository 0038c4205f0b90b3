"""HDF5 files that name other files."""

import os

import h5py
import numpy as np
import pytest
from matrix_files import sample, write_hdf5
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestOtherFiles:
    """Files that name other files: here pipes, which would hang whoever opens them."""

    @pytest.fixture
    def pipe(self, tmp_path):
        os.mkfifo(tmp_path / "other.h5")
        return str(tmp_path / "other.h5")

    @pytest.fixture
    def fills(self, pipe):
        def virtual(file):
            layout = h5py.VirtualLayout((4, 4), "f8")
            layout[:] = h5py.VirtualSource(pipe, "M", (4, 4))
            file.create_virtual_dataset("M", layout)

        def growing(file):
            layout = h5py.VirtualLayout((4, 4), "f8", maxshape=(None, 4))
            source = h5py.VirtualSource(pipe, "M", (4, 4), maxshape=(None, 4))
            layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
            file.create_virtual_dataset("M", layout)

        def sparse(file):
            file.attrs["encoding-type"], file.attrs["shape"] = "csr_matrix", np.array([4, 4])
            file["indices"], file["indptr"] = np.zeros(0, int), np.zeros(5, int)
            file["data"] = h5py.ExternalLink(pipe, "/data")

        return {
            "external link": lambda f: f.update({"M": h5py.ExternalLink(pipe, "/M")}),
            "link to a link": lambda f: f.update(
                {"far": h5py.ExternalLink(pipe, "/"), "M": h5py.SoftLink("/far/M")}
            ),
            "external storage": lambda f: f.create_dataset(
                "M", (4, 4), "f8", external=[(pipe, 0, 128)]
            ),
            "virtual": virtual,
            "virtual that grows": growing,
            "part of a sparse matrix": sparse,
        }

    @pytest.mark.parametrize(
        "name",
        [
            "external link",
            "link to a link",
            "external storage",
            "virtual",
            "virtual that grows",
            "part of a sparse matrix",
        ],
    )
    def test_they_are_not_opened(self, name, fills, tmp_path):
        spec = write_hdf5(tmp_path / "M.h5", fills[name])
        dataset = "" if name == "part of a sparse matrix" else ":/M"
        refusal(spec + dataset, DataError, "--follow-links")

    @pytest.mark.parametrize("name", ["external link", "virtual", "virtual that grows"])
    def test_nor_to_list_what_a_file_holds(self, name, fills, tmp_path):
        spec = write_hdf5(tmp_path / "M.h5", fills[name])
        refusal(spec, DataError, "/M is a (link to|virtual dataset).*: pass --follow-links")
        both = write_hdf5(tmp_path / "B.h5", lambda f: (fills[name](f), f.move("M", "A"),
                                                        fills[name](f)))  # fmt: skip
        listed = "2 parts of other files: name one .*--follow-links; it holds /A [(].*/M [(]"
        refusal(both, DataError, listed)

    def test_they_are_followed_when_asked_for(self, tmp_path):
        M = sample()
        other = write_hdf5(tmp_path / "real.h5", lambda f: f.update({"M": M}))
        (tmp_path / "raw").write_bytes(M.tobytes())
        layout = h5py.VirtualLayout(M.shape, "f8")
        layout[:] = h5py.VirtualSource(other, "M", M.shape)

        def fill(file):
            file["link"] = h5py.ExternalLink("real.h5", "/M")
            file["far"], file["soft"] = h5py.ExternalLink("real.h5", "/"), h5py.SoftLink("/far/M")
            file.create_virtual_dataset("virtual", layout)
            external = [(str(tmp_path / "raw"), 0, M.nbytes)]
            file.create_dataset("external", M.shape, "f8", external=external)

        spec = write_hdf5(tmp_path / "M.h5", fill)
        for name in ("link", "soft", "virtual", "external"):
            source = open_matrix(f"{spec}:/{name}", follow_links=True)
            np.testing.assert_array_equal(source.read(), M)

    def test_soft_links_in_a_circle(self, tmp_path):
        spec = write_hdf5(
            tmp_path / "M.h5",
            lambda f: f.update({"a": h5py.SoftLink("/b"), "b": h5py.SoftLink("/a")}),
        )
        refusal(f"{spec}:/a", DataError, "leads to itself")
