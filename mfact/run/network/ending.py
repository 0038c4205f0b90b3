"""The end of a network's run: the last row in full, claims, summary, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan

from mfact.core import Array, Document, NetworkResult, Outcome, State
from mfact.host.provenance import gather, repeatable
from mfact.networks.columns import network_columns, parted
from mfact.networks.curvature import grown, largest_step
from mfact.networks.starts import default_scale
from mfact.run.keeper import Keeper
from mfact.run.network.memory import curvature_plan
from mfact.run.network.progress import NetworkLive, NetworkPlan
from mfact.run.progress import Finish
from mfact.run.summary import told_settings
from mfact.stopping.network_rules import AT_ZERO, TOO_SHORT
from mfact.storage.architectures import arrays_of, described


def result_of(
    plan: NetworkPlan,
    finish: Finish,
    live: NetworkLive,
    keeper: Keeper,
    *,
    reproducible: bool,
    argv: Sequence[str] | None,
) -> NetworkResult:
    """Everything that is known of the run; with reproducible without clock, host and paths."""
    net, state = plan.asked.net, finish.progress.at.state
    if live.recorder.last.get("step") == state.step:
        plain, units = parted(plan.engine.row(state))
        live.recorder.complete(plain)
        live.neurons.complete(units)
        live.monitor.segment(plain)
    outcome, message = _told(plan, finish)
    trace = live.recorder.table()
    result = NetworkResult(
        outcome=outcome,
        message=message,
        weights=dict(zip(net.names, plan.engine.weights(state), strict=True)),
        start=dict(zip(net.names, plan.start, strict=True)),
        neurons={n: c for n, c in live.neurons.table().items() if n != "log10_step"},
        ties=arrays_of(net),
        network=described(net),
        trace={
            name: trace[name]
            for name in network_columns(net, linear=plan.facts.linear)
            if name in trace
        },
        problem=problem_of(plan),
        settings=_settings(plan, live.recorder.every),
        summary=_summary(plan, finish, outcome, live, keeper, trace),
        claims=live.monitor.claims(),
        provenance={} if reproducible else gather(argv, live.workers),
    )
    for observer in live.observers:
        observer.stop(result)
    return repeatable(result) if reproducible else result


def problem_of(plan: NetworkPlan) -> Document:
    """The points, the loss and the laws."""
    asked, laws = plan.asked, plan.engine.measure.plain
    return {
        "name": asked.points.name,
        **asked.points.described,
        "fingerprint": asked.fingerprint,
        "points": len(asked.points.X),
        "objective": f"(1/m) Σ_i ℓ(f(x_i), y_i), ℓ = {plan.loss.formula}",
        "parameters": sum(part.size for part in plan.start),
        "laws": laws.count,
        "laws_that_mix_layers": (
            0 if laws.mixed is None else len(laws.mixed.scales[0])
        ) if laws.looked else None,
    }  # fmt: skip


def _told(plan: NetworkPlan, finish: Finish) -> tuple[Outcome, str]:
    """How the run ended, in a sentence with its way out."""
    outcome, reason, rules = finish.outcome, finish.reason, plan.rules
    if outcome is Outcome.ITERATION_LIMIT:
        if rules.tol_loss is None and rules.tol_gradient is None and rules.patience is None:
            return Outcome.COMPLETED, f"{reason}, and no tolerance was asked for"
        return outcome, f"{reason}; raise it, or loosen the tolerance"
    if outcome is Outcome.TIME_LIMIT:
        return outcome, f"{reason}; raise it, or loosen the tolerance"
    if outcome is Outcome.STALLED and reason == AT_ZERO:
        return outcome, f"{reason}; begin elsewhere, or take a smaller --step-size"
    if outcome is Outcome.STALLED and reason != TOO_SHORT:
        return outcome, f"{reason}; raise --patience, or take other steps"
    if outcome is Outcome.DIVERGED:
        return outcome, f"{reason} {_shorter(plan, finish.progress.at.state)}"
    return outcome, reason


def _shorter(plan: NetworkPlan, state: State) -> str:
    """The step that was too long, and what the curvature allows: at the last good point, and where
    the network has grown to the size of the targets.
    """
    eta, settings = plan.schedule(state.step), plan.asked.settings
    machine = plan.engine.at(state)
    text = f"with step size {eta:.4g}; the last point before is kept"
    if not settings.is_linear:
        # Its steps are as long in flat places as in steep ones: the curvature allows none.
        return (
            f"{text}. Such a step moves weights by about as much, however steep L is: use a"
            " smaller --step-size"
        )
    found = {"there": nan, "once f is as large as Y": nan}
    if curvature_plan(machine.net, str(machine.dtype), len(machine.X)).fits:
        larger = grown(machine, plan.start)
        found = {
            "there": largest_step(machine, decay=settings.weight_decay),
            "once f is as large as Y": largest_step(machine, larger, settings.weight_decay),
        }
    told = {where: limit for where, limit in found.items() if isfinite(limit)}
    if not told:
        return f"{text}. Use a smaller --step-size"
    # With momentum μ steps that agree add up to 1/(1 − μ) of them.
    safe = min(min(told.values()) * (1 - settings.mu), eta) / 2
    listed = " and ".join(f"{limit:.3g} {where}" for where, limit in told.items())
    return (
        f"{text}. 2/λ_max of the Gauss–Newton matrix is {listed}:"
        f" use --step-size {safe:.2g} or less"
    )


def _settings(plan: NetworkPlan, every: int) -> Document:
    settings = plan.asked.settings
    scale = settings.start_scale
    if scale is None and settings.start_file is None:
        scale = default_scale(settings.start)
    chosen = {
        "form": f"{plan.form}: {plan.why}",
        "every": every,
        "start_scale": scale,
        "batch": settings.batch or len(plan.asked.points.X),
        "inputs": None if settings.data is None else plan.asked.points.X.shape[1],
    }
    return told_settings(settings, plan.asked.sources, chosen)


def _summary(
    plan: NetworkPlan,
    finish: Finish,
    outcome: Outcome,
    live: NetworkLive,
    keeper: Keeper,
    trace: Mapping[str, Array],
) -> Document:
    """The numbers of the last step, and what it took to get there."""
    columns = network_columns(plan.asked.net, linear=plan.facts.linear)
    last = {name: float(column[-1]) for name, column in trace.items()} if trace else {}
    state = finish.progress.at.state
    notes = [*finish.progress.notes, *keeper.missed]
    whole = None
    if plan.asked.settings.batch is not None:
        whole = plan.engine.at(state).evaluate().loss
    caught = live.caught
    found: dict[str, object] = {
        "iterations": state.step,
        **{name: last.get(name) for name, column in columns.items() if column.label},
        "loss_of_all_points": whole,
        "ledger_audit": last.get("audit"),
        "euler": last.get("euler"),
        "first_order": last.get("first_order"),
        "flow_time": state.ledger.flow_time,
        "notes": notes or None,
        "seconds": live.timer.seconds,
        "wall_seconds": live.timer.wall_seconds,
        "signal": caught.number if caught and outcome is Outcome.INTERRUPTED else None,
        "checkpoint": keeper.path if keeper.there else None,
        "unsaved": keeper.unsaved or None,
    }
    return {name: value for name, value in found.items() if value is not None}
