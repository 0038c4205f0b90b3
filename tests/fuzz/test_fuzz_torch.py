"""Broken files of torch's are opened in child processes: each is read, or refused in one line."""

import pickle

import numpy as np
import pytest
from fuzz_checks import broken_contents, outcome, require_survival
from fuzz_torch import injure_inside, opcodes_of, seeds, try_torch
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def marker(tmp_path_factory):
    return tmp_path_factory.mktemp("evil") / "executed"


@pytest.fixture(scope="module")
def whole(marker):
    return seeds(marker)


@pytest.mark.timeout(0)  # the long profile takes as long as it takes; each file has its alarm
def test_broken_files_are_read_or_refused_and_none_is_run(whole, marker, tmp_path, capsys):
    require_survival(whole, tmp_path, capsys, "torch's files", try_torch)
    assert not marker.exists()


@given(data=st.data())
def test_files_broken_where_hypothesis_likes(whole, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(data.draw(broken_contents(data.draw(st.sampled_from(whole)))))
    assert outcome(path, None, try_torch) in ("read", "refused")


def test_the_whole_files_are_read_but_for_the_evil_one(whole, tmp_path):
    for seed in whole:
        (tmp_path / "whole").write_bytes(seed.content)
        assert try_torch(tmp_path / "whole", None) == (
            "refused" if seed.name == "evil.pt" else "read"
        ), seed.name


def test_an_injured_file_is_another_one(whole):
    rng = np.random.default_rng(1)
    for seed in whole:
        assert any(injure_inside(rng, seed.content) != seed.content for _ in range(10))


def test_a_pickle_is_all_of_its_opcodes():
    raw = pickle.dumps({"a": [1, "b", None]}, 2)
    assert b"".join(opcodes_of(raw)) == raw
