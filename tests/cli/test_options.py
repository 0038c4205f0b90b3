"""Option values: what is refused, where a value comes from, and which source wins."""

from __future__ import annotations

import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.cli.config import sources
from mfact.cli.help import helpful_command
from mfact.cli.options import run_options, settings_of
from mfact.cli.types import Shape, Typed
from mfact.ranges import Count, Real, Size
from mfact.settings import RunSettings


@helpful_command("probe")
@run_options
@click.pass_context
def probe(ctx, /, **values):
    return settings_of(ctx, values)


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """RunSettings and sources of a command line without a matrix."""
    import os

    for name in [k for k in os.environ if k.startswith("MFACT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call(*args):
        return probe.main(list(args), standalone_mode=False)

    return call


def test_a_rank_alone_gives_the_defaults(parse):
    settings, came_from = parse("-r", "5")
    assert settings == RunSettings(rank=5)
    assert came_from["rank"] == "flag"
    assert {v for k, v in came_from.items() if k != "rank"} == {"default"}


def test_precedence_flag_environment_config_default(parse, monkeypatch, tmp_path):
    (tmp_path / "run.toml").write_text(
        "rank = 2\ntol = 1e-3\nmax-iter = 10\nstart_scale = 0.5\noptimum = false\n"
    )
    monkeypatch.setenv("MFACT_TOL", "1e-4")
    monkeypatch.setenv("MFACT_MAX_ITER", "20")
    settings, came_from = parse("--config", "run.toml", "--max-iter", "30")
    assert settings == RunSettings(rank=2, tol=1e-4, max_iter=30, start_scale=0.5, optimum=False)
    assert came_from["max_iter"] == "flag"
    assert came_from["tol"] == "environment"
    assert came_from["rank"] == came_from["start_scale"] == came_from["optimum"] == "config"
    assert came_from["seed"] == "default"


CHOICES = {"objective": "balanced", "schedule": "constant", "start": "spectral",
           "method": "gradient-descent", "fast_forward": "off", "engine": "direct"}  # fmt: skip


@pytest.mark.parametrize("typed", [str.upper, str.title])
@pytest.mark.parametrize("source", ["flag", "environment", "config"])
def test_choices_are_ours_in_whichever_case_they_were_typed(
    parse, monkeypatch, tmp_path, source, typed
):
    given = {name: typed(choice) for name, choice in CHOICES.items()}
    words = []
    if source == "flag":
        words = [f"--{name.replace('_', '-')}={choice}" for name, choice in given.items()]
    elif source == "environment":
        for name, choice in given.items():
            monkeypatch.setenv(f"MFACT_{name.upper()}", choice)
    else:
        (tmp_path / "run.toml").write_text("".join(f"{n} = '{c}'\n" for n, c in given.items()))
        words = ["--config", "run.toml"]
    settings, came_from = parse("-r", "1", *words)
    assert settings == RunSettings(rank=1, **CHOICES)
    assert {came_from[name] for name in CHOICES} == {source}


def test_a_start_is_the_file_of_that_very_name(parse, tmp_path):
    (tmp_path / "Spectral").touch()
    assert parse("-r", "1", "--start", "Spectral")[0].start_file == "Spectral"
    assert parse("-r", "1", "--start", "SPECTRAL")[0].start_file is None


def test_what_is_printed_and_stored_is_in_our_spelling(mfact, inputs):
    line = ("solve", "M.npy", "-r", "1", "--seed", "1", "--schedule", "CONSTANT", "-o", "r.h5")
    code, out, _ = mfact(*line, "--format", "JSON")
    assert (code, json.loads(out)["settings"]["schedule"]["value"]) == (0, "constant")
    assert "--schedule constant" in mfact("show", "r.h5", "--command")[1]


def test_the_config_file_can_come_from_the_environment(parse, monkeypatch, tmp_path):
    (tmp_path / "run.toml").write_text("rank = 3")
    monkeypatch.setenv("MFACT_CONFIG", "run.toml")
    assert parse()[0].rank == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rank = 2\ntoll = 1", "unknown key 'toll': did you mean 'tol'?"),
        ("rank = 2\nzzzzzz = 1", "unknown key 'zzzzzz': see --help"),
        ("rank = 2\nconfig = 'a'", "unknown key 'config'"),
        ("[solve]\nrank = 2", "unknown key 'solve'"),
        ("rank = 2.5", "'rank': 2.5 is not a whole number"),
        ("rank = true", "'rank' is a truth value"),
        ("rank = [1]", "'rank' is an array"),
        ("rank = 0", "'rank': 0 is not at least 1"),
        ("rank = 2\ntol = nan", "'tol': nan is not finite"),
        ("rank = 2\nobjective = 'flat'", "'objective': 'flat' is not one of"),
        ("rank = 2\nforce = 1", "'force' is a int: write true or false"),
        ("rank = 2\nmax-iter = 3\nmax_iter = 4", "given twice"),
        ("rank = ", "is not TOML"),
        ("a" * 3 + "=" + "[" * 5000, "TOML"),
    ],
)
def test_bad_config_is_named(parse, tmp_path, text, message):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(click.UsageError) as caught:
        parse("-r", "1", "--config", "run.toml")
    assert message in caught.value.format_message()
    assert "run.toml" in caught.value.format_message()


def test_config_that_cannot_be_read(parse, tmp_path):
    with pytest.raises(click.UsageError, match=r"cannot read the config file missing\.toml"):
        parse("--config", "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b"rank = 2 # \xff")
    with pytest.raises(click.UsageError, match="not UTF-8"):
        parse("--config", "latin.toml")


@pytest.mark.parametrize(
    "args",
    [
        ("--tol", "nan"), ("--tol", "inf"), ("--tol", "-1"), ("--step-size", "0"),
        ("--step-size", "-inf"), ("--delta", "0"), ("--delta", "0.6"), ("--max-time", "nan"),
        ("--eps", "0"), ("--balance-weight", "-1"), ("--patience", "0"), ("--every", "0"),
        ("--seed", "-1"), ("--threads", "0"), ("--schedule", "fast"), ("--dtype", "float16"),
        ("--max-iter", "1.5"), ("--max-basis-bytes", "lots"), ("--rank", "0"), ("--rank", "x"),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(parse, args):
    with pytest.raises(click.BadParameter):
        parse("-r", "1", *args)


@given(st.floats())
def test_a_real_is_finite_and_in_range(value):
    kind = Typed(Real(above=0, most=10))
    if 0 < value <= 10:
        assert kind.convert(repr(value), None, None) == value
    else:
        with pytest.raises(click.BadParameter):
            kind.convert(repr(value), None, None)


@given(st.integers(0, 2**70))
def test_a_count_keeps_every_integer(value):
    assert Typed(Count()).convert(str(value), None, None) == value


def test_counts_written_as_powers():
    assert Typed(Count()).convert("1e6", None, None) == 1_000_000
    assert Typed(Count()).convert("1_000", None, None) == 1000
    assert (
        Typed(Count()).convert("1e30", None, None)
        == Typed(Count()).convert(1e30, None, None)
        == 10**30
    )
    for bad in ("1e4300", "1e999999999", "nan", "inf", "1e-3", "", True):
        with pytest.raises(click.BadParameter):
            Typed(Count()).convert(bad, None, None)


@pytest.mark.parametrize(
    ("text", "size"), [("10", 10), ("2k", 2048), ("1.5MiB", 1572864), ("2 GB", 2**31)]
)
def test_sizes(text, size):
    assert Typed(Size()).convert(text, None, None) == size


@pytest.mark.parametrize("text", ["120x80", "120 x 80", "120×80", "120,80"])
def test_shapes(text):
    assert Typed(Shape()).convert(text, None, None) == (120, 80)


@pytest.mark.parametrize("text", ["0x5", "5", "axb", "-1x5", "1x2x3"])
def test_bad_shapes(text):
    with pytest.raises(click.BadParameter):
        Typed(Shape()).convert(text, None, None)


def test_sources_speak_of_known_words_only():
    ctx = click.Context(probe)
    assert sources(ctx, {"rank": 1}) == {"rank": "default"}
