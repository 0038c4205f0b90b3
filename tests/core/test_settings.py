"""Options as values: one range for what is typed and for what Python gives, one sentence."""

from __future__ import annotations

from dataclasses import MISSING, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.cli.options import flags
from mfact.engines.choice import ENGINES
from mfact.errors import SettingsError
from mfact.options import Option, options_of, refuse_idle, require_kinds
from mfact.ranges import MOST_INDEX, Count, Flag, OneOf, Real, Size, Text
from mfact.settings import FlowSettings, RunSettings, SweepSettings

REALS = (Real(), Real(above=0), Real(least=0), Real(least=-2, most=3), Real(above=0, most=0.5))
COUNTS = (Count(), Count(least=1), Count(least=2, most=5), Count(most=2**128 - 1))
KINDS = (RunSettings, FlowSettings, SweepSettings)


@given(st.sampled_from(REALS), st.floats())
def test_a_number_is_read_where_it_is_admitted(kind, value):
    if kind.admits(value):
        assert kind.read(repr(value)) == value
    else:
        with pytest.raises(ValueError, match="is not"):
            kind.read(repr(value))


@given(st.sampled_from(COUNTS), st.integers(-3, 2**129) | st.just(10**4300))
def test_a_count_is_read_where_it_is_admitted(kind, value):
    if kind.admits(value):
        assert kind.read(value) == value
    else:
        with pytest.raises(ValueError, match="is not"):
            kind.read(value)


@pytest.mark.parametrize(
    ("kind", "way_out"),
    [
        (Text(), "it must be text"),
        (Flag(), "it must be True or False"),
        (OneOf(("a", "b")), "choose one of a, b"),
        (Real(above=0), "it must be a positive, finite number"),
        (Real(least=0), "it must be a finite number of at least 0"),
        (Real(above=0, most=0.5), "it must be a finite number above 0 and at most 0.5"),
        (Count(), "it must be a whole number of at least 0 and at most 4214 digits"),
        (Size(), "it must be a whole number of at least 1 and at most 4214 digits"),
        (Count(1, 4096), "it must be a whole number of at least 1 and at most 4096"),
        (Count(1, MOST_INDEX), "it must be a whole number of at least 1, below 2^63"),
        (Count(most=2**128 - 1), "it must be a whole number of at least 0, below 2^128"),
    ],
)
def test_a_refusal_says_what_to_give(kind, way_out):
    assert kind.way_out == way_out


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_is_admitted_and_every_choice_is_there(kind):
    options = options_of(kind)
    for field in fields(kind):
        if (option := options.get(field.name)) is None:
            continue
        assert field.default is MISSING or field.default == option.default
        if field.default not in (MISSING, None):
            assert option.kind.admits(field.default)
        if field.default is None:
            assert option.unset  # says what is then done
        if option.belongs is not None:
            chooser, choices = option.belongs
            assert chooser in options
            assert all(options[chooser].kind.admits(choice) for choice in choices)


@pytest.mark.parametrize("kind", KINDS)
def test_the_docstring_tells_every_option(kind):
    for name, option in options_of(kind).items():
        assert f"    {name}: {option.words}" in kind.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_for_a_number_or_a_path_becomes_one(kind, tmp_path):
    found = kind(rank=np.int32(3), seed=np.uint8(4))
    assert (type(found.rank), type(found.seed)) == (int, int)
    if kind is not SweepSettings:
        assert kind(rank=1, start_scale=2).start_scale.hex() == "0x1.0000000000000p+1"
        assert kind(rank=1, start=tmp_path).start == str(tmp_path)


def test_an_option_means_something_with_its_choices_alone():
    options = {"a": Option(1, "Model", "", Count(), belongs=("b", ("x", "y")))}
    refuse_idle(options, {"b": "y"}, ["a"])
    refuse_idle(options, {"b": "z"}, ["b"])
    with pytest.raises(SettingsError, match="--a has no meaning with --b z: leave it"):
        refuse_idle(options, {"b": "z"}, ["a"])


def test_none_is_a_value_only_where_it_is_the_default():
    require_kinds(RunSettings(rank=1, seed=None))
    with pytest.raises(SettingsError, match="--tol is None: it must be"):
        require_kinds(RunSettings(rank=1, tol=None))


def test_flags_are_made_of_options_in_their_order():
    @flags({"on": Option(True, "Model", "One.", Flag()), "a_b": Option("x", "Model", "", Text())})
    def command(): ...

    *_, last, first = [(p.name, p.opts, p.secondary_opts) for p in command.__click_params__]
    assert first == ("on", ["--on"], ["--no-on"])
    assert last == ("a_b", ["--a-b"], [])


def test_the_engines_to_choose_from_are_those_there_are():
    assert options_of(RunSettings)["engine"].kind == OneOf(("auto", *sorted(ENGINES)))
