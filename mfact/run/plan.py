"""From what was asked to the objects of a run, and its state before the first step."""

from __future__ import annotations

import math
from dataclasses import replace

from mfact.core import LEAST_TOLERANCE, Factors, Optimum, Plain, Schedule, eps_of
from mfact.descent import At, Known
from mfact.engines.choice import build, first, has_bases
from mfact.engines.coordinates import singular
from mfact.engines.reach import Reach
from mfact.gradient_flow.integrate import STABLE
from mfact.methods.choice import METHODS, PLAIN
from mfact.problems.factorization import Factorization
from mfact.run.advice import signal
from mfact.run.bases import outlook
from mfact.run.confirm import Judge
from mfact.run.forecast import advice, foresee, refuse_hopeless
from mfact.run.modes import density, seconds_of
from mfact.run.progress import Asked, Chosen, Plan, Progress
from mfact.run.refusals import reachable_tol
from mfact.run.start import Begun, begin
from mfact.schedules import PowerDecay
from mfact.settings import MOST_PLAIN_STEPS, TAKE_OFF, RunSettings, parameters_of
from mfact.stopping import StopRules
from mfact.targets.counted import Counted
from mfact.theory.facts import Facts
from mfact.words import few

ROUGHLY = 2e-2
"""Ritz residual of the leading pairs, in units of σ_r, at which a forecast is made."""


def assembled(asked: Asked, chosen: Chosen, target: Counted) -> Plan:
    """The objects of a run from what was asked and chosen, also of one that is resumed."""
    settings, schedule = asked.settings, chosen.schedule
    problem = Factorization(target, settings.weight, settings.center)
    method = METHODS[settings.method].having(chosen.tuned)
    engine, reach = build(
        chosen.engine,
        problem,
        method,
        settings.rank,
        chosen.tol,
        chosen.basis_limit,
        chosen.sigma_1,
    )
    rules = _rules(settings, problem, chosen, method.lasting)
    d1, d2 = target.shape
    facts = Facts(
        norm=asked.fingerprint["norm"],
        sigma_1=chosen.sigma_1,
        rank=settings.rank,
        shape=(d1, d2),
        dtype=str(target.dtype),
        offset=target.offset,
        objective=settings.objective,
        weight=problem.weight,
        method=settings.method,
        keeps=method.law.keeps,
        lasting=method.lasting,
        schedule=schedule,
        start=settings.start,
        scale=chosen.scale,
        tol=chosen.tol,
        engine=chosen.engine,
        max_iter=rules.max_iter,
        max_time=settings.max_time,
    )
    judge = Judge(engine, problem, chosen.tol, settings.escape)
    flow = reach if _flies(settings, schedule) else None
    return Plan(asked, chosen, target, problem, engine, reach, flow, rules, judge, facts)


def planned(
    asked: Asked,
    target: Counted,
    basis_limit: int,
    factors: Factors | None = None,
    *,
    refuse: bool = False,
) -> tuple[Plan, Progress]:
    """What is chosen for a run, and its first state, all from bases that hold the start.

    factors: a start that was given as they are. refuse: refuse a run that is forecast to end far
    beyond its limits.

    Raises SettingsError where the matrix does not fit the options.
    """
    settings = asked.settings
    method = METHODS[settings.method]
    problem = Factorization(target, settings.weight, settings.center)
    begun = begin(settings, problem, factors, basis_limit)
    name, why = _engine(settings, begun)
    reach = Reach(target, settings.rank, problem.weight, basis_limit, begun.sigma_1)
    seen = reach.start_in(begun.basis, begun.point)
    based = has_bases(name)
    if settings.optimum and based and settings.rank == 1:
        # One pair of singular vectors is cheap, and Theorem 3.2 speaks of it throughout.
        seen = reach.sharpened(seen, LEAST_TOLERANCE)
    seen = reach.settled(seen, ROUGHLY, against=settings.rank)
    given = asked.sources.get("tol", "default") != "default"
    tol, notes = reachable_tol(settings, singular(seen).optimum, target, given=given)
    known = settings.method == PLAIN  # of which the forecast is
    asked_of = parameters_of(settings)
    tuned = method.tuned(begun.schedule(0), singular(seen).optimum, asked_of)
    foresight = foresee(singular(seen), seen.point, begun.schedule, problem, settings.tol)
    ahead = outlook(seen, settings, target, basis_limit) if based else None
    need = None if ahead is None else ahead.need(settings.rank, str(target.dtype))
    if ahead is not None:
        notes += ahead.require_room(settings, refuse=refuse and not settings.force)
    k = singular(seen).optimum.k
    weak = signal(singular(seen), k, target.norm, settings.center)
    ways = weak.ways if weak else []
    optimum: Optimum | None = None
    sharp = seen
    if not based and settings.optimum:
        sharp = reach.sharpened(seen, 0.1 * max(tol, LEAST_TOLERANCE))
        optimum = singular(sharp).optimum
        # Against one that is not known to the tolerance any gap would be a guess.
        if not optimum.known_to(tol):
            optimum = None
            notes.append(
                f"bases of {basis_limit} bytes do not show the optimum to --tol"
                f" {tol:g}: no gap is shown, and a certificate tells when it is met"
            )
    log10 = foresight.chosen.log10_iterations if known else math.inf
    modes = _modes(settings, begun.schedule, log10, singular(seen).size, target, based=based)
    if settings.engine == "auto" and based:
        why = f"a few dozen passes over M instead of {few(method.passes)} a step"
        why += f"; forecast: {foresight.text}" if known else ""
    chosen = Chosen(
        begun.schedule,
        begun.scale,
        begun.sigma_1,
        begun.sigma_1_error,
        begun.basis.passes,
        tol,
        name,
        why,
        log10 if math.isfinite(log10) else None,
        need,
        begun.basis.recipe,
        basis_limit,
        modes,
        tuple(foresight.escape().tolist()) if modes and known else (),
        tuned,
    )
    plan = assembled(asked, chosen, target)
    if known and plan.rules.tol is not None:
        if refuse and not settings.force:
            refuse_hopeless(
                foresight,
                chosen.schedule,
                settings,
                plan.rules.max_iter,
                plan.flow is not None,
                stiffness=problem.sharpness * chosen.sigma_1 / STABLE,
                spare=k < settings.rank,
                instead=ways,
            )
        decaying = isinstance(chosen.schedule, PowerDecay)
        notes += advice(foresight, settings, ways, decaying=decaying)
    state = plan.engine.opened(seen) if based else plan.engine.start(begun.point)
    if not based:
        co = Plain(optimum, ahead=sharp.coordinates.passes, each=method.passes)
        state = replace(state, coordinates=co)
    return plan, Progress(At(state, None, Known(optimum)), None, tuple(notes))


def _engine(settings: RunSettings, begun: Begun) -> tuple[str, str]:
    """The engine as asked for or chosen, and why."""
    if settings.engine != "auto":
        return settings.engine, "asked for"
    most = settings.max_iter
    few = most is not None and most <= begun.basis.passes
    name, refused = first(Factorization, METHODS[settings.method], bases=not few)
    if few:
        return name, f"{most} steps need fewer passes over M than a basis"
    return name, refused or "chosen"


def _rules(
    settings: RunSettings, problem: Factorization, chosen: Chosen, lasting: float
) -> StopRules:
    """The limits of a run. Where nothing else would end it, a gradient of 1e-8 does."""
    s = settings
    # Steps in bases are of a small matrix, and not of a difference of large ones any more.
    multiplied = math.inf if has_bases(chosen.engine) else chosen.sigma_1
    tol_gradient = s.tol_gradient
    if not s.optimum and tol_gradient is None and s.tol_residual is None:
        tol_gradient = 1e-8
    return StopRules(
        tol=chosen.tol if s.optimum else None,
        tol_residual=s.tol_residual,
        tol_gradient=tol_gradient,
        patience=s.patience,
        min_iter=s.min_iter,
        max_iter=MOST_PLAIN_STEPS if s.max_iter is None else s.max_iter,
        max_time=s.max_time,
        norm=problem.scale,
        sigma_1=chosen.sigma_1,
        eps=eps_of(problem.target, multiplied),
        sharpness=problem.sharpness,
        lasting=lasting,
    )


def _flies(settings: RunSettings, schedule: Schedule) -> bool:
    """Whether the steps, in bases, go over to the flow that they follow."""
    auto = settings.fast_forward == "auto" and settings.method == PLAIN
    return auto and isinstance(schedule, PowerDecay)


def _modes(
    settings: RunSettings,
    schedule: Schedule,
    log10: float,
    basis: int,
    target: Counted,
    *,
    based: bool,
) -> int:
    """Rows a decade that the run keeps of its modes. log10: of the iterations, by the forecast."""
    limit = MOST_PLAIN_STEPS if settings.max_iter is None else min(settings.max_iter, 10**300)
    steps = min(10.0 ** min(log10, 300.0), float(limit))
    flies = based and _flies(settings, schedule) and steps > TAKE_OFF
    steps = min(steps, TAKE_OFF) if flies else steps
    seconds = seconds_of(
        steps,
        settings.rank,
        basis=basis,
        rows=basis if based else sum(target.shape) // 2,
        flies=flies,
    )
    if settings.max_time is not None:
        seconds = min(seconds, settings.max_time)
    return density(settings, steps, seconds, flies=flies)
