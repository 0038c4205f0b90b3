"""How a run ended, in a sentence with its way out."""

from __future__ import annotations

from mfact.core import Outcome, Schedule
from mfact.descent import Finish
from mfact.problems.factorization import Factorization
from mfact.run.advice import unfitted_words
from mfact.settings import RunSettings
from mfact.theory.lemma_3_2 import STRICT_SADDLE, Certificate

_SAID = (Outcome.INTERRUPTED, Outcome.FAULTY)
"""Ends whose reason says all."""


def message(
    finish: Finish,
    schedule: Schedule,
    problem: Factorization,
    sigma_1: float,
    settings: RunSettings,
    certificate: Certificate | None,
    components: list[int],
) -> str:
    """What happened, and for every end but a good one what to type instead.

    components: of those there are to fit the ones that are not fitted.
    """
    outcome, reason = finish.outcome, finish.reason
    if outcome is Outcome.DIVERGED:
        return f"{reason} {_shorter(finish, schedule, problem, sigma_1)}"
    if outcome is None or outcome.exit_code == 0 or outcome in _SAID:
        return reason
    if components:
        reason = f"{reason}; {unfitted_words(components)}"
    if outcome is Outcome.SADDLE:
        if settings.escape:
            way = "--escape leaves saddles of the first million steps: use --schedule constant"
        else:
            way = "Use --escape to go on along the direction of negative curvature"
        return f"{reason}. {way}"
    if certificate is not None and certificate.kind == STRICT_SADDLE:
        return f"{reason}, near a strict saddle. Use --escape to leave it, or raise the limit"
    if outcome is Outcome.STALLED:
        return f"{reason}; raise --patience or loosen --tol"
    if outcome is Outcome.ITERATION_LIMIT and schedule(finish.state.step) < schedule(0):
        now = schedule(finish.state.step)
        return (
            f"{reason}, and the steps have decayed to {now:.3g};"
            " --schedule constant converges at a linear rate"
        )
    return f"{reason}; raise it, or loosen --tol"


def _shorter(finish: Finish, schedule: Schedule, problem: Factorization, sigma_1: float) -> str:
    """The step that was too long, and one that is not."""
    eta, safe = schedule(finish.state.step), 1.0 / (problem.sharpness * sigma_1)
    text = (
        f"with step size {eta:.4g}, {eta * sigma_1:.3g} times 1/σ₁ = {1 / sigma_1:.4g};"
        f" the last point before is kept. Use --step-size {safe:.3g}"
    )
    return text if schedule.name == "constant" else f"{text} or --schedule constant"
