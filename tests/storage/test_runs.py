"""Run files: everything back, readable without mfact, repeatable, and refused when not right."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from run_samples import NEW, example

from mfact.core import Claim, Outcome, Result, Verdict
from mfact.errors import StorageError
from mfact.storage.images import same_bits
from mfact.storage.runs import read_run, run_image, write_run

REALS = st.sampled_from([np.dtype(kind) for kind in ("<f8", "<f4", ">f8", "<f2", "<i8", "|b1")])
ENTRIES = st.floats(-(2.0**90), 2.0**90, width=32)
FACTORS = st.tuples(
    st.sampled_from([np.float64, np.float32]), array_shapes(min_dims=3, max_dims=3, max_side=7)
).flatmap(
    lambda kind: st.tuples(
        arrays(kind[0], (kind[1][0], kind[1][2]), elements=ENTRIES),
        arrays(kind[0], (kind[1][1], kind[1][2]), elements=ENTRIES),
    )
)
TRACES = st.tuples(
    st.dictionaries(st.sampled_from(["loss", "gap", "imbalance"]), REALS), st.integers(0, 30)
).flatmap(
    lambda kinds: st.fixed_dictionaries(
        {"step": st.just(np.arange(kinds[1]))}
        | {name: arrays(dtype, kinds[1]) for name, dtype in kinds[0].items()}
    )
)
FLOATS = st.floats(-1e300, 1e300)
JSON = st.recursive(
    (SCALARS := st.none() | st.booleans() | st.integers(-(2**62), 2**62) | FLOATS | st.text()),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=5,
)
# Names of no meaning, so that any value may stand under them.
NAMES = st.text(max_size=9).map(lambda name: f"{name}.")
DOCUMENTS = st.dictionaries(NAMES, JSON, max_size=4)
SETTINGS = st.dictionaries(
    NAMES, st.fixed_dictionaries({"value": SCALARS, "source": st.text()}), max_size=4
)
NUMBERS = st.dictionaries(st.text(max_size=5), FLOATS | st.just(np.inf) | st.integers())
CLAIMS = st.lists(
    st.builds(
        Claim,
        name=st.text(max_size=9),
        statement=st.text(),
        verdict=st.just(Verdict.HOLDS),
        detail=st.text(),
        source=st.text(),
        numbers=NUMBERS,
    ),
    max_size=3,
).map(tuple)
RESULTS = st.builds(
    lambda factors, **parts: Result(U=factors[0], V=factors[1], **parts),
    factors=FACTORS,
    outcome=st.sampled_from(Outcome),
    message=st.text(),
    trace=TRACES,
    problem=DOCUMENTS,
    settings=SETTINGS,
    summary=DOCUMENTS,
    claims=CLAIMS,
    provenance=DOCUMENTS,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "run.h5"


@given(result=RESULTS)
def test_everything_comes_back(path: Path, result: Result) -> None:
    write_run(path, result)
    back = read_run(path)
    assert same_bits(back.U, result.U)
    assert same_bits(back.V, result.V)
    assert list(back.trace) == list(result.trace)
    assert all(same_bits(back.trace[name], result.trace[name]) for name in result.trace)
    for part in ("outcome", "message", "problem", "settings", "summary", "claims", "provenance"):
        assert getattr(back, part) == getattr(result, part)
    assert list(back.settings) == list(result.settings)


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    """Kept in columns and claims, None in documents: the JSON text has no NaN in it."""
    claim = Claim(
        "a/b", "s", Verdict.INCONCLUSIVE, "d", "src", {"x": math.inf, "y": math.nan, "z": 2.0}
    )
    result = example(
        trace={"step": np.arange(4.0), "gap": np.array([np.nan, np.inf, -np.inf, -0.0])},
        summary={"gap": math.nan, "bounds": (math.inf, np.float64(1.0), np.int64(3), np.bool_(1))},
        claims=(claim, claim),
    )
    write_run(tmp_path / "run.h5", result)
    back = read_run(tmp_path / "run.h5")
    assert same_bits(back.trace["gap"], result.trace["gap"])
    assert back.summary == {"gap": None, "bounds": [None, 1.0, 3, True]}
    for again in back.claims:
        assert again.numbers["x"] == math.inf
        assert math.isnan(again.numbers["y"])
        assert again.numbers["z"] == 2.0

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    with h5py.File(tmp_path / "run.h5") as file:
        json.loads(file.attrs["mfact_run"], parse_constant=refuse)


def test_an_integer_beyond_the_floats_is_kept(tmp_path: Path) -> None:
    claim = Claim("forecast", "s", Verdict.HOLDS, "d", "src", {"steps": 10**400})
    write_run(tmp_path / "run.h5", example(claims=(claim,)))
    assert read_run(tmp_path / "run.h5").claims == (claim,)


@pytest.mark.parametrize("size", [65_000, 66_000, 5_000_000])
def test_a_document_over_the_64_kb_of_an_attribute(tmp_path: Path, size: int) -> None:
    result = example(settings={"note": {"value": "σ" * size, "source": ""}})
    write_run(tmp_path / "run.h5", result)
    assert read_run(tmp_path / "run.h5").settings == result.settings


def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    result = example(problem={"path": "caf\udce9.npy", "name": "a\0b\n[c]"})
    write_run(tmp_path / "run.h5", result)
    assert read_run(tmp_path / "run.h5").problem == result.problem
    with h5py.File(tmp_path / "run.h5") as file:
        file.attrs["mfact_run"].encode("utf-8")  # valid text to every other reader


def test_factors_of_any_memory_order_and_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tall = np.asfortranarray(rng.standard_normal((70_000, 5)))  # several chunks
    wide = rng.standard_normal((10, 300_000))[::2, ::2]  # a row over the chunk size, strided
    for U, V in ((tall, np.ones((4, 5))), (wide, wide[:2])):
        write_run(tmp_path / "run.h5", example(U=U, V=V, problem={}))
        back = read_run(tmp_path / "run.h5")
        assert same_bits(back.U, U)
        assert same_bits(back.V, V)


def test_three_lines_of_plain_h5py_read_it(tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", example())
    script = (
        "import h5py, json\n"
        f"f = h5py.File({str(tmp_path / 'run.h5')!r})\n"
        "print(f['U'][1].tolist(), json.loads(f.attrs['mfact_run'])['outcome'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[2.0, 3.0] GLOBAL_OPTIMUM\n"


def test_every_array_with_elements_carries_a_checksum(tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", example())
    with h5py.File(tmp_path / "run.h5") as file:
        assert all(file[name].fletcher32 for name in ("U", "V", "trace/step", "trace/loss"))


def test_reproducible_files_of_equal_runs_are_equal_bytes(tmp_path: Path) -> None:
    """Two processes, two folders, two clocks, two hash seeds; one of them has a host in it."""
    script = """
import os, sys, time
from mfact.host.provenance import gather
from mfact.storage.runs import write_run
from run_samples import example
place = os.getcwd()
result = example(
    provenance=gather(),
    summary={"loss": 0.25, "seconds": time.time()},
    problem={"path": place + "/M.npy", "name": place + "/M.h5:/group/M"},
    settings={"start": {"value": place + "/start.h5", "source": "flag"}},
)
write_run("run.h5", result, reproducible=True)
"""
    for number in range(2):
        folder = tmp_path / f"folder{number}"
        folder.mkdir()
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(number),
            "TZ": f"UTC{number}",
            "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}",
        }
        subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, check=True)
    first, second = tmp_path / "folder0/run.h5", tmp_path / "folder1/run.h5"
    assert subprocess.run(["cmp", first, second], check=False).returncode == 0
    assert b"folder" not in first.read_bytes()
    assert os.uname().nodename.encode() not in first.read_bytes()
    back = read_run(first)
    assert back.problem == {"name": "M.h5:/group/M"}
    assert back.settings == {"start": {"value": "start.h5", "source": "flag"}}
    assert back.summary == {"loss": 0.25}


def test_without_reproducible_the_clock_is_kept() -> None:
    assert b'"seconds": 1.5' in run_image(example())
    assert b'"host": "here"' in run_image(example())


@pytest.mark.parametrize(
    "document", [{"a": object()}, {"a": {1: 2}}, {"a": 10**5000}, {"a": b"x"}, {"a": {1, 2}}]
)
def test_what_json_cannot_hold_is_refused_by_name(tmp_path: Path, document: Any) -> None:
    with pytest.raises(StorageError, match=r"summary\.a"):
        write_run(tmp_path / "run.h5", example(summary=document))
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_cannot_be_stored_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="trace/loss has dtype object"):
        write_run(tmp_path / "run.h5", example(trace={"loss": np.array([None])}))


def test_writing_replaces_an_older_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", example())
    write_run(tmp_path / "run.h5", NEW)
    assert read_run(tmp_path / "run.h5").summary == NEW.summary
