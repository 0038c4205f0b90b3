"""Pictures as figures of matplotlib and as files: the one place that loads it.

The same picture gives the same bytes, whatever the user's settings of matplotlib are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from io import BytesIO
from os import PathLike
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mfact.errors import MissingPackageError, SettingsError
from mfact.pictures.drawing import Picture
from mfact.pictures.names import FORMATS
from mfact.report.canvas.inks import GRID, INK, QUIET
from mfact.report.canvas.layout import Sheet, put
from mfact.report.canvas.measure import LABEL, TICK, TITLE, Ruler
from mfact.words import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RESOLUTION = 200  # pixels an inch of a png
_ON_SCREEN = 100
_READ = ("MATPLOTLIBRC", "MPLBACKEND")  # variables with which matplotlib may refuse to load
_OLDEST = (3, 9)

_STYLE: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
    "text.parse_math": False,  # a name may hold $ and _
    "text.color": INK,
    "text.hinting": "none",  # so that text is as wide at every resolution
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": LABEL,
    "axes.titlesize": TITLE,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    **{
        f"{way}tick.{name}": value
        for way in "xy"
        for name, value in {
            "labelsize": TICK, "color": QUIET, "labelcolor": INK, "major.pad": 3.0,
            "major.size": 3.0, "major.width": 0.7, "minor.size": 1.8, "minor.width": 0.5,
        }.items()
    },
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "mfact",
    "pdf.fonttype": 42,
}  # fmt: skip


def form_of(path: str | PathLike[str]) -> str:
    """The format that the name of a picture ends with.

    Raises SettingsError for another.

    >>> form_of("runs.SVG")
    'svg'
    """
    form = PurePath(path).suffix[1:].lower()
    if form not in FORMATS:
        raise SettingsError(
            f"{printable(path)} is no name of a picture", f"end it with .{', .'.join(FORMATS)}"
        )
    return form


def require() -> None:
    """Load matplotlib, silently.

    Raises MissingPackageError where it is missing, cannot be loaded, or is too old; SettingsError
    where a file of settings that it reads first, and that nothing can turn off, is no text.
    """
    try:
        with _silence():
            version = _loaded()
    except ImportError as error:
        raise _missing() from error
    except ValueError as error:
        raise SettingsError(
            "matplotlib cannot read the file matplotlibrc of the working folder",
            "rename it, or work in another folder",
        ) from error
    if version < _OLDEST:
        raise _missing()


def figure_of(picture: Picture) -> Figure:
    """The picture as a figure of matplotlib that no window knows of.

    Its artists hold the numbers of the marks. Raises MissingPackageError without matplotlib.
    """
    with _style():
        figure = _figure(picture)
        figure.set_dpi(_ON_SCREEN)
        return figure


def image(picture: Picture, form: str) -> bytes:
    """The picture as the content of a file of this format, one of FORMATS.

    Without dates and versions: the same picture gives the same bytes. Raises MissingPackageError
    without matplotlib.
    """
    with _style():
        figure, buffer, canvas = _figure(picture), BytesIO(), _canvas(form)
        getattr(canvas(figure), f"print_{form}")(buffer, metadata=_about(form, picture.title))
        return buffer.getvalue()


def _canvas(form: str) -> Any:
    if form == "svg":
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        return FigureCanvasSVG
    if form == "pdf":
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        return FigureCanvasPdf
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return FigureCanvasAgg


def _about(form: str, title: str) -> dict[str, str | None]:
    """What a file says of itself: its title, and no date and no version of matplotlib's."""
    unsaid = {
        "svg": ("Date", "Creator", "Format", "Type"),
        "pdf": ("CreationDate", "Creator", "Producer"),
        "png": ("Software",),
    }[form]
    told = {} if form == "png" else {"Title": printable(title)}  # in PNG titles are not Unicode
    return dict.fromkeys(unsaid) | told


def _figure(picture: Picture) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties, findfont, get_font

    figure = Figure(dpi=_RESOLUTION)
    renderer = _canvas("png")(figure).get_renderer()
    font = get_font(findfont(FontProperties()))

    def width(text: str, size: float) -> float:
        found = renderer.get_text_width_height_descent(text, FontProperties(size=size), False)
        return float(found[0]) / figure.dpi

    def measure(artist: Any) -> tuple[float, float]:
        box = artist.get_window_extent(renderer)
        return box.width / figure.dpi, box.height / figure.dpi

    ruler = Ruler(width, lambda character: font.get_char_index(ord(character)) > 0)
    put(picture, Sheet(figure, measure, ruler))
    return figure


def _loaded() -> tuple[int, int]:
    """The version of matplotlib, its figures loaded."""
    try:
        import matplotlib.figure
    except ValueError:  # of a backend that there is not, or a file of settings that is no text
        for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
            del sys.modules[name]  # half of it was loaded
        kept = {name: os.environ.pop(name) for name in _READ if name in os.environ}
        os.environ[_READ[0]] = os.devnull
        try:
            import matplotlib.figure
        finally:
            del os.environ[_READ[0]]
            os.environ.update(kept)
    return matplotlib.__version_info__[:2]


def _missing() -> MissingPackageError:
    oldest = ".".join(map(str, _OLDEST))
    return MissingPackageError(
        f"pictures need matplotlib {oldest} or later", "pip install 'mfact[plot]'"
    )


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """Our settings and no others, and the user's again at the end."""
    require()
    from matplotlib import rc_context, rcParamsDefault

    settings: Any = {
        name: value for name, value in rcParamsDefault.items() if "backend" not in name
    }
    with rc_context(settings | _STYLE):
        yield


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without what matplotlib says while it is loaded: of settings it does not like, of folders
    that it cannot write, of fonts that it lists for the first time.
    """
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
