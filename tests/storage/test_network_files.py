"""Files of networks that are damaged, or that someone made: one line, and never a traceback."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as any_array
from network_by_hand import network_by_hand, trace_of
from network_files import (
    DELETE,
    HOSTILE,
    NETS,
    changed,
    held,
    one_line,
    places,
    put,
    written,
)
from random_architectures import architectures

import mfact
from mfact.cli.show import command_line
from mfact.core import Outcome
from mfact.errors import DataError, MfactError, StorageError
from mfact.pictures.network import network_balance, network_convergence, network_ledger
from mfact.report.network_views import network_views
from mfact.report.terminal import Look
from mfact.storage.images import same_bits
from mfact.storage.network_runs import read_network_run, read_weights, write_network_run
from mfact.studies.differing import Subject


def use_run(path: Path) -> None:
    """All that is done with a run file."""
    result = read_network_run(path)
    for view in network_views(result, rows=0, timing=True, factors=True, full=True).values():
        "".join(view(Look()))
    with contextlib.suppress(MfactError):
        command_line(result)
    for draw in (network_convergence, network_balance, network_ledger):
        with contextlib.suppress(DataError):  # no rows
            list(draw([Subject(str(path), result)]).rows())


def go_on(path: Path) -> None:
    mfact.resume(str(path), max_iter=45)


USES = {"network": use_run, "network_checkpoint": go_on}


@given(net=architectures(arrays=True, broken=True), data=st.data())
def test_a_result_comes_back_bit_for_bit(tmp_path_factory, net, data):
    path = tmp_path_factory.mktemp("run") / "run.h5"
    numbers = st.floats(-1e70, 1e70)
    weights = {
        part.name: data.draw(any_array(np.float64, part.shape, elements=numbers))
        for part in net.parts
        if int(np.prod(part.shape)) < 500
    }
    zeros = {part.name: np.zeros(part.shape) for part in net.parts}
    outcome = data.draw(st.sampled_from(Outcome))
    result = network_by_hand(
        net, weights=zeros | weights, trace=trace_of(net, np.arange(3)), outcome=outcome
    )
    write_network_run(path, result)
    back = read_network_run(path)
    for part in ("weights", "start", "neurons", "ties", "trace"):
        ours, theirs = getattr(result, part), getattr(back, part)
        assert list(ours) == list(theirs) or set(ours) == set(theirs)
        assert all(same_bits(np.asarray(ours[name]), theirs[name]) for name in ours), part
    assert (back.outcome, back.message) == (outcome, result.message)
    assert (back.network, back.summary) == (result.network, result.summary)
    assert repr(back.claims) == repr(result.claims)


@pytest.mark.parametrize("kind", USES)
def test_a_cut_or_flipped_file_is_damaged(tmp_path, kind):
    path, moments = tmp_path / "file.h5", random.Random(5)
    written(path, kind, *held("dense", kind))
    image = path.read_bytes()
    for _ in range(40):
        at = moments.randrange(len(image))
        broken = bytearray(image)
        if moments.random() < 0.5:
            broken[at] ^= 1 << moments.randrange(8)
        else:
            del broken[at:]
        path.write_bytes(broken)
        with pytest.raises(StorageError, match=r"damaged|is not a|has the digest") as caught:
            USES[kind](path)
        one_line(caught.value)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("kind", USES)
def test_what_was_written_is_read(tmp_path, name, kind):
    """Else the mutations below would prove nothing."""
    path = tmp_path / "file.h5"
    assert written(path, kind, *held(name, kind))
    USES[kind](path)


@pytest.mark.filterwarnings("ignore::mfact.ConvergenceWarning")  # of a run that goes on elsewhere
@pytest.mark.parametrize("kind", USES)
@given(name=st.sampled_from(list(NETS)), data=st.data())
def test_any_place_may_hold_anything(tmp_path_factory, kind, name, data):
    path = tmp_path_factory.mktemp("made") / "file.h5"
    arrays, document = changed(name, kind)
    place = data.draw(st.sampled_from(places(document)))
    put(document, place, data.draw(st.sampled_from(HOSTILE)))
    _use(path, kind, arrays, document)


def _arrays_like(A):
    """Arrays that might stand in its place."""
    return [
        A[:-1] if A.ndim else np.zeros(3), np.asarray(A)[None], np.zeros(0), np.asarray(np.nan),
        np.full(A.shape, np.nan), np.full(A.shape, 1e300), A.astype(int), A.astype(complex),
        A.astype("f4"), A.astype("f2"), A.T, A > 0, np.zeros((0, 3)), DELETE,
        -np.ones(A.shape, int), np.full(A.shape, 2**62),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::mfact.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("kind", USES)
@given(name=st.sampled_from(list(NETS)), data=st.data())
def test_any_array_may_be_another(tmp_path_factory, kind, name, data):
    path = tmp_path_factory.mktemp("made") / "file.h5"
    arrays, document = changed(name, kind)
    which = data.draw(st.sampled_from(sorted(arrays)))
    put(arrays, (which,), data.draw(st.sampled_from(_arrays_like(arrays[which]))))
    _use(path, kind, arrays, document)


def _use(path, kind, arrays, document):
    if not written(path, kind, arrays, document):
        return
    try:
        USES[kind](path)
    except MfactError as error:
        one_line(error)


@pytest.mark.parametrize("kind", [np.int64, np.int32, bool])
def test_weights_of_integers_are_no_start(tmp_path, kind):
    arrays, document = changed("dense", "network")
    arrays["W/1"] = arrays["W/1"].astype(kind)
    written(tmp_path / "run.h5", "network", arrays, document)
    with pytest.raises(StorageError, match=r"W/1.*, and not|several kinds"):
        read_weights(tmp_path / "run.h5")
