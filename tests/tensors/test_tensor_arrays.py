"""NPZ files of weights: the same bits as NumPy reads, and back as they were."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mfact.errors import DataError, MemoryPlanError, StorageError
from mfact.matrices.seen import Seen
from mfact.tensors.arrays import open_npz

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

DTYPES = st.sampled_from(
    ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2", "<i8", ">i4", "<i2", "i1", "<u8", ">u2", "u1", "?"]
)
ARRAYS = npst.arrays(DTYPES.map(np.dtype), npst.array_shapes(min_dims=0, max_dims=5, min_side=0))
NAMES = st.sampled_from(["fc.weight", "fc.bias", "a/b", "", "é", "arr_0"])


def opened(path, content=None):
    if content is not None:
        path.write_bytes(content)
    return open_npz(Seen.of(path), path.name)


def saved(save=np.savez, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


@given(
    tensors=st.dictionaries(NAMES, ARRAYS, max_size=4),
    save=st.sampled_from([np.savez, np.savez_compressed]),
    turned=st.booleans(),
)
def test_what_numpy_wrote_is_read_as_it_reads_it(tmp_path_factory, tensors, save, turned):
    tensors = {name: W.T if turned else W for name, W in tensors.items()}
    path = tmp_path_factory.mktemp("numpy") / "w.npz"
    state = opened(path, saved(save, **tensors))
    assert [tensor.name for tensor in state.tensors] == list(tensors)
    for tensor, W in zip(state.tensors, tensors.values(), strict=True):
        read = tensor.values()
        assert (tensor.kind, tensor.shape) == (W.dtype.name, W.shape)
        assert (read.dtype, read.shape) == (W.dtype.newbyteorder("="), W.shape)
        assert read.tobytes() == W.astype(read.dtype).tobytes()
    assert state.rewritten({}) == path.read_bytes()


def test_what_a_file_says_of_itself(tmp_path):
    left = {
        "optimizer": np.array([{}], object), "names": np.array(["fc"]), "z": np.ones(2, complex),
        "raw": np.zeros(3, "V2"), "long": np.ones(2, np.longdouble), "when": np.array([0], "M8[s]"),
    }  # fmt: skip
    state = opened(tmp_path / "w.npz", saved(fc=np.ones((2, 3), "f4"), step=np.array(5), **left))
    assert (state.form, state.in_order) == ("npz", False)
    assert [(t.name, t.kind, t.shape) for t in state.tensors] == [
        ("fc", "float32", (2, 3)),
        ("step", "int64", ()),
    ]
    assert state.left == (
        "optimizer (Python objects, which are never unpickled)", "names (strings)",
        "z (complex numbers)", "raw (2-byte values without a kind, perhaps bfloat16)",
        f"long ({np.dtype(np.longdouble)})", "when (dates)",
    )  # fmt: skip


class TestRewritten:
    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_one_array_changes_and_keeps_its_kind_and_order(self, tmp_path, save, dtype, order):
        rng = np.random.default_rng(1)
        W = np.asarray(rng.standard_normal((3, 2, 4)), dtype, order=order)
        rest = {"before": np.arange(5), "after": np.asfortranarray(rng.random((2, 2)))}
        state = opened(tmp_path / "w", saved(save, before=rest["before"], W=W, after=rest["after"]))
        new = rng.standard_normal(W.shape)
        image = state.rewritten({"W": new})
        truth = np.asarray(new.astype(dtype), order=order)
        assert image == saved(save, before=rest["before"], W=truth, after=rest["after"])

    def test_members_that_are_no_arrays_stay(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "w", "w") as archive:
            archive.writestr("README", b"kept")
            archive.writestr("W", b"not the array")
            archive.writestr("W.npy", saved_array(np.ones(3)), zipfile.ZIP_DEFLATED)
        state = opened(tmp_path / "w")
        with zipfile.ZipFile(io.BytesIO(state.rewritten({"W": np.arange(3.0)}))) as archive:
            assert archive.namelist() == ["README", "W", "W.npy"]
            assert (archive.read("README"), archive.read("W")) == (b"kept", b"not the array")
            assert archive.read("W.npy") == saved_array(np.arange(3.0))
            kinds = [info.compress_type for info in archive.infolist()]
            assert kinds == [zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]

    def test_what_does_not_fit_its_kind(self, tmp_path):
        state = opened(tmp_path / "w.npz", saved(W=np.ones(3, "f2")))
        with pytest.raises(DataError, match=r"w.npz:W would hold 1e\+05, .* fit float16: save"):
            state.rewritten({"W": np.array([1, 1e5, 1])})


def saved_array(W):
    stream = io.BytesIO()
    np.save(stream, W)
    return stream.getvalue()


def zip_of(*members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def header_of(shape, extra=b""):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + extra


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_refused(tmp_path):
    sparse = io.BytesIO()
    scipy.sparse.save_npz(sparse, scipy.sparse.csr_array(np.eye(3)))
    W = saved_array(np.ones(2))
    for content, kind, said in [
        (zip_of(("W.npy", W), ("W.npy", W)), DataError, "w.npz holds W twice: write it with"),
        (sparse.getvalue(), DataError, "w.npz is one sparse matrix, and a network has several"),
        (zip_of(("W.npy", header_of((10**6, 10**6), bytes(64)))), StorageError, "w.npz:W is trunc"),
        (zip_of(("W.npy", header_of((0, 2**62)))), DataError, "w.npz:W has lengths that no array"),
        (zip_of(("W.npy", header_of((1,) * 65, bytes(8)))), DataError, "w.npz:W has 65 dimens"),
        (zip_of(("W.npy", W))[:-9], StorageError, "w.npz cannot be read as NPZ: File is not a zip"),
    ]:
        with pytest.raises(kind) as caught:
            opened(tmp_path / "w.npz", content)
        assert str(caught.value).startswith(said)
        assert caught.value.way_out


def test_a_bomb_is_refused_by_the_size_that_it_declares(tmp_path, monkeypatch):
    content = saved(np.savez_compressed, W=np.zeros(10**6))
    assert len(content) < 10**4
    state = opened(tmp_path / "w.npz", content)
    monkeypatch.setattr("mfact.matrices.values.available_bytes", lambda: 5 * 10**6)
    with pytest.raises(MemoryPlanError, match=r"w.npz:W needs .* of memory .*: free memory"):
        state.named["W"].values()


def test_a_changed_byte_is_found(tmp_path):
    content = bytearray(saved(W=np.ones(10_000)))  # too long to be read along with its header
    content[40_000] ^= 1
    state = opened(tmp_path / "w.npz", bytes(content))
    for read in (state.named["W"].values, lambda: state.rewritten({})):
        with pytest.raises(StorageError, match="Bad CRC-32"):
            read()


def test_a_file_that_changed_since_it_was_opened(tmp_path):
    state = opened(tmp_path / "w.npz", saved(W=np.ones(100)))
    opened(tmp_path / "w.npz", saved(W=np.ones(101)))
    with pytest.raises(StorageError, match=r"w.npz:W was changed while it was read: run again"):
        state.named["W"].values()


@pytest.mark.parametrize(("names", "kept"), [("ba", True), ("ab", False), (("10.w", "2.w"), False)])
def test_an_order_of_names_is_not_one_of_layers(tmp_path, names, kept):
    np.savez(tmp_path / "w.npz", **{name: np.ones((2, 2)) for name in names})
    assert opened(tmp_path / "w.npz").in_order == kept
