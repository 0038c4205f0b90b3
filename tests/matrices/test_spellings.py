"""How a dataset in a file is named, here and by other tools, and what is named that is no file."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import sample
from refusals import refusal

from mfact.cli.outputs import default_output
from mfact.errors import SettingsError, StorageError
from mfact.matrices.source import open_matrix
from mfact.matrices.spec import split_spec
from mfact.networks.toml import load


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with h5py.File("two.h5", "w") as file:
        file["X"], file["grp/Y"] = sample(), sample() + 1
    np.savez("two.npz", X=sample(), Y=sample() + 1)


SPELLED = ["two.h5:/X", "two.h5::/X", "two.h5::X", "two.h5:X", "two.h5/X", "two.h5//X", "two.h5#X",
           "two.h5#/X", "./two.h5/X", "two.npz:X", "two.npz:/X", "two.npz/X", "two.npz#X",
           "two.npz::X"]  # fmt: skip
DEEPER = ["two.h5:/grp/Y", "two.h5:grp/Y", "two.h5/grp/Y", "two.h5#grp/Y", "two.h5::grp/Y",
          "two.npz:Y"]  # fmt: skip


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("spec", [*SPELLED, *DEEPER])
def test_what_other_tools_take_is_taken(spec):
    source = open_matrix(spec)
    np.testing.assert_array_equal(source.read(), sample() + (spec in DEEPER))
    assert Path(source.path).is_file()
    again = open_matrix(source.path, dataset=source.dataset)  # as a run file names it
    np.testing.assert_array_equal(again.read(), sample() + (spec in DEEPER))


@pytest.mark.usefixtures("two")
def test_a_file_of_the_literal_name_wins_then_the_longest_that_is_there():
    for name in ("two.h5:X", "two.h5#X", "two.h5:grp"):
        with h5py.File(name, "w") as file:
            file["Z"] = np.full((2, 3), 4.0)
    assert open_matrix("two.h5:X").shape == (2, 3)
    assert open_matrix("two.h5#X").shape == (2, 3)
    assert split_spec("two.h5:grp:Z") == (Path("two.h5:grp"), "Z")
    assert split_spec("two.h5:grp/Z") == (Path("two.h5:grp"), "/Z")
    assert split_spec("two.h5:else/Z") == (Path("two.h5"), "else/Z")


@given(
    folder=st.sampled_from(["", "a:/", "b#1/", "c.h5:x/"]),
    dataset=st.text(st.sampled_from("ab/:#[]0,. "), min_size=1, max_size=8),
    between=st.sampled_from([":/", "::/", "::"]),
)
def test_what_stands_behind_a_file_is_its_dataset(tmp_path_factory, folder, dataset, between):
    place = tmp_path_factory.mktemp("spelled") / folder
    place.mkdir(exist_ok=True)
    (place / "M.h5").write_bytes(b"")
    expected = between.lstrip(":") + dataset
    assert split_spec(f"{place}/M.h5{between}{dataset}") == (place / "M.h5", expected.lstrip(":"))


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("none.h5:X", "none.h5 does not exist"),
        ("none.h5#X", "none.h5 does not exist"),
        ("none.h5:grp/Y", "none.h5 does not exist"),
        ("none.h5:/X", "none.h5 does not exist"),
        ("none.h5::X", "none.h5 does not exist"),
        ("none.h5/X", "none.h5/X does not exist"),
        ("day:2", "day:2 does not exist"),
        (r"C:\M.npy", r"C:\\M.npy does not exist"),
        ("two.h5:", "two.h5: does not exist"),
        ("link.h5:X", "link.h5 does not exist"),
    ],
)
def test_what_is_missing_is_named(spec, said):
    Path("link.h5").symlink_to("nowhere")
    refusal(spec, StorageError, f"^{said}: check the path")


URLS = ["http://h/M.npy", "https://h/M.h5:/X", "HTTPS://h/M", "ftp://h/M", "s3://b/M.npy",
        "gs://b/M", "az://c/M", "abfss://c@a/M", "hdfs://h/M", "hf://datasets/x"]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_an_address_is_named(url):
    error = refusal(url, StorageError, "")
    assert str(error) == f"{url} is a URL: download it first"


@pytest.mark.parametrize("host", ["", "localhost"])
def test_the_path_of_an_address_of_a_file_is_one(host, tmp_path):
    np.save(tmp_path / "a b.npy", sample())
    error = refusal(f"file://{host}{tmp_path}/a%20b.npy", StorageError, "is a URL: write the path ")
    path = error.way_out.removeprefix("write the path ")
    np.testing.assert_array_equal(open_matrix(path).read(), sample())


@pytest.mark.usefixtures("two")
def test_standard_input_is_not_read():
    os.rename("two.npz", "-")  # noqa: PTH104  # a file that could be called so
    for spec in ("-", "-:/X", "-:X", "-#X"):
        refusal(spec, StorageError, f"^{spec}: standard input is not read: name a file")
    assert open_matrix("./-", dataset="X").shape == (37, 23)


def test_a_file_that_a_network_names_is_spelled_alike(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"], file["b"] = np.eye(2), np.ones((2, 2))
    text = "input = 2\n[[layer]]\nunits = 2\nbias = false\nmask = '{}'\n"
    text += "[[layer]]\nunits = 1\n"
    for spec, truth in (("w.h5:a", np.eye(2)), ("w.h5/b", np.ones((2, 2))), ("w.h5#a", np.eye(2))):
        (tmp_path / "net.toml").write_text(text.format(spec))
        np.testing.assert_array_equal(load(str(tmp_path / "net.toml")).stages[0].layer.mask, truth)
    (tmp_path / "net.toml").write_text(text.format("https://h/w.npy"))
    with pytest.raises(StorageError, match="is a URL: download it first"):
        load(str(tmp_path / "net.toml"))


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("two.h5/X", "two.X"),
        ("two.h5#X", "two.X"),
        ("two.h5:grp/Y", "two.grp.Y"),
        ("two.h5:/X[0]", "two.X-0"),
        ("two.h5:/X[0,:,:]", "two.X-0-all-all"),
        ("two.h5:/X[:,:,0]", "two.X-all-all-0"),
        ("two.h5:/X[fold]", "two.X-fold"),
        ("two.h5:/a b/*?$(x)", "two.a-b.x"),
        ("two.h5", "two"),
        ("M.mtx.gz", "M"),
        (".", "matrix"),
        ("..", "matrix"),
    ],
)
def test_the_run_file_is_called_after_what_is_named(spec, name):
    assert default_output(spec) == f"{name}.run.h5"
    assert os.sep not in default_output(spec)


@pytest.mark.usefixtures("two")
def test_two_names_that_differ_are_refused():
    with pytest.raises(SettingsError, match="names the dataset X, and --dataset Y: name one"):
        open_matrix("two.h5#X", dataset="Y")
