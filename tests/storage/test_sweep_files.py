"""Files of sweeps: they come back bit for bit, and one that someone made is refused in one line."""

from __future__ import annotations

import contextlib
import copy

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_files import record_of
from network_files import DELETE, HOSTILE, one_line, places, put

from mfact.cli.show import command_line
from mfact.errors import MfactError, StorageError
from mfact.pictures.starts import starts
from mfact.report.sweep_tables import sweep_views
from mfact.report.terminal import Look
from mfact.storage.images import make_image, read_image, same_bits
from mfact.storage.sweep_door import ARRAYS
from mfact.storage.sweeps import FORMAT_VERSION, read_sweep, write_sweep

RECORDS = {
    "a matrix": {},
    "a matrix and sizes": {"grown": (9, 30)},
    "sizes": {"grown": (9, 30), "alone": True, "rank": 2},
    "runs that diverge": {"c_step": 5.0, "grown": (20,)},
    "runs that reach the limit": {"max_iter": 4},
    "of another method": {"method": "momentum", "rank": 2, "grown": (9,)},
}
KEPT = {name: record_of(**made) for name, made in RECORDS.items()}


@pytest.mark.parametrize("name", KEPT)
def test_a_sweep_comes_back_bit_for_bit(tmp_path, name):
    record = KEPT[name]
    write_sweep(tmp_path / "S.h5", record)
    back = read_sweep(tmp_path / "S.h5")
    assert len(back.sweeps) == len(record.sweeps)
    for ours, theirs in zip(record.sweeps, back.sweeps, strict=True):
        assert (ours.settings, ours.shape) == (theirs.settings, theirs.shape)
        assert all(same_bits(vars(ours)[array], vars(theirs)[array]) for array in ARRAYS)
    assert (back.runs is None) == (record.runs is None)
    assert (back.bounds, back.problem) == (record.bounds, record.problem)
    assert (back.settings, back.provenance) == (record.settings, record.provenance)


@pytest.mark.parametrize("name", KEPT)
def test_the_views_of_the_file_are_those_of_the_sweep(tmp_path, name):
    write_sweep(tmp_path / "S.h5", KEPT[name])
    ours, theirs = (sweep_views(each) for each in (KEPT[name], read_sweep(tmp_path / "S.h5")))
    for view, drawn in ours.items():
        assert "".join(drawn(Look())) == "".join(theirs[view](Look()))


def test_equal_sweeps_give_equal_bytes(tmp_path):
    record_of.cache_clear()
    for name in ("one.h5", "two.h5"):
        write_sweep(tmp_path / name, record_of(grown=(9,)))
        record_of.cache_clear()
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_plain_h5py_reads_it(tmp_path):
    record = record_of(grown=(9,))
    write_sweep(tmp_path / "S.h5", record)
    with h5py.File(tmp_path / "S.h5") as file:
        assert file["hits"].shape == (len(record.runs.settings.tolerances), 40)
        assert np.array_equal(file["growth/1/low"], record.grown[0].low)


def test_what_was_not_by_default_is_in_the_command():
    told = "mfact sweep here/M.npy --seeds 40 --seed 3 --growth 9,30 --bounds 2.0,5.0,100.0"
    assert command_line(record_of(grown=(9, 30))) == told


def use(path):
    """All that is done with the file of a sweep."""
    record = read_sweep(path)
    for view in sweep_views(record).values():
        "".join(view(Look()))
    list(starts(record).rows())
    command_line(record)


def content(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("made") / "S.h5"
    write_sweep(path, KEPT[name])
    arrays, document, _ = read_image(path, "sweep", FORMAT_VERSION)
    return path, dict(arrays), copy.deepcopy(document)


def judge(path, arrays, document):
    with contextlib.suppress(TypeError, ValueError):
        path.write_bytes(make_image("sweep", FORMAT_VERSION, arrays, document))
    try:
        use(path)
    except MfactError as error:
        one_line(error)


@given(name=st.sampled_from(list(KEPT)), data=st.data())
def test_any_place_may_hold_anything(tmp_path_factory, name, data):
    path, arrays, document = content(tmp_path_factory, name)
    put(document, data.draw(st.sampled_from(places(document))), data.draw(st.sampled_from(HOSTILE)))
    judge(path, arrays, document)


def arrays_like(A):
    return [
        A[..., :-1], A[None], np.zeros(0), np.asarray(np.nan), np.full(A.shape, np.nan),
        np.full(A.shape, 1e300), np.full(A.shape, 5e-324), A.astype(int), A.astype(complex),
        A.astype("f4"), A > 0, np.zeros((0, 3)), -np.ones(A.shape, int), np.full(A.shape, 2**62),
        A[::-1], np.zeros(A.shape, A.dtype), np.full(A.shape, np.inf), DELETE,
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Casting complex")
@given(name=st.sampled_from(list(KEPT)), data=st.data())
def test_any_array_may_be_another(tmp_path_factory, name, data):
    path, arrays, document = content(tmp_path_factory, name)
    which = data.draw(st.sampled_from(sorted(arrays)))
    with np.errstate(invalid="ignore"):
        put(arrays, (which,), data.draw(st.sampled_from(arrays_like(arrays[which]))))
    judge(path, arrays, document)


@pytest.mark.parametrize(
    ("where", "value", "word"),
    [
        (("settings", "tol", "value"), 2.0, "choose it below 1"),
        (("settings", "bounds", "value"), [0.5], "numbers of at least 1"),
        (("settings", "seeds", "value"), 39, "hits is 'int64 of shape (6, 40)'"),
        (("settings", "growth", "value"), [8], "it lacks growth/1/values"),
        (("shape",), [1, 1], "1 to 1"),
        (("shape",), None, "of no matrix, and of no size"),
    ],
)
def test_what_is_no_sweep_is_told_by_its_place(tmp_path_factory, where, value, word):
    path, arrays, document = content(tmp_path_factory, "a matrix")
    put(document, where, value)
    path.write_bytes(make_image("sweep", FORMAT_VERSION, arrays, document))
    with pytest.raises(StorageError, match="is not the file of a sweep") as caught:
        read_sweep(path)
    assert word in str(caught.value)
    assert str(caught.value).endswith("run `mfact sweep` again")
