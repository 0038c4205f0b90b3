"""Broken files of tensors are opened in child processes: each is read, or refused in one line."""

import json

import numpy as np
import pytest
from fuzz_checks import broken_contents, outcome, require_survival
from fuzz_safetensors import seeds, try_tensors
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

WHOLE = seeds()


@pytest.mark.timeout(0)  # the long profile takes as long as it takes; each file has its alarm
def test_broken_files_are_read_or_refused(tmp_path, capsys):
    require_survival(WHOLE, tmp_path, capsys, "tensors", try_tensors)


@given(data=st.data())
def test_files_broken_where_hypothesis_likes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(data.draw(broken_contents(data.draw(st.sampled_from(WHOLE)))))
    assert outcome(path, None, try_tensors) in ("read", "refused")


@pytest.mark.parametrize("seed", WHOLE, ids=lambda seed: seed.name)
def test_the_whole_files_are_read(seed, tmp_path):
    (tmp_path / "whole").write_bytes(seed.content)
    assert try_tensors(tmp_path / "whole", None) == "read"


@pytest.mark.parametrize("seed", WHOLE[:2], ids=lambda seed: seed.name)
def test_an_injured_header_is_still_json_of_its_length(seed):
    rng = np.random.default_rng(1)
    for _ in range(100):
        broken = seed.inside(rng, seed.content)
        length = int.from_bytes(broken[:8], "little")
        assert isinstance(json.loads(broken[8 : 8 + length]), dict)
