"""What `import mfact` shows: few names, loaded when used, each with all its options in view."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest

import mfact
from mfact.errors import SettingsError, UnknownOptionError
from mfact.networks.settings import NetworkSettings
from mfact.options import options_of
from mfact.python import arguments
from mfact.settings import FLOW_OPTIONS, METHODS, FlowSettings, RunSettings, SweepSettings

M = np.outer([3.0, 4.0, 0.0], [1.0, 2.0])
NAMES = {
    "solve", "resume", "load", "inspect", "check", "sweep", "flow", "generate", "network",
    "balance", "compare", "plot", "RunSettings", "Result", "NetworkResult", "ConvergenceWarning",
    "MatrixWarning", "MfactError",
}  # fmt: skip
TAKES = {
    "solve": options_of(RunSettings),
    "flow": FLOW_OPTIONS,
    "sweep": options_of(SweepSettings),
    "network": options_of(NetworkSettings),
}
APART = ("rank", "layers", "flow")
"""What functions have as parameters of their own."""


def test_there_are_these_names_and_no_others():
    assert set(dir(mfact)) == set(mfact.__all__) == NAMES
    assert isinstance(mfact.__version__, str)
    for name in NAMES:
        assert getattr(mfact, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'slove'"):
        _ = mfact.slove


def test_the_import_loads_nothing_big():
    code = "import mfact, sys; dir(mfact); print({'numpy', 'click'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", TAKES)
def test_a_signature_lists_each_option_with_its_default_and_help_its_words(name):
    function, parameters = getattr(mfact, name), inspect.signature(getattr(mfact, name)).parameters
    told = " ".join(pydoc.render_doc(function, renderer=pydoc.plaintext).split())
    for option, asked in TAKES[name].items():
        if option not in APART:
            assert " ".join(f"{option}: {asked.words}".split()) in told
            assert parameters[option].default == asked.default
            assert parameters[option].kind is inspect.Parameter.KEYWORD_ONLY
    assert not any(each.kind is each.VAR_KEYWORD for each in parameters.values())


@pytest.mark.parametrize(
    ("kinds", "settings"),
    [
        (arguments.RunOptions, RunSettings),
        (arguments.FlowOptions, FlowSettings),
        (arguments.SweepOptions, SweepSettings),
        (arguments.NetworkOptions, NetworkSettings),
    ],
)
def test_type_checkers_see_the_options_that_there_are(kinds, settings):
    seen, there = get_type_hints(kinds), get_type_hints(settings)
    names = {
        "weight": {"objective": str, "balance_weight": float},  # by which a flow is told it
        "start": {"start": arguments.NetworkStart if "layers" in there else arguments.Start},
        "method": {"method": str if "layers" in there else arguments.MethodName},
    }
    expected = {}
    for name, kind in there.items():
        expected |= names.get(name, {name: kind})
    for name in APART:
        expected.pop(name, None)
    assert seen == expected
    assert inspect.get_annotations(kinds).keys() == seen.keys()


def test_type_checkers_see_the_methods_that_there_are():
    assert get_args(arguments.MethodName) == tuple(METHODS)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_help_of_the_package_shows_it(name):
    assert name in pydoc.render_doc(mfact, renderer=pydoc.plaintext)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("n_components", "mfact.solve() has no option 'n_components': mfact calls it 'rank'"),
        ("lr", "mfact.solve() has no option 'lr': mfact calls it 'step_size'"),
        ("step_sise", "mfact.solve() has no option 'step_sise': did you mean 'step_size'?"),
        ("output", "mfact.solve() has no option 'output': Result.save writes the run file"),
        ("zzz", "mfact.solve() has no option 'zzz': help(mfact.solve) lists those that it has"),
    ],
)
def test_an_unknown_option_is_named_with_the_one_that_was_meant(word, sentence):
    for kind in (TypeError, SettingsError, UnknownOptionError):
        with pytest.raises(kind) as caught:
            mfact.solve(M, **{word: 2})
        assert str(caught.value) == sentence


def test_what_is_missing_is_told_by_python_itself():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'rank'"):
        mfact.solve(M)


def test_an_option_of_another_function_is_unknown():
    with pytest.raises(TypeError, match=r"mfact\.sweep\(\) has no option 'schedule'"):
        mfact.sweep(M, schedule="constant")
