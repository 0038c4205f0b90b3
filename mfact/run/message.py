"""How a run ended, in a sentence with its way out."""

from __future__ import annotations

from mfact.core import Outcome
from mfact.methods.choice import METHODS
from mfact.options import flag
from mfact.run.advice import unfitted_words
from mfact.run.progress import Finish, Plan
from mfact.theory.lemma_3_2 import STRICT_SADDLE, Certificate

_SAID = (Outcome.INTERRUPTED, Outcome.FAULTY)
"""Ends whose reason says all."""


SURE = 0.8
"""Of --momentum: with more, the usual step may overshoot by what the way from a saddle has gathered
(0.9: 13 of 70 matrices, 0.85: none).
"""

DAMPED = 0.5
"""Of --damping: with less, a step may be long beside small Gram matrices."""

LONG = 2.0
"""Times the usual step, from which a run may bounce to the end."""


def message(
    plan: Plan,
    finish: Finish,
    certificate: Certificate | None,
    components: list[int],
    size: float,
) -> str:
    """What happened, and for every end but a good one what to type instead.

    components: of those there are to fit the ones that are not fitted. size: ‖U_0‖_F² + ‖V_0‖_F².
    """
    outcome, reason = finish.outcome, finish.reason
    step = finish.progress.at.state.step
    if outcome is Outcome.DIVERGED:
        return f"{reason} {_shorter(plan, step, size)}"
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
    near = certificate is not None and certificate.kind == STRICT_SADDLE
    if near and not plan.asked.settings.escape:
        return f"{reason}, near a strict saddle. Use --escape to leave it, or raise the limit"
    return f"{reason}{_longer(plan, outcome, step)}"


def _longer(plan: Plan, outcome: Outcome, step: int) -> str:
    """What a run lacks that came to a limit, or no farther."""
    schedule, usual = plan.chosen.schedule, _usual(plan)
    now, free = schedule(step), METHODS[plan.facts.method].power > 0
    if outcome is Outcome.ITERATION_LIMIT and now < schedule(0):
        way = (
            "use --schedule constant" if free else "--schedule constant converges at a linear rate"
        )
        return f", and the steps have decayed to {now:.3g}; {way}"
    ways, asked = ["raise it", "loosen --tol"], plan.asked.settings
    if outcome is Outcome.STALLED:  # without --patience no more steps are to be had
        more = "use --dtype float64" if asked.dtype == "float32" else ""
        ways[0] = more if asked.patience is None else "raise --patience"
        ways = [way for way in ways if way]
    if now >= LONG * usual * (1 - 1e-9):
        ways.insert(1, f"use --step-size {usual:.3g}")
    elif free:  # such steps do not shrink with the gradient
        ways.insert(1, "try another --step-size")
    several = len(ways) > 2 or outcome is not Outcome.STALLED
    if len(ways) == 1:
        return f"; {ways[0]}"
    return f"; {', '.join(ways[:-1])}{',' if several else ''} or {ways[-1]}"


def _usual(plan: Plan) -> float:
    """The constant step that is usual."""
    method, longest = METHODS[plan.facts.method], max(plan.target.shape)
    return method.step_size(plan.chosen.sigma_1 or 1.0, plan.problem.weight, longest)


def _shorter(plan: Plan, step: int, size: float) -> str:
    """The step that was too long, and one that is not; or what else is to be changed."""
    chosen, method, asked = plan.chosen, METHODS[plan.facts.method], plan.asked.settings
    sigma_1, usual, eta = chosen.sigma_1, _usual(plan), chosen.schedule(step)
    told, ways, leave_out = f"with step size {eta:.4g}", [], []
    if method.power < 0:
        told += f", {eta * sigma_1:.3g} times 1/σ₁ = {1 / sigma_1:.4g}"
        # At a balanced optimum the sharpness is 2σ₁, far from it up to ‖U‖_F² + ‖V‖_F².
        if size > 2 * sigma_1:
            leave_out = [flag(n) for n in ("start_scale", "start_ratio") if n in asked.chosen]
            usual *= 1.0 if leave_out else 2 * sigma_1 / size
    if eta > usual * (1 + 1e-9):
        ways.append(f"--step-size {usual:.3g}")
    momentum, damping = (chosen.tuned.get(name) for name in ("momentum", "damping"))
    if momentum is not None:
        told += f" and --momentum {momentum:.4g}"
        # For shorter steps more would be chosen.
        if momentum > SURE or (ways and asked.momentum is None):
            ways.append(f"--momentum {min(momentum, SURE):.2g}")
    if damping is not None:
        told += f" and --damping {damping:.4g}"
        ways += [f"--damping {DAMPED}"] if damping < DAMPED and not ways else []
    if not ways and not leave_out:
        ways.append(f"--step-size {0.25 * eta:.3g}")
    use = [f"use {' '.join(ways)}"] if ways else []
    out = " and ".join(use + [f"leave out {' and '.join(leave_out)}"] * bool(leave_out))
    text = f"{told}; the last point before is kept. {out[0].upper()}{out[1:]}"
    steady = chosen.schedule.name == "constant" or not plan.facts.plain
    return text if steady else f"{text} or --schedule constant"
