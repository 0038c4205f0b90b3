"""Tensors of safetensors files as matrices."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from matrix_files import KINDS, Form, sample
from refusals import refusal
from slabbed import together
from tensor_files import entry, packed, safetensors_of

from mfact.errors import DataError, MfactError, StorageError
from mfact.matrices.decoding import from_bfloat16
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def save(folder, **tensors):
    path = folder / "M.safetensors"
    path.write_bytes(safetensors_of(tensors))
    return str(path)


class TestSafetensors(ReaderContract):
    # The format knows one order of bytes.
    kinds = tuple(kind for kind in KINDS if kind[0] != ">")
    forms = {  # noqa: RUF012
        "safetensors": Form(
            "safetensors",
            "C",
            lambda folder, M: save(folder, bias=np.ones(3), **{"layer.weight": M}),
            kinds,
        ),
    }


def test_what_the_library_wrote(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    tensors = {"a.weight": sample("f4"), "b/weight": sample("f2") + 1, "/c": sample() + 2}
    library.save_file(tensors, tmp_path / "M.safetensors", metadata={"format": "pt"})
    for name, W in tensors.items():
        for typed in (name, f"/{name.lstrip('/')}"):
            source = open_matrix(f"{tmp_path / 'M.safetensors'}::{typed}")
            assert source.stored_dtype == W.dtype.str
            np.testing.assert_array_equal(source.read(), W)
    refusal(tmp_path / "M.safetensors", DataError, "holds 3 matrices.*a.weight .37×23 float32")


@pytest.mark.slow  # torch is
def test_what_torch_wrote(tmp_path):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    W = torch.from_numpy(sample("f4") / 7).to(torch.bfloat16)
    conv = torch.arange(120.0).reshape(5, 4, 3, 2)
    library.save_file(
        {"W": W, "conv": conv, "f8": W.to(torch.float8_e4m3fn)}, tmp_path / "M.safetensors"
    )
    spec = f"{tmp_path / 'M.safetensors'}"
    source = open_matrix(f"{spec}:/W")
    assert source.stored_dtype == "bfloat16"
    np.testing.assert_array_equal(source.read(), W.float().numpy())
    np.testing.assert_array_equal(open_matrix(f"{spec}:/conv[1,2]").read(), conv[1, 2].numpy())
    np.testing.assert_array_equal(
        open_matrix(f"{spec}:/conv[fold]").read(), conv.reshape(5, -1).numpy()
    )
    refusal(f"{spec}:/f8", DataError, "f8 of the kind F8_E4M3, which is not read: convert such to")
    library.save_file({"f8": library.load_file(spec)["f8"].to(torch.bfloat16)}, spec)
    assert open_matrix(spec).shape == (37, 23)  # as that way out says


class TestBfloat16:
    RAW = np.random.default_rng(0).integers(0, 0x7F00, (40, 12), dtype="<u2")

    @pytest.fixture
    def spec(self, tmp_path):
        header = {"W": entry("BF16", [40, 12], 0, 960)}
        (tmp_path / "M.safetensors").write_bytes(packed(header, self.RAW.tobytes()))
        return str(tmp_path / "M.safetensors")

    def test_it_is_read_as_float32(self, spec):
        source = open_matrix(spec)
        assert (source.dataset, source.stored_dtype, source.notes) == ("W", "bfloat16", ())
        np.testing.assert_array_equal(source.read(), from_bfloat16(self.RAW))

    def test_its_slabs_are_float32(self, spec):
        slabs = open_matrix(spec).slabs(400)
        assert len(slabs.cuts) > 4
        np.testing.assert_array_equal(together(slabs, 2), from_bfloat16(self.RAW))

    def test_a_value_that_is_none_is_named_where_it_stands(self, tmp_path):
        raw = self.RAW.copy()
        raw[31, 7] = 0x7FC0
        header = {"W": entry("BF16", [40, 12], 0, 960)}
        (tmp_path / "M.safetensors").write_bytes(packed(header, raw.tobytes()))
        refusal(tmp_path / "M.safetensors", DataError, "nan, at row 31, column 7 ", read=True)


class TestChoice:
    def test_the_only_matrix_beside_vectors(self, tmp_path):
        source = open_matrix(save(tmp_path, b=np.ones(3), W=sample(), step=np.array(3)))
        assert (source.name, source.notes) == ("M.safetensors:W", ())

    def test_a_matrix_beside_a_larger_stack(self, tmp_path):
        spec = save(tmp_path, conv=np.ones((9, 9, 9)), W=np.ones((3, 2)))
        error = refusal(spec, DataError, "one matrix, W .3×2 float64., beside conv .9×9×9")
        assert "conv[0]" in error.way_out
        assert open_matrix(f"{spec}:/conv[0]").shape == (9, 9)

    def test_a_name_that_is_not_there(self, tmp_path):
        refusal(f"{save(tmp_path, W=sample())}:/V", DataError, "has no tensor /V: .*W .37×23")

    def test_a_literal_name_with_brackets(self, tmp_path):
        spec = save(tmp_path, **{"W": np.zeros((2, 3, 4)), "W[0]": sample()})
        np.testing.assert_array_equal(open_matrix(f"{spec}:/W[0]").read(), sample())
        assert open_matrix(f"{spec}:/W[1]").shape == (3, 4)

    def test_points(self, tmp_path):
        A = np.arange(24.0).reshape(2, 3, 4)
        np.testing.assert_array_equal(
            open_matrix(save(tmp_path, X=A), points=True).read(), A.reshape(2, 12)
        )

    def test_no_tensor_at_all(self, tmp_path):
        refusal(save(tmp_path), DataError, "holds no 2-D numeric tensor")

    @pytest.mark.parametrize("code", ["F8_E4M3", "F8_E5M2", "F4", "C64", "F8_E8M0"])
    def test_other_kinds_are_named_where_they_are_asked_for(self, code, tmp_path):
        W = entry("F32", [1, 2], 0, 8)
        content = packed({"W": W, "q": entry(code, [2, 2], 8, 12)}, bytes(12))
        (tmp_path / "M.safetensors").write_bytes(content)
        assert open_matrix(str(tmp_path / "M.safetensors")).dataset == "W"
        refusal(f"{tmp_path / 'M.safetensors'}:/q", DataError, f"q of the kind {code}, which")


class TestDamaged:
    def test_any_cut(self, tmp_path):
        content = safetensors_of({"W": sample()})
        for size in (9, 12, 60, 100, len(content) - 1):
            (tmp_path / "M").write_bytes(content[:size])
            refusal(tmp_path / "M", StorageError, "truncated")

    @pytest.mark.parametrize("seed", range(3))
    def test_changed_bytes_end_in_one_line_or_in_numbers(self, seed, tmp_path):
        content = np.frombuffer(safetensors_of({"W": sample("f4"), "b": np.ones(3)}), np.uint8)
        rng, said = np.random.default_rng(seed), []
        for _ in range(150):
            changed = content.copy()
            changed[rng.integers(0, 160, 2)] = rng.integers(0, 256, 2)
            (tmp_path / "M").write_bytes(changed.tobytes())
            try:
                open_matrix(str(tmp_path / "M")).read()
            except MfactError as error:
                said.append((str(error), error.way_out))
        assert said
        assert all(sentence.isprintable() and way_out for sentence, way_out in said)

    def test_another_file_of_the_same_length(self, tmp_path):
        source = open_matrix(save(tmp_path, W=sample()))
        (tmp_path / "M.safetensors").unlink()
        save(tmp_path, W=sample() + 1)
        for read in (source.read, lambda: together(source.slabs(500))):
            with pytest.raises(StorageError, match="was changed while it was read"):
                read()
