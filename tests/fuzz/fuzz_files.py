"""Small valid files of every kind that mfact reads, and what is done to break them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import scipy.sparse
from fuzz_checksums import find_checksums, repair_checksums

# Values that lengths, offsets and counts go wrong at.
TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)


@dataclass(frozen=True)
class Seed:
    """A valid file: its bytes, the datasets to ask for (None: without a
    name), where HDF5 keeps checksums of its metadata, and how it is injured inside."""

    name: str
    content: bytes
    datasets: tuple[str | None, ...] = (None,)
    checksums: tuple[tuple[int, int], ...] = ()
    inside: Callable[[np.random.Generator, bytes], bytes] | None = None


def seeds(folder: Path) -> list[Seed]:
    """One seed a kind of file, written in folder and read back."""
    rng = np.random.default_rng(1806)
    M = np.round(rng.standard_normal((12, 9)), 2) * (rng.random((12, 9)) < 0.5)
    return [
        *(Seed(name, content) for name, content in _numpy_files(M).items()),
        *(Seed(name, content) for name, content in _text_files(M).items()),
        *_hdf5_files(M, folder),
    ]


def _bytes_of(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _numpy_files(M: np.ndarray) -> dict[str, bytes]:
    kinds = {"f8": M, "f4-fortran": np.asfortranarray(M, "f4"), "i2-big": M.astype(">i2")}
    files = {f"{name}.npy": _bytes_of(lambda s, A=A: np.save(s, A)) for name, A in kinds.items()}
    files["object.npy"] = _bytes_of(lambda s: np.save(s, np.array([[1, {}]], object)))
    files["stored.npz"] = _bytes_of(lambda s: np.savez(s, M=M, labels=np.arange(3)))
    files["deflated.npz"] = _bytes_of(lambda s: np.savez_compressed(s, M=np.asfortranarray(M)))
    for form in ("csr", "csc", "coo"):
        S = scipy.sparse.csr_array(M).asformat(form)
        files[f"{form}.npz"] = _bytes_of(
            lambda s, S=S: scipy.sparse.save_npz(s, S, compressed=False)
        )
    return files


def _text_files(M: np.ndarray) -> dict[str, bytes]:
    square = M[:9] + M[:9].T
    sparse = scipy.sparse.coo_array(M)
    return {
        "array.mtx": _bytes_of(lambda s: scipy.io.mmwrite(s, M)),
        "coordinate.mtx": _bytes_of(lambda s: scipy.io.mmwrite(s, sparse)),
        "symmetric.mtx": _bytes_of(
            lambda s: scipy.io.mmwrite(s, scipy.sparse.coo_array(square), symmetry="symmetric")
        ),
        "integer.mtx": _bytes_of(lambda s: scipy.io.mmwrite(s, sparse.astype(np.int64))),
    }


def _hdf5_files(M: np.ndarray, folder: Path) -> list[Seed]:
    found = []
    for libver in ("earliest", "latest"):
        for name, (fill, datasets) in _FILLS.items():
            path = folder / f"{name}-{libver}.h5"
            with h5py.File(path, "w", libver=libver) as file:
                fill(file, M)
            content = path.read_bytes()
            found.append(Seed(path.name, content, datasets, find_checksums(content)))
    return found


def _contiguous(file: h5py.File, M: np.ndarray) -> None:
    file["group/M"] = M
    file["labels"] = np.arange(5)
    file["soft"] = h5py.SoftLink("/group/M")


def _chunked(file: h5py.File, M: np.ndarray) -> None:
    options = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    file.create_dataset("M", data=M.astype(">f4"), chunks=(5, 4), **options)


def _other_filters(file: h5py.File, M: np.ndarray) -> None:
    file.create_dataset("lzf", data=M, chunks=(12, 1), compression="lzf")
    whole = (10 * M).astype(np.int32)
    file.create_dataset("scaled", data=whole, chunks=(6, 9), scaleoffset=0, maxshape=(None, 9))
    file["flags"] = M > 0


def _compact(file: h5py.File, M: np.ndarray) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(M.shape)
    dataset = h5py.h5d.create(file.id, b"M", h5py.h5t.NATIVE_DOUBLE, space, properties)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(M))


def _matlab(file: h5py.File, M: np.ndarray) -> None:
    file["M"] = np.ascontiguousarray(M.T)
    file["M"].attrs["MATLAB_class"] = np.bytes_("double")
    S = scipy.sparse.csc_array(M)
    group = file.create_group("S")
    group.attrs["MATLAB_sparse"] = np.uint64(M.shape[0])
    group.attrs["MATLAB_class"] = np.bytes_("double")
    group["data"], group["ir"] = S.data, S.indices.astype("u8")
    group["jc"] = S.indptr.astype("u8")


def _h5ad(file: h5py.File, M: np.ndarray) -> None:
    S = scipy.sparse.csr_array(M.astype("f4"))
    file.attrs["encoding-type"] = "anndata"
    group = file.create_group("X")
    group.attrs["encoding-type"] = "csr_matrix"
    group.attrs["shape"] = np.array(S.shape)
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=getattr(S, name), chunks=(8,), compression="gzip")
    file.create_dataset("obs/_index", data=[f"cell {i}" for i in range(M.shape[0])])
    file.create_group("var")
    file["layers/dense"] = M


def _tenx(file: h5py.File, M: np.ndarray) -> None:
    S = scipy.sparse.csc_array((10 * abs(M)).astype(np.int32))
    group = file.create_group("matrix")
    group["data"], group["indices"] = S.data, S.indices.astype("i8")
    group["indptr"], group["shape"] = S.indptr.astype("i8"), np.array(S.shape, "i4")
    group["barcodes"] = np.array([b"AAAC-1"] * S.shape[1])


def _named_files(file: h5py.File, M: np.ndarray) -> None:
    file["far"] = h5py.ExternalLink("/etc/hostname", "/M")
    file.create_dataset("outside", M.shape, "f8", external=[("/etc/passwd", 0, M.nbytes)])
    layout = h5py.VirtualLayout(M.shape, "f8")
    layout[:] = h5py.VirtualSource("/etc/group", "M", M.shape)
    file.create_virtual_dataset("virtual", layout)


_FILLS: dict[str, tuple[Callable[[h5py.File, np.ndarray], None], tuple[str | None, ...]]] = {
    "contiguous": (_contiguous, (None, "/group/M", "/soft")),
    "chunked": (_chunked, (None,)),
    "filters": (_other_filters, (None, "/lzf", "/scaled", "/flags")),
    "compact": (_compact, (None,)),
    "matlab": (_matlab, (None, "/M", "/S")),
    "h5ad": (_h5ad, (None, "/layers/dense")),
    "10x": (_tenx, (None,)),
    "named-files": (_named_files, (None, "/far", "/outside", "/virtual")),
}


def mutate(rng: np.random.Generator, seed: Seed, other: Seed) -> bytes:
    """A seed after one to four random injuries; other: a second file to take pieces from.

    Checksums would stop most injuries at the door of the reader. So half of the HDF5 files have
    theirs made right again, and half of the zips are injured inside before they are packed.
    """
    repair = rng.random() < 0.5
    if repair and seed.inside:
        return seed.inside(rng, seed.content)
    if repair and seed.content.startswith(b"PK"):
        return _injure_members(rng, seed.content, other.content)
    broken = bytearray(seed.content)
    _injure(rng, broken, other.content)
    if repair and seed.checksums and len(broken) == len(seed.content):
        repair_checksums(broken, seed.checksums)
    return bytes(broken)


def _injure(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    kinds = _INJURIES if rng.random() < 0.3 else _INJURIES_IN_PLACE
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        if broken:
            kinds[int(rng.integers(len(kinds)))](rng, broken, other)


def _injure_members(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(packed, "w") as broken:
        for info in whole.infolist():
            member = bytearray(whole.read(info))
            if rng.random() < 0.5:
                _injure(rng, member, other)
            broken.writestr(info, bytes(member))
    return packed.getvalue()


def _flip_bits(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 9))):
        broken[int(rng.integers(len(broken)))] ^= 1 << int(rng.integers(8))


def _set_bytes(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 5))):
        broken[int(rng.integers(len(broken)))] = int(rng.integers(256))


def _set_number(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    width = int(rng.choice([1, 2, 4, 8]))
    at = int(rng.integers(len(broken)))
    value = TELLING[int(rng.integers(len(TELLING)))] & ((1 << 8 * width) - 1)
    piece = value.to_bytes(width, "little" if rng.random() < 0.8 else "big")
    broken[at : at + width] = piece[: len(broken) - at]


def _truncate(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    del broken[int(rng.integers(len(broken))) :]


def _cut_out(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(broken)))
    del broken[at : at + int(rng.integers(1, 64))]


def _repeat(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    at, to = (int(rng.integers(len(broken))) for _ in range(2))
    piece = broken[at : at + int(rng.integers(1, 256))]
    broken[to : to + (len(piece) if rng.random() < 0.5 else 0)] = piece


def _splice(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(broken)))
    start = at if rng.random() < 0.5 else int(rng.integers(len(other)))
    if rng.random() < 0.5:
        broken[at:] = other[start:]
    else:
        length = int(rng.integers(1, 512))
        broken[at : at + length] = other[start : start + length]


_INJURIES_IN_PLACE = (_flip_bits, _set_bytes, _set_number)
_INJURIES = (*_INJURIES_IN_PLACE, _truncate, _cut_out, _repeat, _splice)
