"""--center where a matrix is looked at without a run: each view says what M is, and of what A."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from mfact.settings import FlowSettings, SweepSettings
from mfact.storage.images import make_image, read_image
from mfact.storage.sweeps import read_sweep, write_sweep
from mfact.studies.flow import study
from mfact.studies.sweep import singular_values, sweep
from mfact.targets.centred import FORMULAS

RNG = np.random.default_rng(8)
A = RNG.standard_normal((12, 8)) + 20 * RNG.standard_normal(8)
A[0, 0] = 0.0
LESS = {
    "mean": A - A.mean(),
    "columns": A - A.mean(axis=0),
    "rows": A - A.mean(axis=1, keepdims=True),
}
SIGMA = {kind: np.linalg.svd(M, compute_uv=False) for kind, M in LESS.items()}


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "A.npy", A)
    return "A.npy"


def views(mfact, *words):
    """What a command prints in each view, by its name."""
    printed = {}
    for view in ("table", "json", "markdown", "csv"):
        code, printed[view], err = mfact(*words, "--format", view)
        assert (code, err) == (0, "")
    return printed


@pytest.mark.parametrize("kind", LESS)
def test_inspect_tells_of_what_is_left_and_what_the_file_holds(mfact, file, kind):
    seen = views(mfact, "inspect", file, "--center", kind)
    found = json.loads(seen["json"])
    np.testing.assert_allclose(found["singular_values"], SIGMA[kind], atol=1e-12)
    assert found["norm"] == pytest.approx(np.linalg.norm(LESS[kind]))
    assert found["uncentered_norm"] == pytest.approx(np.linalg.norm(A))
    assert (found["center"], found["nonzeros"]) == (kind, A.size - 1)
    assert found["suggested_step"] == pytest.approx(0.5 / SIGMA[kind][0])
    for view in ("table", "markdown"):
        text = seen[view].replace("\\_", "_")
        for said in (FORMULAS[kind], "‖A‖_F", "‖M‖_F", f"{np.linalg.norm(A):.10g}", "entries of A"):
            assert said in text
    rows = list(csv.DictReader(io.StringIO(seen["csv"])))
    assert {row["center"] for row in rows} == {kind}
    np.testing.assert_allclose([float(row["sigma"]) for row in rows], SIGMA[kind], atol=1e-12)


def test_without_it_nothing_is_said_of_another_matrix(mfact, file):
    for words in (("inspect", file), ("flow", file, "-r", 1), ("sweep", file, "--seeds", 2)):
        seen = views(mfact, *words, "--center", "none")
        plain = views(mfact, *words) if words[0] == "inspect" else seen
        assert seen == plain
        for text in seen.values():
            assert "M = A" not in text
            assert "‖A‖" not in text


def test_inspect_says_which_means_hide_the_rest(mfact, file):
    share = 1 - (np.linalg.norm(LESS["columns"]) / np.linalg.norm(A)) ** 2
    held = np.floor(1e4 * share) / 100  # cut: 100 % would leave no rest
    told = f"the means of the columns hold {held:.2f} % of ‖M‖²: see the rest with --center"
    assert f"{told} columns" in " ".join(mfact("inspect", file)[1].split())
    found = json.loads(mfact("inspect", file, "--format", "json")[1])
    assert (found["suggested_center"], found["center"]) == ("columns", "none")
    assert found["center_share"] == pytest.approx(share)
    assert "--center" not in mfact("inspect", file, "--center", "columns")[1]


@pytest.mark.parametrize("kind", LESS)
def test_a_flow_is_of_what_is_left(mfact, file, kind):
    seen = views(mfact, "flow", file, "-r", 2, "--seed", 1, "--points", 3, "--center", kind)
    found = json.loads(seen["json"])
    settings = FlowSettings(rank=2, seed=1, points=3)
    alone = study(LESS[kind], settings)
    assert found["objective"] == f"½‖UVᵀ − M‖_F², {FORMULAS[kind]}"
    assert found["settings"]["center"] == kind
    assert found["matrix"]["uncentered_norm"] == pytest.approx(np.linalg.norm(A))
    assert found["matrix"]["norm"] == pytest.approx(np.linalg.norm(LESS[kind]))
    np.testing.assert_allclose(found["matrix"]["leading_values"], SIGMA[kind][:3])
    losses = [each.loss_excess + 0.5 * np.sum(SIGMA[kind][2:] ** 2) for each in alone.flow.scalars]
    np.testing.assert_allclose([row["loss"] for row in found["flow"]], losses, rtol=1e-7)
    for view in ("table", "markdown"):
        text = " ".join(seen[view].replace("\\_", "_").split())
        assert found["objective"] in text
        assert "‖A‖_F" in text


@pytest.mark.parametrize("kind", LESS)
def test_a_sweep_is_of_what_is_left_and_its_file_keeps_that(mfact, file, tmp_path, kind):
    words = ("sweep", file, "--seeds", 20, "--seed", 4, "--center", kind, "-o", "S.h5")
    code, page, err = mfact(*words)
    assert (code, err) == (0, "wrote S.h5\n")
    objective = f"f = ½‖UVᵀ − M‖_F², {FORMULAS[kind]}"
    assert objective in " ".join(page.split())
    runs = sweep(singular_values(LESS[kind]), A.shape, SweepSettings(seeds=20, seed=4))
    kept = read_sweep(tmp_path / "S.h5")
    assert kept.runs.settings == SweepSettings(seeds=20, seed=4, center=kind)
    np.testing.assert_allclose(kept.runs.values, SIGMA[kind][: len(kept.runs.values)], rtol=1e-9)
    np.testing.assert_array_equal(kept.runs.hits, runs.hits)
    found = json.loads(mfact("show", "S.h5", "--format", "json")[1])
    assert (found["objective"], found["settings"]["center"]) == (objective, kind)
    assert mfact("show", "S.h5") == (0, page, "")
    told = mfact("show", "S.h5", "--command")[1]
    assert told == f"mfact sweep A.npy --center {kind} --seeds 20 --seed 4\n"
    assert mfact("plot", "S.h5", "-o", "S.svg")[0] == 0
    whose = {"mean": "its mean", "columns": "the means of its columns"}
    title = f"A.npy less {whose.get(kind, 'the means of its rows')}"
    assert title in (tmp_path / "S.svg").read_text("utf-8")


def test_a_file_of_a_sweep_without_centring_is_read_as_it_was_written(mfact, file, tmp_path):
    mfact("sweep", file, "--seeds", 5, "--seed", 4, "-q", "-o", "S.h5")
    arrays, document, version = read_image(tmp_path / "S.h5", "sweep", 1)
    del document["settings"]["center"]
    (tmp_path / "old.h5").write_bytes(make_image("sweep", version, arrays, document))
    old = read_sweep(tmp_path / "old.h5")
    assert old.runs.settings == SweepSettings(seeds=5, seed=4)
    assert mfact("show", "old.h5") == mfact("show", "S.h5")
    write_sweep(tmp_path / "again.h5", old)
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "old.h5").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("inspect", "A.npy", "--center", "cols"), 2, "'cols' is not one of 'none', 'mean'"),
        (("sweep", "--growth", "10", "--center", "rows"), 2, "no meaning without a matrix"),
        (("flow", "one.npy", "-r", "1", "--center", "rows"), 1, "less its means the matrix is"),
        (("sweep", "one.npy", "--center", "mean"), 1, "less its means the matrix is rounding"),
        (("figure", "1", "--center", "mean"), 2, "'--center'"),
        (("generate", "G.npy", "--shape", "4x3", "-r", "1", "--center", "mean"), 2, "'--center'"),
        (("inspect", "A.npy", "--zero-center"), 2, "mfact calls it '--center'"),
    ],
)
def test_refusals_are_one_line_with_a_way_out(mfact, file, tmp_path, words, code, told):
    np.save(tmp_path / "one.npy", np.full((5, 4), 0.1))
    got, out, err = mfact(*words)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert told in err


def test_the_environment_names_it(mfact, file, monkeypatch):
    asked = mfact("inspect", file, "--center", "rows")
    monkeypatch.setenv("MFACT_CENTER", "ROWS")
    assert mfact("inspect", file) == asked
    assert "m the means of the rows of A" in " ".join(mfact("flow", file, "-r", 1)[1].split())
    assert "m the means of the rows of A" in " ".join(mfact("sweep", file)[1].split())


def test_a_sparse_file_and_one_that_is_turned(mfact, file, tmp_path):
    from scipy.sparse import csr_array, save_npz

    asked = [json.loads(mfact("inspect", file, "--center", "columns", "--format", "json")[1])]
    save_npz(tmp_path / "S.npz", csr_array(A.T))
    words = ("inspect", "S.npz", "--transpose", "--center", "columns", "--format", "json")
    asked.append(json.loads(mfact(*words)[1]))
    one, other = ({k: v for k, v in found.items() if k not in ("source", "forecast")}
                  for found in asked)  # fmt: skip
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == (value if name == "center" else pytest.approx(value, abs=1e-12))
