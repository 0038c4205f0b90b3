"""How a run ended, in a sentence with its way out."""

from __future__ import annotations

from mfact.core import Outcome
from mfact.run.advice import unfitted_words
from mfact.run.progress import Finish, Plan
from mfact.theory.lemma_3_2 import STRICT_SADDLE, Certificate

_SAID = (Outcome.INTERRUPTED, Outcome.FAULTY)
"""Ends whose reason says all."""


def message(
    plan: Plan, finish: Finish, certificate: Certificate | None, components: list[int]
) -> str:
    """What happened, and for every end but a good one what to type instead.

    components: of those there are to fit the ones that are not fitted.
    """
    outcome, reason, schedule = finish.outcome, finish.reason, plan.chosen.schedule
    step = finish.progress.at.state.step
    if outcome is Outcome.DIVERGED:
        return f"{reason} {_shorter(plan, step)}"
    if outcome.exit_code == 0 or outcome in _SAID:
        return reason
    if components:
        reason = f"{reason}; {unfitted_words(components)}"
    if outcome is Outcome.SADDLE:
        if plan.asked.settings.escape:
            way = "--escape leaves saddles of the first million steps: use --schedule constant"
        else:
            way = "Use --escape to go on along the direction of negative curvature"
        return f"{reason}. {way}"
    if certificate is not None and certificate.kind == STRICT_SADDLE:
        return f"{reason}, near a strict saddle. Use --escape to leave it, or raise the limit"
    if outcome is Outcome.STALLED:
        return f"{reason}; raise --patience or loosen --tol"
    if outcome is Outcome.ITERATION_LIMIT and schedule(step) < schedule(0):
        now = schedule(step)
        return (
            f"{reason}, and the steps have decayed to {now:.3g};"
            " --schedule constant converges at a linear rate"
        )
    return f"{reason}; raise it, or loosen --tol"


def _shorter(plan: Plan, step: int) -> str:
    """The step that was too long, and one that is not."""
    schedule, sigma_1 = plan.chosen.schedule, plan.chosen.sigma_1
    eta, safe = schedule(step), 1.0 / (plan.problem.sharpness * sigma_1)
    text = (
        f"with step size {eta:.4g}, {eta * sigma_1:.3g} times 1/σ₁ = {1 / sigma_1:.4g};"
        f" the last point before is kept. Use --step-size {safe:.3g}"
    )
    return text if schedule.name == "constant" else f"{text} or --schedule constant"
