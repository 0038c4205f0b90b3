"""Small figures, so that their runs take milliseconds, and a figure made as a command makes it."""

from __future__ import annotations

from mfact.figures.figure_1 import Figure1
from mfact.figures.figure_2 import Figure2, settings
from mfact.figures.made import Made, Order, looked_up, made
from mfact.run.doing import Doing, silent

QUIET = Doing(silent)
SMALL = settings(layers="20:8r-8r-3", points=30, steps=50, threads=1)

FIGURE_1 = Figure1(size=12, rank=2, most=60)
FIGURE_2 = Figure2(SMALL)


def runs_of(figure, panels):
    """The runs that these panels are drawn from, by name."""
    return {each.name: each.carry_out() for each in figure.experiments(panels, QUIET)}


def lines(panel):
    """Its curves, the line at 1 left out."""
    return [mark for mark in panel.marks if type(mark).__name__ == "Line"]


def draw(figure, panels, folder, form="svg", data=""):
    """The figure in the folder; it, the notes, the files written, and the runs that were done."""
    told, wrote, done = [], [], []

    def run(experiment):
        done.append(experiment.name)
        return experiment.carry_out()

    order = Order(figure, panels, str(folder), form, data)
    there = made(looked_up(order, QUIET, told.append), run, wrote.append)
    assert isinstance(there, Made)
    return there, told, wrote, done
