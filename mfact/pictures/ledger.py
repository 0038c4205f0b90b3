"""The drift of runs beside the exact law that says what it must be, and its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mfact.core import Array, Result, Verdict
from mfact.pictures.axes import Along, along, far, size_axis
from mfact.pictures.balance import drift
from mfact.pictures.drawing import Axis, Dash, Mark, Panel, Pen, Picture
from mfact.pictures.laws import (
    BOUND,
    DRIFT,
    LAW,
    LAW_ALONE,
    MOST_DOTS,
    STRIP,
    audited,
    claim_of,
    dotted,
    number_of,
    require_few,
)
from mfact.pictures.marks import curve, drawable, filled, told_once
from mfact.pictures.names import STEP
from mfact.pictures.runs import Drawn, column, title, with_rows
from mfact.studies.conserved import FIRST_ORDER, NOTHING, conserved
from mfact.studies.differing import Subject, labels
from mfact.theory.monitoring import step_label
from mfact.words import brief

FIRST = Pen(2, Dash.DASHED)

LOG_DET = "ℓ = log det(UᵀU + λI) − log det(VᵀV + λI), less what moves of λ add to it"


def ledger(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """Of each run ‖D − D₀‖_F as dots on what the exact law says that it must be, as a line; by a
    method that keeps log det instead how far that has moved, on its own law; by one that keeps
    nothing ‖D − D₀‖_F on both lines of its identity, and line 1 alone.

    Dashed is the bound 2η_max(f₀ − f_t), where its hypotheses were found to hold. Below is the
    audit, how far both are apart, and dotted the rounding that is allowed for it. A run that was
    fast-forwarded is drawn as far as its law is told. A column a run, at most MOST_RUNS. x: a name
    of mfact.pictures.names.X.

    Raises SettingsError for more runs, SettingsError and DataError for what is no run of a matrix
    with rows.
    """
    whole = with_rows(subjects)
    require_few(subjects)
    runs = [Drawn(name, _told(run)) for name, run in whole]
    place = along(runs, x, [_moved])
    most = MOST_DOTS if len(runs) == 1 else MOST_DOTS // 2
    uppers = [_upper(run, place, most) for _, run in runs]
    strips = [_audit(run, place) for _, run in runs]
    filled(uppers, subjects)
    titles = labels(subjects) if len(runs) > 1 else [""]
    columns = (
        (replace(upper, title=name), *([strip] if strip.marks else []))
        for name, upper, strip in zip(titles, told_once(uppers), told_once(strips), strict=True)
    )
    notes = [
        f"{name}: {note}" if name else note
        for name, (_, run) in zip(titles, whole, strict=True)
        for note in _notes(run)
    ]
    return Picture(title("Drift and its exact law", subjects), tuple(columns), tuple(notes))


def bound(run: Result) -> Array:
    """2η_max(f₀ − f_t) at each row, NaN unless the claim on it was found to hold in this run.

    η_max is the largest of all steps, with which it bounds the drift at each of them.
    Source: mfact, derived (see mfact.theory.ledger).
    """
    claim, loss = claim_of(run, "drift-bound"), column(run, "loss")
    if claim is None or claim.verdict is not Verdict.HOLDS:
        return np.full(len(loss), np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(2 * number_of(claim, "largest_step_size") * (loss[0] - loss))


def _upper(run: Result, along: Along, dots: int) -> Panel:
    kept = conserved(run)
    x, law = along.of(run), column(run, kept.ledger)
    most = bound(run) if kept.moved == "drift" else np.full(len(x), np.nan)
    line = column(run, FIRST_ORDER) if _lawless(run) else most
    log = far(np.concatenate([_moved(run), law, most]))
    # From 0 on, what is rounding is seen as 0.
    moved = _moved(run) if log else column(run, kept.moved)
    marks: list[Mark] = []
    if np.any(most > 0):
        marks.append(curve("bound 2η(f₀ − fₜ)", x, drawable(most, log), BOUND))
    if _lawless(run) and np.any(line > 0):
        marks.append(curve("line 1 alone", x, drawable(line, log), FIRST))
    law = drawable(law, log)
    if known := int(np.count_nonzero(np.isfinite(law))):
        name = "both lines" if _lawless(run) else "exact law"
        marks.append(curve(name, x, law, LAW if known > 1 else LAW_ALONE))
    name = "drift" if kept.moved == "drift" else "measured"
    marks.append(dotted(name, x, drawable(moved, log), DRIFT, log=along.axis.log, most=dots))
    axis = size_axis(kept.words, [law, moved, most, line], log)
    return Panel("", along.axis, axis, tuple(marks))


def _moved(run: Result) -> Array:
    """How far what is told has moved, NaN where that is rounding."""
    kept = conserved(run)
    if kept.moved == "drift":
        return drift(run)
    moved = column(run, kept.moved)
    return np.where(moved > column(run, kept.audit), moved, np.nan)


def _lawless(run: Result) -> bool:
    """Whether D is told by the two lines of its identity, and no more is known of it."""
    return conserved(run) is NOTHING and FIRST_ORDER in run.trace


def _audit(run: Result, along: Along) -> Panel:
    kept = conserved(run)
    marks = audited("audit", along.of(run), column(run, kept.audit), claim_of(run, *kept.claims))
    return Panel("", along.axis, Axis("audit", log=True), tuple(marks), STRIP)


def _told(run: Result) -> Result:
    """The run as far as its law is told, where it is."""
    known = np.flatnonzero(np.isfinite(column(run, conserved(run).ledger)))
    end = known[-1] + 1 if len(known) else None
    return replace(run, trace={name: values[:end] for name, values in run.trace.items()})


def _notes(run: Result) -> Iterator[str]:
    """What is not drawn, and why."""
    kept = conserved(run)
    end, law = len(_told(run).trace["step"]), column(run, kept.ledger)
    moved = column(run, kept.moved)
    if not np.any(np.isfinite(law)):
        yield "its rows do not tell the law"
    elif end < len(law):
        yield (
            f"from step {step_label(run.trace, end)} on it was fast-forwarded, where the law is"
            f" not told; the drift at its end is {brief(float(moved[-1]))}"
        )
    elif not np.any(_moved(run) > 0):
        yield f"{'D' if kept.moved == 'drift' else kept.keeps} has not moved beyond rounding"
    if kept.moved != "drift":
        yield LOG_DET
        return
    if _lawless(run):
        yield "its flow keeps no law: D is told by both lines of its identity"
        return
    claim = claim_of(run, "drift-bound")
    if claim is None or claim.verdict is not Verdict.HOLDS:
        yield f"no bound: {'it was not judged' if claim is None else claim.verdict}"
