"""Files of pictures: the same bytes each time, small, and silent in the making."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from pictures_by_hand import every_mark, one

from mfact.errors import MissingPackageError
from mfact.pictures.drawing import Dots, Line, Pen
from mfact.pictures.names import FORMATS
from mfact.report.plots import figure_of, image, require

LOOKS = {
    "text.usetex": True, "text.parse_math": True, "font.family": "monospace", "font.size": 30.0,
    "svg.fonttype": "path", "figure.dpi": 33.0, "savefig.bbox": "tight", "lines.linewidth": 9.0,
    "axes.grid": False, "axes.unicode_minus": False, "figure.constrained_layout.use": True,
}  # fmt: skip
"""Settings that a user may have."""


def test_the_title_of_an_svg_is_the_pictures():
    root = ElementTree.fromstring(image(one(title="a < b & ½"), "svg"))
    assert root[0].tag == "{http://www.w3.org/2000/svg}title"
    assert root[0].text == "a < b & ½"


@pytest.mark.parametrize("form", FORMATS)
def test_the_users_settings_change_no_byte_and_stay(form, capfd):
    plain = image(every_mark(), form)
    with matplotlib.rc_context(LOOKS):
        before = dict(matplotlib.rcParams.copy())
        assert image(every_mark(), form) == plain
        assert dict(matplotlib.rcParams.copy()) == before
    assert capfd.readouterr() == ("", "")
    assert plain.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[form])
    assert b"atplotlib v" not in plain


CHILD = """
import hashlib, sys
import numpy as np
from mfact.pictures.drawing import *
from mfact.pictures.names import FORMATS
from mfact.report.plots import image
assert "matplotlib" not in sys.modules
x = np.arange(1.0, 300.0)
marks = Line("$\\\\frac{1}", x, x), Dots("_x", x, 1 / x, Pen(1)), Band("b", x, x, 2 * x)
picture = Picture("½", ((Panel("", Axis("x"), Axis("y", log=True), marks),),), ("a note",))
print(*(hashlib.sha256(image(picture, form)).hexdigest() for form in FORMATS))
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.slow
def test_the_bytes_are_the_same_in_every_process_and_nothing_is_said(tmp_path):
    """Also where fonts are listed for the first time, no folder of settings can be written, the
    settings are nonsense and the backend does not exist.
    """
    settings = tmp_path / "matplotlibrc"
    settings.write_text("font.size: 30\nno.such: 1\naxes.grid: maybe\nsvg.fonttype: path\n")
    found = set()
    for hostile in (
        {"MPLCONFIGDIR": str(tmp_path / "new")},
        {"MATPLOTLIBRC": str(settings), "MPLBACKEND": "no such", "PYTHONHASHSEED": "7"},
        {"MPLCONFIGDIR": "/dev/null/no", "SOURCE_DATE_EPOCH": "7", "TZ": "Asia/Tokyo"},
    ):
        child = subprocess.run(
            [sys.executable, "-c", CHILD], env=os.environ | hostile, capture_output=True, text=True
        )
        assert (child.returncode, child.stderr) == (0, "")
        found.add(child.stdout)
    assert len(found) == 1


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for call in (require, lambda: image(every_mark(), "svg"), lambda: figure_of(every_mark())):
        with pytest.raises(MissingPackageError) as caught:
            call()
        assert str(caught.value) == (
            "pictures need matplotlib 3.9 or later: pip install 'mfact[plot]'"
        )


def test_a_matplotlib_that_is_too_old_is_refused(monkeypatch):
    monkeypatch.setattr(matplotlib, "__version_info__", (3, 8, 4), raising=False)
    with pytest.raises(MissingPackageError, match=r"3\.9 or later"):
        require()


def test_a_file_of_a_run_of_a_thousand_rows_is_small():
    rng = np.random.default_rng(0)
    x = np.arange(1000.0)
    rough = [np.exp(-x / 90) * rng.uniform(0.9, 1.1, 1000) for _ in range(50)]
    run = (Dots("run", x, rough[0], Pen(1)), Line("law", x, rough[1]), Line("bound", x, rough[2]))
    assert len(image(one(*run), "svg")) < 150_000
    runs = (Line(f"run {k}", x, y, Pen(k)) for k, y in enumerate(rough))
    assert len(image(one(*runs), "svg")) < 2_000_000


def test_a_file_of_settings_that_is_no_text_is_named(tmp_path):
    """Of the working folder, which matplotlib reads before all others."""
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe")
    code = "from mfact.report.plots import require\ntry: require()\nexcept Exception as e: print(e)"
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert child.stdout == (
        "matplotlib cannot read the file matplotlibrc of the working folder: "
        "rename it, or work in another folder\n"
    )
