"""Networks as JSON values and arrays, and back: exactly, and nothing else."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_architectures import architectures, plain

from mfact.networks.architecture import Architecture
from mfact.networks.layers import Dense
from mfact.networks.spec import broken, parse
from mfact.storage.architectures import arrays_of, described, restored


@given(net=architectures(arrays=True, broken=True))
def test_a_network_comes_back_as_it_was(net):
    document = json.loads(json.dumps(described(net)))
    back = restored(document, arrays_of(net))
    assert plain(back) == plain(net)
    assert described(back) == document


def test_the_contrast_of_show_broken_comes_back():
    net = broken(parse("1x6x6-c2k3p1rb-avg2-flat-4q-2"), "gelu")
    assert plain(restored(described(net), {})) == plain(net)


def _sample():
    mask, share = np.eye(3, 4) > 0, np.array([[1, 2, 0], [2, 1, 1]])
    net = Architecture.of([Dense(3, mask=mask), Dense(2, share=share), Dense(2)], (4,))
    return described(net), arrays_of(net)


NUMBER = [0, -1, 2**31, 2**80, 1.0, True, "3", None, [3], float("nan")]
CHANGES = [
    *[(("layers", 0, "units"), value) for value in NUMBER],
    *[(("input", 0), value) for value in NUMBER],
    *[(("layers", 0, "bias"), value) for value in (0, 1, None, "yes")],
    *[(("layers", 0, "activation"), value)
      for value in ("ReLU", "leaky 0.10", "leaky 1", "leaky inf", "leaky", "", 3, None, "x" * 500)],
    *[(("layers", 0, "mask"), value) for value in (0, "mask/1", None, False)],
    *[(("layers", 0, "layer"), value) for value in ("dense", "object", None, 3, ["Dense"])],
    *[(("layers", 0), value) for value in ({}, [], None, "Dense", {"layer": "Dense"})],
    *[(("layers",), value) for value in ([], {}, None, 3)],
    *[(("input",), value) for value in ([], [1, 2], [1] * 4, 4, None, [5])],
    (("layers", 0, "more"), 1),
    (("more",), 1),
    (("layers", 1, "mask"), True),
    (("layers", 2, "share"), True),
    (("layers", 0, "\x1b[2J"), 1),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value"), CHANGES)
def test_what_mfact_does_not_write_is_refused(place, value):
    document, arrays = _sample()
    changed = copy.deepcopy(document)
    *way, last = place
    at = changed
    for step in way:
        at = at[step]
    at[last] = value
    with pytest.raises(ValueError, match="network") as caught:
        restored(changed, arrays)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


MISSING = [
    ("input",), ("layers",), ("layers", 0, "units"), ("layers", 1, "share"),
    ("layers", 2, "activation"),
]  # fmt: skip


@pytest.mark.parametrize("place", MISSING)
def test_what_is_missing_is_refused(place):
    document, arrays = _sample()
    *way, last = place
    at = document
    for step in way:
        at = at[step]
    del at[last]
    with pytest.raises(ValueError, match=f"network.* lacks {last}"):
        restored(document, arrays)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"mask/1": None}, "lacks mask/1"),
        ({"mask/1": np.ones((3, 5))}, "mask is 3×5"),
        ({"mask/1": np.full((3, 4), 2)}, "mask/1 has 2 at row 0"),
        ({"mask/1": np.full((3, 4), np.nan)}, "mask/1 has nan at row 0"),
        ({"mask/1": np.ones(3)}, "mask/1 has shape"),
        ({"mask/1": np.full((3, 4), "1")}, "mask/1 has shape .* and kind <U1"),
        ({"share/2": np.array([[1, 3, 0], [1, 1, 1]])}, "share/2 goes up to 3 and leaves out 2"),
        ({"share/2": np.full((2, 3), -(2**63))}, "share/2 has -9.22337e[+]18"),
        ({"mask/3": np.ones((2, 2))}, "no layer with mask/3"),
        ({"share/\x1b": np.ones((2, 2))}, "no layer with share/"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, match):
    document, arrays = _sample()
    arrays = {k: v for k, v in (arrays | change).items() if v is not None}
    with pytest.raises(ValueError, match=match) as caught:
        restored(document, arrays)
    assert str(caught.value).isprintable()


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(document=st.fixed_dictionaries({"input": JSON, "layers": JSON}) | JSON)
def test_any_document_is_refused_by_a_value_error(document):
    with pytest.raises(ValueError):
        restored(document, {})
