"""mfact generate and mfact inspect, from the command line to the file and back."""

from __future__ import annotations

import json
import shlex

import h5py
import numpy as np
import pytest

import mfact.cli.generate
import mfact.cli.inspect


def test_generate_writes_the_chosen_spectrum(mfact, tmp_path):
    code, out, err = mfact("generate", "M.npy", "--shape", "12x8", "--spectrum", "2,5", "--seed", 3)
    assert (code, err) == (0, "")
    assert out == "M.npy: M is 12×8, float64, rank 2, σ = 5, 2, noise 0, seed 3\n"
    M = np.load(tmp_path / "M.npy")
    assert M.shape == (12, 8)
    np.testing.assert_allclose(np.linalg.svd(M)[1][:3], [5, 2, 0], atol=1e-14)


def test_npy_and_hdf5_hold_the_same_and_repeat_byte_for_byte(mfact, tmp_path):
    args = ("--shape", "12x8", "-r", 3, "--noise", 0.1, "--seed", 3)
    for name in ("a.npy", "b.npy", "a.h5", "b.hdf5"):
        extra = () if name.endswith("npy") else ("--dataset", "/group/M")
        assert mfact("generate", name, *args, *extra)[0] == 0
    read = {name: (tmp_path / name).read_bytes() for name in ("a.npy", "b.npy", "a.h5", "b.hdf5")}
    assert read["a.npy"] == read["b.npy"]
    assert read["a.h5"] == read["b.hdf5"]
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["group/M"][()], np.load(tmp_path / "a.npy"))


def test_a_drawn_seed_is_printed_and_repeats(mfact, tmp_path):
    _, out, _ = mfact("generate", "a.npy", "--shape", "5x4", "-r", 2)
    seed = out.rpartition("seed ")[2].strip()
    mfact("generate", "b.npy", "--shape", "5x4", "-r", 2, "--seed", seed)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["M.txt", "-r", "2"], 2, "M.txt has no suffix that says what to write"),
        (["M.npy", "-r", "9"], 2, "rank 9 does not fit a matrix of 5×4"),
        (["M.npy"], 2, "neither a rank nor a spectrum"),
        (["M.npy", "-r", "2", "--dataset", "/M"], 2, "is an NPY file"),
        (["M.h5", "-r", "2", "--dataset", "/"], 2, "'/' is no path of a dataset"),
        (["no/folder/M.npy", "-r", "2"], 1, "cannot write no/folder/M.npy"),
        (["M.npy", "-r", "2", "--noise", "nan"], 2, "nan is not finite"),
        (["M.npy", "--spectrum", "1,x"], 2, "'x' is not a number"),
        (["M.npy", "-r", "2", "--shape", "9000000x9000000"], 1, "the run needs"),
    ],
)
def test_generate_refuses_in_one_line(mfact, tmp_path, args, code, message):
    got, out, err = mfact("generate", "--shape", "5x4", *args)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_inspect_prints_what_the_matrix_is(mfact, rank_two):
    code, out, err = mfact("inspect", rank_two)
    assert (code, err) == (0, "")
    assert "M is 12×8" in out
    assert "3.000000e+00" in out
    assert "2 (the numerical rank: the rest is rounding)" in out
    assert "0.166667" in out


def test_inspect_as_json(mfact, rank_two):
    code, out, err = mfact("inspect", rank_two, "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["suggested_rank"] == found["numerical_rank"] == 2
    assert found["source"]["shape"] == [12, 8]


def test_quiet_inspect_says_nothing(mfact, rank_two):
    assert mfact("inspect", "-q", rank_two) == (0, "", "")


def test_inspect_reads_sparse_files(mfact, tmp_path):
    from scipy.sparse import csr_array, save_npz

    save_npz(tmp_path / "s.npz", csr_array(np.diag([3.0, 2.0, 0.0])))
    code, out, err = mfact("inspect", "s.npz")
    assert (code, err) == (0, "")
    assert "2 (22.22%)" in out


def test_integers_of_one_precision(mfact, tmp_path):
    np.save(tmp_path / "f4.npy", np.outer(np.arange(1, 9), [0.1, 0.3]).astype("<f4"))
    assert json.loads(mfact("inspect", "f4.npy", "--format", "json")[1])["numerical_rank"] == 1


@pytest.mark.parametrize("example", mfact.cli.generate.EXAMPLES + mfact.cli.inspect.EXAMPLES)
def test_examples_run(mfact, tmp_path, example):
    np.save(tmp_path / "digits.npy", np.arange(12.0).reshape(4, 3))
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["X"] = np.arange(12.0).reshape(4, 3)
    code, out, err = mfact(*shlex.split(example[0])[1:])
    assert (code, err) == (0, "")
    assert out
