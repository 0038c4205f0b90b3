"""Networks from TOML: what the tables mean, masks and shared weights from files, refusals."""

import re

import h5py
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from random_architectures import architectures, plain

from mfact.errors import DataError, MfactError, SettingsError, StorageError
from mfact.networks.activations import Leaky, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.named import written
from mfact.networks.spec import parse
from mfact.networks.toml import files, load


def _toml(net, folder):
    """The TOML of a network, its arrays as files beside it; pairs are written out."""
    lines = [f"input = {list(net.given)}"]
    for number, layer in enumerate(stage.layer for stage in net.stages):
        lines.append("[[layer]]")
        if isinstance(layer, Flatten):
            lines.append("flatten = true")
            continue
        if isinstance(layer, Pool):
            lines += [f'pool = "{layer.kind}"', f"kernel = {list(layer.size)}"]
            continue
        if isinstance(layer, Conv):
            lines.append(f"conv = {layer.channels}")
            lines += [f"{k} = {list(getattr(layer, k))}" for k in ("kernel", "stride", "padding")]
        else:
            lines.append(f"units = {layer.units}")
            for key in ("mask", "share"):
                if getattr(layer, key) is not None:
                    np.save(folder / f"{key}-{number}.npy", getattr(layer, key))
                    lines.append(f'{key} = "{key}-{number}.npy"')
        lines.append(f'activation = "{written(layer.activation)}"')
        lines += ["bias = true"] if layer.bias else []
    return "\n".join(lines)


def _load(folder, text, *args):
    (folder / "net.toml").write_text(text, encoding="utf-8")
    return load(str(folder / "net.toml"), *args)


@given(net=architectures(arrays=True))
def test_the_toml_of_a_network_means_that_network(net, tmp_path_factory):
    folder = tmp_path_factory.mktemp("toml")
    assert plain(_load(folder, _toml(net, folder))) == plain(net)


def test_what_the_tables_mean(tmp_path):
    net = _load(tmp_path, """
        input = [2, 12]
        [[layer]]
        conv = 3
        kernel = 4
        padding = 1
        activation = "Leaky .25"
        [[layer]]
        pool = "avg"
        kernel = 2
        [[layer]]
        flatten = true
        [[layer]]
        units = 5
        activation = "square"
        bias = true
        [[layer]]
        units = 2
    """, 24)  # fmt: skip
    assert plain(net) == plain(parse("2x12-c3k4p1a.25-avg2-flat-5qb-2"))
    plane = _load(tmp_path, """
        input = [1, 9, 9]
        [[layer]]
        conv = 2
        kernel = [2, 3]
        stride = [1, 2]
        padding = [0, 1]
        activation = "relu"
        [[layer]]
        flatten = true
        [[layer]]
        units = 1
    """)  # fmt: skip
    layers = [Conv(2, (2, 3), (1, 2), (0, 1), Relu()), Flatten(), Dense(1)]
    assert plain(plane) == plain(Architecture.of(layers, (1, 9, 9)))


@pytest.mark.parametrize("inputs", [(4,), (None, 4)])
def test_the_input_may_be_left_out(tmp_path, inputs):
    text = "[[layer]]\nunits = 3\n[[layer]]\nunits = 2"
    assert _load(tmp_path, text, *inputs).shapes == ((3, 4), (2, 3))
    assert _load(tmp_path, f"input = 4\n{text}").shapes == ((3, 4), (2, 3))


def test_masks_and_maps_are_read_from_the_folder_of_the_file_whatever_their_kind(tmp_path):
    mask, share = np.array([[1, 0], [0, 1], [1, 1]]), np.array([[1, 2, 0], [2, 1, 3]])
    scipy.sparse.save_npz(tmp_path / "m.npz", scipy.sparse.csr_array(mask))
    with h5py.File(tmp_path / "maps.h5", "w") as file:
        file["one"], file["two"] = share, share
    text = """
        [[layer]]
        units = 3
        mask = "m.npz"
        [[layer]]
        units = 2
        share = "maps.h5:/two"
    """
    first, second = (stage.layer for stage in _load(tmp_path, text, 2).stages)
    np.testing.assert_array_equal(first.mask, mask)
    np.testing.assert_array_equal(second.share, share)
    assert (first.mask.dtype, second.share.dtype) == (np.bool_, np.int64)
    named = [str(tmp_path / name) for name in ("m.npz", "maps.h5:/two")]
    assert files(str(tmp_path / "net.toml")) == tuple(named)


SECOND = "\n[[layer]]\nunits = 2"
REFUSED = [
    ("units = 3\nlayers = 2", "layer 1: it has an unknown key, 'layers'.*the keys are units"),
    ("neurons = 3", "unknown key, 'neurons': mfact calls it units"),
    ("units = 3\nbais = true", "did you mean bias"),
    ("units = 3\nkernel = 3", "unknown key, 'kernel'"),
    ("pool = 'max'\nkernel = 2\nstride = 2", "unknown key, 'stride'"),
    ("bias = true", "unknown key|does not say what it is: give it one of units, conv"),
    ("", "does not say what it is: give it one of units, conv"),
    ("units = 3\nconv = 2", "both units and conv: give it one"),
    ("units = 0", "layer 1: units is 0: write a whole number from 1"),
    ("units = 3.0", "units is 3.0: write a whole number"),
    ("units = true", "units is True"),
    ("units = 9999999999999", "units is 9999999999999"),
    ("units = 3\nbias = 1", "bias is 1: write true or false"),
    ("units = 3\nactivation = 'tanh'", "tanh, which does not scale.*--show-broken tanh"),
    ("units = 3\nactivation = 'batchnorm'", "batch normalization"),
    ("units = 3\nactivation = 'wavy'", "activation is 'wavy': write \"relu\""),
    ("units = 3\nactivation = 'leaky 2'", "activation is 'leaky 2'"),
    ("units = 3\nactivation = 'leaky nan'", "activation is 'leaky nan'"),
    ("units = 3\nactivation = 3", "activation is 3"),
    ("units = 3\nmask = 3", "mask is 3: name a file"),
    ("units = 3\nmask = 'ok.npy'\nshare = 'map.npy'", "has a mask and a share"),
    ("units = 3\nmask = 'none.npy'", "layer 1: .*none.npy does not exist"),
    ("units = 3\nmask = 'wide.npy'", "layer 1: a mask is 3×5, and its layer is 3×4"),
    ("units = 3\nmask = 'half.npy'", "0.5 at row 1, column 2 .*: give 0 and 1 alone"),
    ("units = 3\nmask = 'nan.npy'", "not finite, nan, at row 1, column 2"),
    ("units = 3\nshare = 'wide.npy'", "a share is 3×5, and its layer is 3×4"),
    ("units = 3\nshare = 'half.npy'", "0.5 at row 1, column 2 .*: number the weights 1, 2, "),
    ("units = 3\nshare = 'negative.npy'", "-1 at row 1, column 2"),
    ("units = 3\nshare = 'gap.npy'", "goes up to 5 and leaves out 2: .* without a gap"),
    ("units = 3\nshare = 'huge.npy'", "goes up to 1e[+]300 and leaves out 2"),
    ("units = 3\nshare = 'zero.npy'", "has no weights"),
    ("conv = 3\nkernel = 3", "layer 1: a convolution of 3 channels needs channels on a grid"),
    ("conv = 3", "it has no kernel: write kernel = 3, or a pair"),
    ("conv = 3\nkernel = [3, 3, 3]", r"kernel is \[3, 3, 3\]"),
    ("conv = 3\nkernel = 3\nstride = 0", "stride is 0: write a whole number from 1"),
    ("conv = 3\nkernel = 3\npadding = 'same'", "padding is 'same': write a whole number from 0"),
    ("conv = 3\nkernel = 3\npadding_value = 1", "pads with 1, a constant that does not scale"),
    ("pool = 'mean'\nkernel = 2", 'pool is \'mean\': write "max" or "avg"'),
    ("flatten = false", "flatten is not true"),
]


@pytest.mark.parametrize(("table", "pattern"), REFUSED)
def test_a_layer_that_is_refused(table, pattern, tmp_path):
    ones = np.ones((3, 4))
    changes = {"ok": 1, "map": 2, "half": 0.5, "nan": np.nan, "negative": -1, "gap": 5,
               "huge": 1e300}  # fmt: skip
    for name, value in changes.items():
        A = ones.copy()
        A[1, 2] = value
        np.save(tmp_path / f"{name}.npy", A)
    np.save(tmp_path / "wide.npy", np.ones((3, 5), int))
    np.save(tmp_path / "zero.npy", 0 * ones)
    with pytest.raises(MfactError) as caught:
        _load(tmp_path, f"[[layer]]\n{table}{SECOND}", 4)
    message = str(caught.value)
    assert message.startswith("net.toml, layer 1: ")
    assert message.isprintable()
    assert caught.value.way_out
    assert re.search(pattern, message), message
    kind = StorageError if "none.npy" in table else (SettingsError, DataError)
    assert isinstance(caught.value, kind)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "no layers: write each as a table"),
        ("layer = 3", "no layers"),
        ("[[layer]]\nunits = 3", "one layer keeps no law"),
        (f"input = [2, 3]{SECOND}{SECOND}", "input of 2×3, which is 6 features, and X has 4"),
        (f"input = [1, 1, 2, 2]{SECOND}{SECOND}", "input has 4 sizes"),
        (f"input = 'four'{SECOND}{SECOND}", "input is 'four'"),
        (f"inputs = 4{SECOND}{SECOND}", "unknown key, 'inputs': did you mean input?"),
        ("[[layer]\n", "is not TOML"),
        (f"input = {'9' * 5000}", "is not TOML"),
        ("[[layer]]\nunits = " + "[" * 5000, "is not TOML"),
        ("#" * 2_000_000, "too large to describe a network"),
    ],
)
def test_a_file_that_is_refused(text, pattern, tmp_path):
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, text, 4)
    assert caught.value.way_out
    assert str(caught.value).isprintable()
    assert re.search(pattern, str(caught.value)), str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(StorageError, match=r"no\.toml cannot be read: No such file"):
        load(str(tmp_path / "no.toml"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(SettingsError, match="is not TOML"):
        load(str(tmp_path / "latin.toml"))


def test_names_of_activations():
    assert [written(each) for each in (Relu(), Square(), Leaky(0.1 + 0.2))] == [
        "relu", "square", "leaky 0.30000000000000004",
    ]  # fmt: skip
