"""NPY and NPZ files of kinds that NumPy has no number for, and of records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from matrix_files import sample
from npy_by_hand import by_hand
from refusals import refusal
from slabbed import together
from ways_out import saved_by

from mfact.errors import DataError
from mfact.matrices.arrays import laid
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def bits(M):
    """bfloat16, as the upper halves of float32."""
    return (np.asarray(M, "f4").view("u4") >> 16).astype("u2")


def values(raw):
    return (raw.astype("u4") << 16).view("f4")


class TestBfloat16:
    @pytest.mark.parametrize("descr", ["<V2", "|V2", "bfloat16"])
    @pytest.mark.parametrize("fortran", [False, True])
    def test_it_is_read_as_float32(self, descr, fortran, tmp_path):
        raw = bits(sample("f4") / 7)
        source = open_matrix(str(by_hand(tmp_path / "M.npy", descr, raw, fortran)))
        assert (source.stored_dtype, source.order) == ("bfloat16", "F" if fortran else "C")
        np.testing.assert_array_equal(source.read(), values(raw))
        np.testing.assert_array_equal(source.read("float32"), values(raw))
        note = "M.npy: 2-byte values without a kind, read as bfloat16"
        assert [text.endswith(note) for text in source.notes] == [True] * (descr != "bfloat16")

    @given(
        raw=npst.arrays("u2", npst.array_shapes(min_dims=2, max_dims=2, max_side=20)),
        fortran=st.booleans(),
        block=st.sampled_from([2, 30, 1 << 20]),
    )
    def test_every_pattern_of_bits(self, raw, fortran, block, tmp_path_factory):
        truth = values(raw)
        path = by_hand(tmp_path_factory.mktemp("bits") / "M.npy", "<V2", raw, fortran)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(laid, "BLOCK_BYTES", block)
            if np.isfinite(truth).all():
                np.testing.assert_array_equal(open_matrix(str(path)).read(), truth)
            else:
                count = np.count_nonzero(~np.isfinite(truth))
                held = "has a value that is" if count == 1 else f"has {count} values that are"
                refusal(path, DataError, f"{held} not finite", read=True)

    @pytest.mark.parametrize("fortran", [False, True])
    def test_its_slabs_are_float32(self, fortran, tmp_path):
        raw = bits(sample("f4") / 7)
        slabs = open_matrix(str(by_hand(tmp_path / "M.npy", "<V2", raw, fortran))).slabs(200)
        assert len(slabs.cuts) > 5
        A = together(slabs)
        assert A.dtype == np.float32
        np.testing.assert_array_equal(A, values(raw))

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_a_member_of_an_npz(self, save, tmp_path):
        raw = bits(sample("f4") / 7)
        save(tmp_path / "M.npz", M=raw.view("V2"), b=np.ones(3))
        source = open_matrix(str(tmp_path / "M.npz"))
        assert (source.dataset, source.stored_dtype) == ("M", "bfloat16")
        np.testing.assert_array_equal(source.read(), values(raw))


def twenty_four_bits(M):
    raw = np.ascontiguousarray(M, "<i4").view("u1").reshape(*M.shape, 4)[..., :3]
    return np.ascontiguousarray(raw).view("V3")[..., 0]


class TestNamed:
    @pytest.mark.parametrize(
        ("descr", "size", "said"),
        [
            ("float8_e4m3fn", 1, "kind float8_e4m3fn, which is not read"),
            ("float8_e5m2", 1, "kind float8_e5m2, which is not read"),
            ("int4", 1, "kind int4, which is not read"),
            ("<V1", 1, "1-byte values without a kind, perhaps float8 or int4"),
            ("|V3", 3, "3-byte values without a kind, perhaps 24-bit integers"),
            ("|V4", 4, "4-byte values without a kind"),
            ("|V7", 7, "7-byte values without a kind"),
            ("<f12", 12, "kind float96, which is not read"),
            ("<c24", 24, "kind complex192, which is not read"),
        ],
    )
    def test_other_kinds_are_named_with_a_way_out(self, descr, size, said, tmp_path):
        path = by_hand(tmp_path / "M.npy", descr, np.zeros((3, 2), f"V{size}"))
        error = refusal(path, DataError, said)
        assert "structured" not in str(error)

    def test_a_kind_that_numpy_knows_by_another_name(self, tmp_path):
        M = sample("f4")
        source = open_matrix(str(by_hand(tmp_path / "M.npy", "float32", M)))
        assert source.stored_dtype == "<f4"
        np.testing.assert_array_equal(source.read(), M)

    def test_24_bit_integers_are_saved_as_the_way_out_says(self, tmp_path):
        M = np.array([[0, -1, 1], [8388607, -8388608, -12345]])
        np.save(tmp_path / "raw.npy", twenty_four_bits(M))
        error = refusal(tmp_path / "raw.npy", DataError, "3-byte values")
        np.testing.assert_array_equal(saved_by(error.way_out, tmp_path), M)

    @pytest.mark.parametrize("kind", ["f4", "f8"])
    def test_a_view_of_floats_is_saved_as_the_way_out_says(self, kind, tmp_path):
        M = sample(kind)
        np.save(tmp_path / "raw.npy", M.view(f"V{M.itemsize}"))
        error = refusal(tmp_path / "raw.npy", DataError, "-byte values without a kind")
        np.testing.assert_array_equal(saved_by(error.way_out, tmp_path), M)

    @pytest.mark.parametrize("member", ["", "x"])
    def test_complex_numbers_and_long_doubles_are_saved_as_the_way_out_says(self, member, tmp_path):
        M = sample()
        for array in (M + 1j, M.astype(np.longdouble)):
            path = tmp_path / ("raw.npz" if member else "raw.npy")
            np.savez(path, x=array) if member else np.save(path, array)
            error = refusal(path, DataError, r"complex numbers \(complex128\)|long doubles")
            np.testing.assert_array_equal(saved_by(error.way_out, tmp_path), M)


class TestChoice:
    def test_text_and_objects_are_set_aside(self, tmp_path):
        np.savez(
            tmp_path / "M.npz", X=sample(), columns=np.array([["a", "b"]]), scale=np.array([[2.0]]),
            meta=np.array({"a": 1}), ids=np.arange(37),
        )  # fmt: skip
        source = open_matrix(str(tmp_path / "M.npz"))
        assert source.dataset == "X"
        np.testing.assert_array_equal(source.read(), sample())
        error = refusal(f"{tmp_path / 'M.npz'}:/Z", DataError, "no member /Z")
        assert "columns" not in error.way_out
        assert "meta" not in error.way_out

    def test_what_was_left_is_told(self, tmp_path):
        np.savez(tmp_path / "M.npz", X=sample(), small=np.ones((2, 2, 2)))
        (note,) = open_matrix(str(tmp_path / "M.npz")).notes
        assert note.endswith("M.npz: took X (37×23 float64), not small (2×2×2 float64)")

    def test_one_hot_labels_beside_images(self, tmp_path):
        images = np.arange(50.0 * 4 * 5).reshape(50, 4, 5)
        np.savez(tmp_path / "M.npz", images=images, labels=np.eye(10)[np.arange(50) % 10])
        refusal(tmp_path / "M.npz", DataError, r"images \(50×4×5 float64\), which is larger")
        np.savez(tmp_path / "M.npz", images=images, labels=np.arange(50))
        error = refusal(tmp_path / "M.npz", DataError, "no 2-D numeric array")
        for part, truth in (("images[0]", images[0]), ("images[fold]", images.reshape(50, -1))):
            assert part in error.way_out
            source = open_matrix(f"{tmp_path / 'M.npz'}:/{part}")
            np.testing.assert_array_equal(source.read(), truth)

    @pytest.mark.parametrize("name", ["x", "/x", "a/x"])
    def test_names_as_they_are_typed(self, name, tmp_path):
        np.savez(tmp_path / "M.npz", **{"x": sample(), "a/x": sample() + 1, "x[0]": sample() + 2})
        M = open_matrix(str(tmp_path / "M.npz"), dataset=name).read()
        np.testing.assert_array_equal(M, sample() + ("a" in name))
        np.testing.assert_array_equal(
            open_matrix(f"{tmp_path / 'M.npz'}:/x[0]").read(), sample() + 2
        )
