"""Checkpoints: arrays and document bit for bit, whatever the kind, the payload or the name."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mfact.core import Array
from mfact.errors import StorageError
from mfact.storage.checkpoints import FORMAT_VERSION, read_checkpoint, write_checkpoint
from mfact.storage.images import make_image, same_bits

KINDS = [
    np.dtype(kind)
    for kind in ("f2", "<f4", "<f8", ">f8", "i1", "<i4", ">i8", "u8", "?", "<c16", "c8")
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints") / "c.h5"


@given(
    named=st.dictionaries(
        st.sampled_from(["U", "V", "memory/velocity_U", "memory/a/b", "basis L", "σ"]),
        st.sampled_from(KINDS).flatmap(
            lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0))
        ),
    )
)
def test_arrays_come_back_bit_for_bit(path: Path, named: dict[str, Array]) -> None:
    write_checkpoint(path, named, {})
    back, _ = read_checkpoint(path)
    assert list(back) == list(named)
    assert all(same_bits(back[name], named[name]) for name in named)


@given(bits=arrays(np.uint64, 40))
def test_any_64_bits_survive_as_a_float(path: Path, bits: Array) -> None:
    """NaN payloads, signalling NaNs and denormals among them."""
    write_checkpoint(path, {"x": bits.view(np.float64)}, {})
    back, _ = read_checkpoint(path)
    assert np.array_equal(back["x"].view(np.uint64), bits)


@given(
    document=st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda part: st.lists(part) | st.dictionaries(st.text(), part),
            max_leaves=10,
        ),
    )
)
def test_the_document_comes_back(path: Path, document: dict[str, object]) -> None:
    write_checkpoint(path, {}, document)
    _, back = read_checkpoint(path)
    assert back == document
    # == takes 1 for 1.0 and for True, and -0.0 for 0.0; the text does not.
    assert json.dumps(back) == json.dumps(document)


def test_nan_comes_back_in_a_document(path: Path) -> None:
    write_checkpoint(path, {}, {"best": math.nan})
    assert math.isnan(read_checkpoint(path)[1]["best"])


@pytest.mark.parametrize("name", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_a_random_generator_goes_on_where_it_stopped(path: Path, name: str) -> None:
    generator = np.random.Generator(getattr(np.random, name)(7))
    generator.standard_normal(11)
    named, document = split(generator.bit_generator.state)
    write_checkpoint(path, named, document)
    restored = np.random.Generator(getattr(np.random, name)(0))
    restored.bit_generator.state = joined(*read_checkpoint(path))
    assert same_bits(restored.standard_normal(100), generator.standard_normal(100))


def split(state: dict[str, object]) -> tuple[dict[str, Array], dict[str, object]]:
    """A generator's state with its arrays apart; they are one level down."""
    inner = state["state"]
    assert isinstance(inner, dict)
    named = {key: value for key, value in inner.items() if isinstance(value, np.ndarray)}
    rest = {key: value for key, value in inner.items() if key not in named}
    outer = {key: value for key, value in state.items() if key != "state"}
    named |= {f"outer/{key}": v for key, v in outer.items() if isinstance(v, np.ndarray)}
    outer = {key: value for key, value in outer.items() if f"outer/{key}" not in named}
    return named, {"inner": rest, "outer": outer}


def joined(named: dict[str, Array], document: dict[str, dict[str, object]]) -> dict[str, object]:
    inner = {key: value for key, value in named.items() if not key.startswith("outer/")}
    outer = {key[6:]: value for key, value in named.items() if key.startswith("outer/")}
    return {**document["outer"], **outer, "state": {**document["inner"], **inner}}


def test_a_fortran_array_keeps_its_values(path: Path) -> None:
    basis = np.asfortranarray(np.random.default_rng(0).standard_normal((50, 7)))
    write_checkpoint(path, {"basis": basis}, {})
    assert same_bits(read_checkpoint(path)[0]["basis"], basis)


def test_equal_checkpoints_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_checkpoint(tmp_path / name, {"U": np.eye(3)}, {"step": 3})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_any_damaged_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    write_checkpoint(path, {"U": np.eye(30)}, {"step": 3})
    image = path.read_bytes()
    for place in random.Random(0).sample(range(len(image)), 200):
        path.write_bytes(image[:place] + bytes([image[place] ^ 0xFF]) + image[place + 1 :])
        with pytest.raises(StorageError):
            read_checkpoint(path)


@pytest.mark.parametrize("body", [{}, {"document": [1]}])
def test_a_checkpoint_without_its_document_is_refused(tmp_path: Path, body: object) -> None:
    assert isinstance(body, dict)
    (tmp_path / "c.h5").write_bytes(make_image("checkpoint", FORMAT_VERSION, {}, body))
    with pytest.raises(StorageError, match="lacks its document"):
        read_checkpoint(tmp_path / "c.h5")


def test_names_that_collide_are_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c.h5", {"U": np.eye(2)}, {"step": 1})
    with pytest.raises(StorageError, match="could not be formed"):
        write_checkpoint(tmp_path / "c.h5", {"a": np.eye(2), "a/b": np.eye(2)}, {"step": 2})
    assert read_checkpoint(tmp_path / "c.h5")[1] == {"step": 1}
