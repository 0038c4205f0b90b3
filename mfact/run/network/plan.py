"""From what was asked of a network's run to its objects, and its weights before the first step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.host.memory import MemoryPlan
from mfact.host.threads import Workers
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.flow_tolerance import chosen_rtol
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine, is_faster_dual, suits
from mfact.networks.measure import Measure
from mfact.networks.settings import STARTS, NetworkSettings
from mfact.networks.starts import drawn
from mfact.networks.updates import update_of
from mfact.options import flag, options_of, refuse_idle, require_kinds
from mfact.run.network.memory import flow_plan, memory_plan
from mfact.run.network.progress import NetworkAsked, NetworkPlan
from mfact.run.recorder import is_recorded
from mfact.run.workers import fitting_workers
from mfact.schedules import Constant, PowerDecay
from mfact.stopping import NetworkRules
from mfact.storage.network_runs import read_weights
from mfact.theory.network_facts import NetworkFacts
from mfact.words import by, printable, shown

_OF_STEPS = (
    "method", "batch", "weight_decay", "schedule", "step_size", "tol_loss", "tol_gradient",
    "patience", "min_iter", "max_iter", "max_time", "every", "checkpoint", "checkpoint_every",
)  # fmt: skip
"""Options that say nothing of a flow."""


_LESS = "use smaller layers or fewer points"


def check(settings: NetworkSettings, explicit: Collection[str] = ()) -> None:
    """Refuse what cannot run, before anything big is read or computed.

    explicit: names of the options that the user gave. Raises SettingsError.
    """
    require_kinds(settings)
    refuse_idle(options_of(settings), vars(settings), explicit)
    if settings.step_size is None and not settings.flow:
        way_out = (
            "0.09 is that of the paper's network, and a step too long is told with one that is not"
        )
        if not settings.is_linear:
            way_out = "0.001 is usual, about what a step moves each weight by"
        raise SettingsError(
            "--step-size is not given, and a network has no σ₁ to choose it from",
            f"give one: {way_out}",
        )
    if settings.min_iter > settings.max_iter:
        raise SettingsError(
            f"--min-iter {shown(settings.min_iter)} is above --max-iter {shown(settings.max_iter)}",
            "raise --max-iter",
        )
    if settings.batch is not None and settings.tol_gradient is not None:
        raise SettingsError(
            "--tol-gradient is of all points, and --batch sees some of them",
            "leave one out",
        )
    if settings.flow:
        for name in _OF_STEPS:
            if name in explicit:
                raise SettingsError(
                    f"{flag(name)} has no meaning with --flow, which takes no steps",
                    "leave it out",
                )
        if settings.dtype != "float64":
            raise SettingsError("a flow is followed in float64", "leave out --dtype")
        if settings.form == "dual":
            raise SettingsError("a flow is followed on the weights themselves", "leave out --form")


def admitted(settings: NetworkSettings, net: Architecture, count: int) -> MemoryPlan:
    """The plan of a run, or a flow, on `count` points.

    Raises MemoryPlanError when it does not fit; SettingsError for a form or a tolerance
    that cannot be.
    """
    if settings.flow:
        chosen_rtol(net, settings.rtol)
        plan = flow_plan(net, settings, count)
        return plan.check(_ways(settings, plan), subject="the flow")
    if settings.batch is not None and settings.batch > count:
        raise SettingsError(
            f"--batch is {shown(settings.batch)}, and there are {count} points",
            "give fewer, or leave it out for all of them",
        )
    form, _ = form_of(settings, net, count)
    plan = memory_plan(net, settings, count, dual=form == "dual")
    return plan.check(_ways(settings, plan))


def _ways(settings: NetworkSettings, plan: MemoryPlan) -> str:
    """What takes less memory than a plan that does not fit."""
    # A form that is chosen here is the smaller one for the points that it is chosen at.
    form = ", or --form primal" if settings.form == "dual" else ""
    count = fitting_workers(plan)
    return f"{_LESS}{form}{f', or --threads {count}' if count else ''}"


def planned(asked: NetworkAsked, workers: Workers, start: tuple[Array, ...]) -> NetworkPlan:
    """The objects of a run from what was asked, also of one that is resumed. start: see begun.

    Raises SettingsError where the points do not fit the network.
    """
    settings, net, points = asked.settings, asked.net, asked.points
    loss = LOSSES[settings.loss]
    form, why = form_of(settings, net, len(points.X))
    kind = DualMachine if form == "dual" else Machine
    machine = kind(net, points.X, points.Y, loss, workers)
    assert settings.step_size is not None
    schedule: Constant | PowerDecay = Constant(settings.step_size)
    if settings.schedule == "power":
        schedule = PowerDecay(settings.step_size, 0.5 + settings.delta)
    method = update_of(settings)
    assert settings.seed is not None
    batches = Batches(len(points.X), settings.batch, settings.seed)
    engine = NetworkEngine(
        Measure.of(machine), method, batches, partial(is_recorded, every=settings.every)
    )
    rules = NetworkRules(
        tol_loss=settings.tol_loss,
        tol_gradient=settings.tol_gradient,
        patience=settings.patience,
        min_iter=settings.min_iter,
        max_iter=settings.max_iter,
        max_time=settings.max_time,
        zero_loss=_zero_loss(machine),
        eps=float(np.finfo(machine.dtype).eps),
        layers=len(net.weighted),
    )
    facts = NetworkFacts(
        joints=net.joints,
        dtype=settings.dtype,
        method=settings.method,
        momentum=settings.mu,
        decay=settings.weight_decay,
        linear=settings.is_linear,
        batch=settings.batch,
        points=len(points.X),
        schedule=schedule,
        broken=settings.show_broken,
        dual=form == "dual",
        scale=rules.zero_loss,
        tol=settings.tol_loss or 0.0,
        max_iter=settings.max_iter,
        max_time=settings.max_time,
    )
    return NetworkPlan(asked, loss, form, why, schedule, engine, rules, facts, start)


def form_of(settings: NetworkSettings, net: Architecture, count: int) -> tuple[str, str]:
    """The form of the first layer and why. Raises SettingsError where it cannot be as asked."""
    reason = suits(net, batch=settings.batch is not None)
    if not settings.is_linear:
        reason = "goes with steps that are linear in the gradients,"
        reason += f" and those of {settings.method} are not"
    if settings.form == "dual" and reason:
        raise SettingsError(f"--form dual {reason}", "use --form primal, or auto")
    if settings.form != "auto":
        return settings.form, "asked for"
    if reason:
        return "primal", f"the dual form {reason}"
    if is_faster_dual(net, count):
        return "dual", f"{count} points are not more than the {net.given[0]} inputs"
    return "primal", f"{count} points are more than the {net.given[0]} inputs"


def begun(
    settings: NetworkSettings, net: Architecture, weights: Mapping[str, Array] | None = None
) -> tuple[Array, ...]:
    """The weights at step 0; weights: by name, where they are neither to be drawn nor read.

    Raises SettingsError for those that do not fit.
    """
    if weights is None and settings.start_file is None:
        assert settings.seed is not None
        return drawn(net, settings.start, settings.start_scale, settings.seed, settings.dtype)
    where = "the start"
    if weights is None:
        assert settings.start_file is not None
        where = printable(settings.start_file)
        if not Path(settings.start_file).exists():
            raise SettingsError(
                f"--start {where} is neither one of {', '.join(STARTS)} nor a file",
                "name one of them, or a run file of a network",
            )
        weights = read_weights(settings.start_file)
    for part in net.parts:
        found = weights.get(part.name)
        if found is None or found.shape != part.shape:
            has = "none" if found is None else by(found.shape)
            raise SettingsError(
                f"{part.name} is {has} in {where}, and of this network it is {by(part.shape)}",
                "start from weights of the same layers",
            )
        mask = getattr(part.stage.layer, "mask", None)
        if part.name.startswith("W") and mask is not None and found[mask == 0].any():
            raise SettingsError(
                f"{part.name} is not zero in {where} where the mask of its layer is",
                "set it to zero there",
            )
    return tuple([weights[part.name].astype(settings.dtype) for part in net.parts])


def _zero_loss(machine: Machine) -> float:
    """L of f = 0."""
    f = np.zeros((machine.net.outputs, len(machine.X)), machine.dtype)
    return float(machine.loss.value(f, machine.Y, np.empty_like(f))) / len(machine.X)
