"""The means in a run file: they come back bit for bit, and what are none of its are refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_samples import example

from mfact.errors import StorageError
from mfact.storage.images import make_image, same_bits
from mfact.storage.runs import FORMAT_VERSION, read_run, run_image, told, write_run

COUNTS = {"mean": 1, "columns": 4, "rows": 3}
"""Of the means of a 3×4 matrix."""


def of_kind(center, mean):
    """A run of a 3×4 matrix, centred or not."""
    result = example(mean=mean)
    problem = {**result.problem, **({} if center is None else {"center": center})}
    return example(mean=mean, problem=problem)


@given(center=st.sampled_from(list(COUNTS)), data=st.data())
def test_they_come_back_bit_for_bit_and_h5py_reads_them(center, data, tmp_path_factory):
    finite = st.floats(allow_nan=False, allow_infinity=False)
    mean = np.array(data.draw(st.lists(finite, min_size=COUNTS[center], max_size=COUNTS[center])))
    path = tmp_path_factory.mktemp("means") / "run.h5"
    write_run(path, of_kind(center, mean))
    back = read_run(path)
    assert same_bits(back.mean, mean)
    assert back.problem["center"] == center
    assert run_image(back) == path.read_bytes()
    with h5py.File(path) as file:
        assert same_bits(file["mean"][()], mean)


def refusal(folder, center, mean):
    """What is said of a file with these means."""
    result = of_kind(center, None)
    arrays = {"U": result.U, "V": result.V}
    arrays |= {} if mean is None else {"mean": np.asarray(mean)}
    path = folder / "run.h5"
    path.write_bytes(make_image("run", FORMAT_VERSION, arrays, told(result)[1]))
    with pytest.raises(StorageError) as refused:
        read_run(path)
    assert "\n" not in str(refused.value)
    assert refused.value.way_out
    return refused.value.sentence


@pytest.mark.parametrize("center", COUNTS)
def test_another_number_kind_or_shape_of_them_is_refused_at_its_place(center, tmp_path):
    count = COUNTS[center]
    good = np.ones(count)
    for bad in (good[:-1], np.ones(count + 1), good.astype("f4"), good.astype(int), good[None],
                good.astype(complex), good > 0, np.float64(1.0)):  # fmt: skip
        said = refusal(tmp_path, center, bad)
        assert "mean" in said
        assert f"{count} float64 numbers" in said
        assert str(np.shape(bad)) in said
    assert f"{count} float64 numbers" in refusal(tmp_path, center, None)
    for value in (np.nan, np.inf, -np.inf):
        bad = good.copy()
        bad[-1] = value
        assert "mean has entries that are not finite" in refusal(tmp_path, center, bad)


def test_means_of_a_matrix_that_has_none_are_refused(tmp_path):
    assert "mean" in refusal(tmp_path, None, np.ones(4))


@pytest.mark.parametrize("center", ["none", "both", "", 3, None])
def test_a_center_that_is_none_is_refused(center, tmp_path):
    result = example()
    result = example(problem={**result.problem, "center": center}, mean=np.ones(4))
    (tmp_path / "run.h5").write_bytes(run_image(result))
    with pytest.raises(StorageError, match="center") as refused:
        read_run(tmp_path / "run.h5")
    assert "\n" not in str(refused.value)


def test_a_byte_of_them_that_changed_is_found(tmp_path):
    mean = np.array([1.5, -2.5, 1e300, 3.0])
    image = bytearray(run_image(of_kind("columns", mean)))
    place = bytes(image).find(mean.tobytes())
    assert place > 0
    for at in range(place, place + mean.nbytes, 5):
        image[at] ^= 1
        (tmp_path / "run.h5").write_bytes(bytes(image))
        with pytest.raises(StorageError):
            read_run(tmp_path / "run.h5")
        image[at] ^= 1


def test_a_file_without_them_has_none():
    files = Path(__file__).parent / "files"
    assert read_run(files / "format_1.run.h5").mean is None


def test_a_file_that_says_nothing_of_them_is_read(tmp_path):
    write_run(tmp_path / "run.h5", example())
    back = read_run(tmp_path / "run.h5")
    assert back.mean is None
    assert "center" not in back.problem
