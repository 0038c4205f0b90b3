"""Matrices in HDF5 and MATLAB files laid out as other programs write them, each by its own means.

M is 8×5 of whole numbers from 0 on, some of them zero. A writer gets an open file and M.
"""

from __future__ import annotations

import h5py
import numpy as np
import scipy.sparse

ROWS, COLUMNS = [f"r{i}" for i in range(8)], [f"c{i}" for i in range(5)]


def matrix():
    rng = np.random.default_rng(1806)
    return (rng.integers(1, 90, (8, 5)) * (rng.random((8, 5)) < 0.6)).astype("f8")


def compressed(group, M, major="csr", names=("data", "indices", "indptr")):
    S = scipy.sparse.csr_array(M).asformat(major)
    for name, array in zip(names, (S.data, S.indices, S.indptr), strict=True):
        group[name] = array


def dataset(file, name, data, **attributes):
    made = file.create_dataset(name, data=data)
    made.attrs.update(attributes)
    return made


def keras_weights(file, M):
    """Of Keras 2: a group a layer, in which its weights bear the name of the layer again."""
    file.attrs["layer_names"], file.attrs["backend"] = [b"dense", b"out"], b"tensorflow"
    file["dense/dense/kernel:0"], file["dense/dense/bias:0"] = M, np.zeros(5)
    file["out/out/kernel:0"], file["out/out/bias:0"] = np.ones((5, 2)), np.zeros(2)


def keras_images(file, M):
    """A convolution that is larger than the matrix behind it."""
    file["conv/kernel:0"], file["conv/bias:0"] = np.ones((3, 3, 1, 32)), np.zeros(32)
    file["dense/kernel:0"], file["dense/bias:0"] = M, np.zeros(5)


def gctx(file, M):
    """Of the Connectivity Map: samples × genes in the file, genes × samples to all who read it."""
    file.attrs["version"] = np.bytes_("GCTX1.0")
    file["0/DATA/0/matrix"] = M.T.astype("f4")
    file["0/META/ROW/id"], file["0/META/COL/id"] = np.bytes_(ROWS), np.bytes_(COLUMNS)
    file["0/META/ROW/pr_score"] = np.arange(8.0)


def biom(file, M):
    """BIOM 2.1: the same matrix by rows and by columns, its shape on the file."""
    file.attrs.update({"format-url": "http://biom-format.org", "format-version": [2, 1]})
    file.attrs.update({"type": "OTU table", "shape": M.shape, "nnz": np.count_nonzero(M)})
    for axis, major, ids in (("observation", "csr", ROWS), ("sample", "csc", COLUMNS)):
        file[f"{axis}/ids"] = ids
        compressed(file.create_group(f"{axis}/matrix"), M, major)


def square_of_h5sparse(file, M):
    """Of h5sparse before 0.1: only an attribute tells a square matrix from its transpose."""
    group = file.create_group("S")
    group.attrs["format"], group.attrs["shape"] = "csc", (5, 5)
    compressed(group, M[:5], "csc")


def tenx_of_r(file, M):
    """TENxMatrix of HDF5Array: genes beside barcodes, as Cell Ranger 2 has them."""
    group = file.create_group("mm10")
    compressed(group, M, "csc")
    group["shape"], group["genes"] = np.array(M.shape, "i4"), np.bytes_(ROWS)
    group["barcodes"], group["gene_names"] = np.bytes_(COLUMNS), np.bytes_(ROWS)


def cellbender(file, M):
    """The counts beside what was learned of them, which is larger."""
    tenx_of_r(file, M)
    file["droplet_latents/gene_expression_encoding"] = np.ones((50, 100))


def mudata(file, M):
    file.attrs["encoding-type"] = "MuData"
    for name, counts in (("rna", M), ("atac", M + 1)):
        group = file.create_group(f"mod/{name}/X")
        group.attrs.update({"encoding-type": "csr_matrix", "shape": M.shape})
        compressed(group, counts)
    file["obsm/X_umap"] = np.ones((8, 2))


def rhdf5(file, M):
    """Of R's rhdf5, which keeps NA among integers as the least of them."""
    dataset(file, "counts", M.T.astype("i4"), **{"rhdf5-NA.OK": np.int32([1])})


def rhdf5_with_na(file, M):
    rhdf5(file, M)
    file["counts"][2, 3] = -(2**31)


def netcdf_unwritten(file, M):
    """A variable of integers of which netCDF has filled the last row."""
    file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.2"
    made = file.create_dataset("count", (8, 5), "i4", fillvalue=-(2**31) + 1)
    made[:7] = M[:7]


def netcdf_ranged(file, M):
    """Counts of which one lies outside the range that its attributes call valid."""
    file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.2"
    dataset(file, "count", M.astype("i2"), valid_range=np.array([0, M.max() - 1], "i2"))


def netcdf_grouped(file, M):
    """Level 2 of a satellite: packed numbers in a group, and places of two dimensions."""
    file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.2"
    marks = {"scale_factor": np.float32(0.5), "add_offset": 2.0, "_FillValue": np.int16([-1])}
    made = dataset(file, "PRODUCT/column", (2 * (M - 2)).astype("i2"), **marks)
    made.attrs["coordinates"] = "longitude latitude"
    made[M == 0] = -4  # no fill
    for name in ("longitude", "latitude"):
        file[f"PRODUCT/{name}"] = np.ones((8, 5))


def hdf_eos(file, M):
    """A swath of HDF-EOS5, whose scale bears a name of its own."""
    file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_("GROUP=SwathStructure\n")
    field = "HDFEOS/SWATHS/O3/Data Fields/Column"
    dataset(file, field, M.astype("i2"), ScaleFactor=[0.01], Offset=[2.0])
    file["HDFEOS/SWATHS/O3/Geolocation Fields/Latitude"] = np.arange(8.0)


def nexus(file, M):
    """Which of three is meant is told by attributes, step by step."""
    file.attrs["default"] = "entry"
    entry = file.create_group("entry")
    entry.attrs.update({"NX_class": "NXentry", "default": "scan"})
    scan = entry.create_group("scan")
    scan.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["y", "x"]})
    scan["counts"], scan["counts_errors"], scan["mask"] = M, np.sqrt(M), M > 0
    scan["y"], scan["x"] = np.arange(8.0), np.arange(5.0)


def big_data_viewer(file, M):
    """The stack is in a deep group, and tables of its resolutions are the only matrices."""
    file["t00000/s00/0/cells"] = np.stack([M + 1, M]).astype("i2")
    file["s00/resolutions"] = np.array([[1.0, 1, 1], [2, 2, 1]])
    file["s00/subdivisions"] = np.array([[16, 16, 16], [8, 8, 8]])


def itk(file, M):
    file["ITKVersion"] = "5.3.0"
    file["ITKImage/0/VoxelData"] = np.stack([M, M + 1])
    file["ITKImage/0/Directions"], file["ITKImage/0/Origin"] = np.eye(3), np.zeros(3)


def ilastik(file, M):
    """An image with an axis for its only channel, which is the last."""
    tags = '{"axes": [{"key": "y"}, {"key": "x"}, {"key": "c"}]}'
    dataset(file, "exported_data", M[:, :, None], axistags=tags)


def image_with_palette(file, M):
    """As the HDF5 Image Specification has it."""
    dataset(file, "image", M.astype("u1"), CLASS=np.bytes_("IMAGE"))
    dataset(file, "palette", np.zeros((256, 3), "u1"), CLASS=np.bytes_("PALETTE"))


def of_matlab(group, name, M, kind="double"):
    mark = np.array([kind.encode()])  # an array of one text, as some writers keep it
    dataset(group, name, np.ascontiguousarray(np.asarray(M).T), MATLAB_class=mark)


def eeglab(file, M):
    """A struct of EEGLAB in a file of MATLAB v7.3: channels × times, and what was learned of it."""
    group = file.create_group("EEG")
    group.attrs["MATLAB_class"] = np.bytes_("struct")
    of_matlab(group, "data", np.stack([M, M + 1], axis=2).astype("f4"), "single")
    of_matlab(group, "icaweights", np.ones((6, 8)))
    of_matlab(group, "srate", [[250.0]])
    file["#refs#/a"] = np.ones((3, 3))


def jld2_sparse(file, M):
    """A SparseMatrixCSC of Julia: a record that refers to its arrays."""
    reference = h5py.ref_dtype
    arrays = [(name, reference) for name in ("colptr", "rowval", "nzval")]
    file.create_dataset("S", (), [("m", "i8"), ("n", "i8"), *arrays])
    file["_refs/1"], file["_refs/2"] = np.arange(6), np.arange(20.0)


def pandas_with_plugin(file, M):
    """A frame whose numbers and names are packed by a filter that is a plugin of HDF5."""
    import hdf5plugin

    group = file.create_group("df")
    group.attrs.update({"pandas_type": np.bytes_("frame"), "nblocks": np.int64(1)})
    names = {"axis0": COLUMNS, "axis1": ROWS, "block0_items": COLUMNS, "block0_values": M}
    for name, values in names.items():
        data = values if name == "block0_values" else np.bytes_(values)
        made = group.create_dataset(name, data=data, chunks=True, **hdf5plugin.Blosc())
        made.attrs.update({"kind": np.bytes_("string"), "transposed": np.int64(1)})


def odd_name(file, M):
    """What a shell, a colon or brackets could be taken for."""
    file["runs [old]/x:y#1 'z'"] = M


def never_written(file, M):
    file.create_dataset("M", (8, 5), "f8", chunks=(4, 5))
