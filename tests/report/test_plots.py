"""What is drawn are the numbers of the picture, and every text is seen."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.text import Text
from pictures_by_hand import GAP, LOG, PICTURES, STEP, STEPS, columns, every_mark, one

from mfact.pictures.drawing import Axis, Band, Bars, Dash, Dots, Hue, Line, Panel, Pen, Picture
from mfact.report.canvas.inks import colour, dashes, shape
from mfact.report.plots import figure_of, image


def drawn(picture):
    figure = figure_of(picture)
    figure.set_dpi(200)  # as in a file: letters of fewer pixels may be of other widths
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    return figure, renderer


def texts(figure):
    return [it for it in figure.findobj(Text) if it.get_visible() and it.get_text()]


def test_the_artists_hold_the_numbers_of_the_marks():
    picture = every_mark()
    (axes,) = figure_of(picture).axes
    band, bars, first, second, dots, tolerance, upright, ticks = picture.panels[0].marks
    lines = iter(axes.lines)
    for mark in (first, second, dots):
        line = next(lines)
        assert np.array_equal(line.get_xdata(), mark.x)
        assert np.array_equal(line.get_ydata(), mark.y)
    assert list(next(lines).get_ydata()) == [tolerance.at] * 2
    assert list(next(lines).get_xdata()) == [upright.at] * 2
    assert np.array_equal(next(lines).get_xdata(), ticks.x)
    (steps,) = (patch for patch in axes.patches if patch.get_data)
    assert np.array_equal(steps.get_data().values, bars.heights)
    assert np.array_equal(steps.get_data().edges, bars.edges)
    corners = axes.collections[0].get_paths()[0].vertices
    for y in (band.low, band.high):
        assert set(zip(band.x, y, strict=True)) <= set(map(tuple, corners))


@pytest.mark.parametrize("name", PICTURES)
def test_every_text_is_seen_and_none_stands_on_another_or_on_the_data(name):
    figure, renderer = drawn(PICTURES[name])
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    upright = [text.get_rotation() in (0, 90) for text in texts(figure)]  # boxes of others meet
    for (some, box), (other, its) in itertools.combinations(itertools.compress(boxes, upright), 2):
        assert not box.overlaps(its), (some, other)
    legends = [("legend", it.get_window_extent(renderer)) for it in figure.findobj(Legend)]
    for what, box in boxes + legends:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, what
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, what
        for axes in figure.axes:
            assert not axes.bbox.overlaps(box) or what.startswith("nothing"), what


def test_only_the_lowest_panel_of_a_column_has_words_along_x_and_all_have_one_axis():
    figure = figure_of(columns(2, True))
    high, low = figure.axes[:2]
    assert high.get_xlim() == low.get_xlim()
    assert (high.get_xlabel(), low.get_xlabel()) == ("", "step")
    assert high.get_position().x0 == low.get_position().x0
    assert [axes.get_position().y1 for axes in figure.axes[::2]] == [high.get_position().y1] * 2


def test_panels_side_by_side_stand_at_one_height_whatever_the_legend_of_one_needs():
    plain = Panel("", STEP, LOG, (Line("", STEPS, GAP),))
    told = Panel("told", STEP, LOG, tuple(Line(f"run {k}" * 9, STEPS, GAP) for k in range(5)))
    figure = figure_of(Picture("p", ((plain, told), (told, plain), (plain, plain))))
    boxes = [axes.get_position() for axes in figure.axes]
    for row in (boxes[::2], boxes[1::2]):
        assert np.ptp([(box.y0, box.y1) for box in row], axis=0) == pytest.approx([0, 0])


def test_columns_of_the_same_curves_have_one_legend():
    marks = (Line("W₁ and W₂", STEPS, GAP), Line("W₂ and W₃", STEPS, 2 * GAP, Pen(1)))
    panels = tuple((Panel(name, STEP, LOG, marks),) for name in "abcd")
    figure = figure_of(Picture("Figure 2", panels))
    assert len(figure.findobj(Legend)) == 1
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["W₁ and W₂", "W₂ and W₃"]


def test_a_point_without_neighbours_is_a_dot():
    y = np.array([1, 2, np.nan, 3, np.nan, np.inf])
    curve, dot = figure_of(one(Line("a", np.arange(6.0), y), y=Axis("y"))).axes[0].lines
    assert np.array_equal(curve.get_ydata(), y, equal_nan=True)
    assert (list(dot.get_xdata()), list(dot.get_ydata())) == ([3.0], [3.0])


def test_where_nothing_is_positive_a_panel_on_a_logarithmic_axis_says_so():
    (axes,) = figure_of(PICTURES["nothing"]).axes
    assert [text.get_text() for text in axes.texts] == ["nothing above 0 to draw here"]
    assert (list(axes.get_yticks()), axes.get_legend()) == ([], None)
    assert not len(figure_of(every_mark()).axes[0].texts)


def test_a_band_that_reaches_zero_reaches_the_end_of_a_logarithmic_axis():
    band = Band("a", STEPS, np.where(STEPS > 100, 0, GAP), 3 * GAP)
    (axes,) = figure_of(one(band)).axes
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == axes.get_ylim()[0] > 0


def test_a_name_is_no_formula_and_what_the_font_lacks_is_an_escape():
    root = ElementTree.fromstring(image(PICTURES["hostile"], "svg"))
    told = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"$\\frac{1}", "_x", "a^{2}$_$", "<b>&amp;\"'"} <= told
    assert {"\\u6570\\u636e.npy", "\\x1b[31m\\n"} <= told
    symbols = "σ₁ ‖D‖_F UᵀU ½ − ≤ × η ε Σᵢ ∇ √ ⁻¹⁰ κ … ∞"
    assert symbols in {text.get_text() for text in texts(figure_of(one(title=symbols)))}


def test_counted_hues_are_told_apart_by_colour_and_dashes_and_six_of_them_in_grey():
    pens = [Pen(k, dash) for dash in Dash for k in range(30)]
    assert len({(colour(pen), str(dashes(pen))) for pen in pens}) == len(pens)
    assert len({(colour(Pen(k)), shape(Pen(k))) for k in range(36)}) == 36
    hues = [matplotlib.colors.to_rgb(colour(Pen(k))) for k in range(6)]
    grey = sorted(np.array(hues) @ [0.299, 0.587, 0.114])
    assert np.diff(grey).min() > 0.05
    red, blue = (matplotlib.colors.to_rgb(colour(Pen(hue))) for hue in (Hue.RED, Hue.BLUE))
    assert np.subtract(red, blue) @ [0.299, 0.587, 0.114] > 0.15


WILD = st.lists(st.floats(width=64), min_size=6, max_size=6)


@settings(settings.get_profile("brief"))
@given(WILD, WILD, WILD, st.booleans(), st.booleans())
def test_whatever_the_numbers_are_a_picture_is_drawn(x, y, z, log_x, log_y):
    x, y, z = map(np.array, (x, y, z))
    x, low, high = np.sort(x), np.fmin(y, z), np.fmax(y, z)
    marks = (Band("b", x, low, high), Bars("h", x, y[:5]), Line("l", x, y), Dots("d", x, z))
    picture = one(*marks, x=Axis("x", log=log_x), y=Axis("y", log=log_y))
    assert ElementTree.fromstring(image(picture, "svg")).tag.endswith("svg")


def test_a_strip_does_not_tell_again_what_the_panel_above_it_has_told():
    curve, other = Line("a", STEPS, GAP), Line("b", STEPS, GAP, Pen(1))
    column = (Panel("", STEP, LOG, (curve,)), Panel("", STEP, LOG, (curve, other), height=0.3))
    high, low = (axes.get_legend() for axes in figure_of(Picture("p", (column,))).axes)
    assert [text.get_text() for text in high.get_texts()] == ["a"]
    assert [text.get_text() for text in low.get_texts()] == ["b"]


def test_a_curve_and_its_band_of_one_name_have_one_sign():
    band, curve = Band("5 seeds", STEPS, GAP / 2, GAP), Line("5 seeds", STEPS, GAP)
    (axes,) = figure_of(one(band, curve)).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["5 seeds"]
