"""The matrices under data/ are what data/README.md says they are."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from mfact.tensors.source import open_state_dict

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8")

# name of the dataset, shape, kind; a second truth beside the README's table
EXPECTED = {
    "digits.npy": (None, (1797, 64), "uint8"),
    "digits.h5": ("pixels", (1797, 64), "uint8"),
    "camera.h5": ("gray", (512, 512), "uint8"),
    "elnino.npy": (None, (61, 12), "float64"),
    "elnino.h5": ("temperature", (61, 12), "float64"),
    "rank5.npy": (None, (120, 80), "float64"),
    "rank5.h5": ("M", (120, 80), "float64"),
}


def read(name: str) -> np.ndarray:
    """The one matrix in a file of data/."""
    path = DATA / name
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    with h5py.File(path, "r") as file:
        found = [item[()] for item in file.values() if item.ndim == 2]
    assert len(found) == 1, f"{name} should hold exactly one matrix"
    return found[0]


def test_no_file_is_missing_or_undescribed():
    present = {path.name for path in DATA.iterdir() if path.suffix in (".npy", ".h5")}
    assert present == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_shape_kind_and_finiteness(name):
    dataset, shape, kind = EXPECTED[name]
    M = read(name)
    assert M.shape == shape
    assert M.dtype == kind
    assert np.isfinite(M).all()
    cell = f"`{name}:/{dataset}`" if dataset else f"`{name}`"
    assert re.search(
        rf"^\|.*{re.escape(cell)}.*\| {shape[0]}×{shape[1]} \| {kind} \|", README, re.MULTILINE
    )


@pytest.mark.parametrize("name", ["digits", "elnino", "rank5"])
def test_both_formats_hold_the_same_numbers(name):
    np.testing.assert_array_equal(read(f"{name}.npy"), read(f"{name}.h5"))


def test_values_are_in_their_units():
    assert read("digits.npy").max() == 16
    assert 10 < read("elnino.npy").min() < read("elnino.npy").max() < 35  # °C near the equator
    camera = read("camera.h5")
    assert camera.max() == 255
    assert 100 < camera.mean() < 160


def test_the_year_of_the_great_el_nino_stands_out():
    # 1997–98 was the strongest of the century at this place: no later or earlier December is warmer
    december = read("elnino.npy")[:, 11]
    assert 1950 + int(np.argmax(december)) == 1997


def test_rank5_has_rank_five_and_the_stated_condition():
    sigma = np.linalg.svd(read("rank5.npy"), compute_uv=False)
    assert sigma[5] < 1e-13 * sigma[0]  # rounding of a product of 120×5 and 5×80
    assert sigma[0] / sigma[4] == pytest.approx(5, rel=1e-12)


def test_the_checkpoints_are_of_the_network_that_is_described():
    files = sorted((DATA / "network").iterdir())
    names = [f"step-{step}" for step in (1000, 1001, 1100, 2000)]
    assert [path.name for path in files] == [f"{name}.safetensors" for name in names]
    assert [name for name in names if f"`{name}`" not in README] == []
    shapes = {"0.weight": (16, 64), "0.bias": (16,), "2.weight": (16, 16), "2.bias": (16,),
              "4.weight": (64, 16), "4.bias": (64,)}  # fmt: skip
    for path in files:
        tensors = open_state_dict(path).tensors
        assert {tensor.name: tensor.shape for tensor in tensors} == shapes
        assert {tensor.kind for tensor in tensors} == {"float32"}
    digits = read("digits.npy") / 16.0
    lost = [np.mean((_answer(path, digits) - digits) ** 2) for path in files]
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] < 0.5 * np.var(digits)  # of no network at all


def _answer(path, X):
    W = {tensor.name: tensor.values() for tensor in open_state_dict(path).tensors}
    for layer in ("0", "2"):
        X = np.maximum(X @ W[f"{layer}.weight"].T + W[f"{layer}.bias"], 0)
    return X @ W["4.weight"].T + W["4.bias"]


def test_all_of_it_is_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*")) < 2_000_000
