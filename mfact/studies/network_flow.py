"""The gradient flow of a network, and what Section 2 of the paper says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mfact.core import Array, Claim, Verdict
from mfact.host.threads import working
from mfact.networks.architecture import Architecture, Joint
from mfact.networks.columns import NEURONS
from mfact.networks.flow import MOST_EVALUATIONS, NetworkFlow, follow
from mfact.networks.losses import LOSSES
from mfact.networks.machine import Machine
from mfact.networks.settings import NetworkSettings
from mfact.options import require
from mfact.ranges import Count, Real
from mfact.run.doing import NOTHING, Doing
from mfact.run.network.plan import admitted, begun
from mfact.run.network.progress import TrainingData
from mfact.run.workers import planned_workers
from mfact.words import brief

SOURCE = "Du, Hu, Lee 2018, "
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class NetworkFlowStudy:
    """What was found. points: m. loss: its name. time: the flow time that was asked for."""

    net: Architecture
    points: int
    loss: str
    time: float
    flow: NetworkFlow = field(repr=False)
    claims: tuple[Claim, ...]

    @property
    def message(self) -> str:
        """How it ended, with the way out where it did not reach the time."""
        ending, flow = self.flow.ending, self.flow
        text = f"the flow {ending.words} s = {brief(self.time)}"
        return f"{text}, at s = {brief(flow.at)}: {ending.way_out}" if ending.way_out else text


def network_flow(
    machine: Machine,
    weights: Sequence[Array],
    *,
    time: float = 1.0,
    times: int = 11,
    rtol: float | None = None,
    most: int = MOST_EVALUATIONS,
    doing: Doing = NOTHING,
) -> NetworkFlowStudy:
    """Follow d(W, b)/ds = −∇L from W_1, b_1, W_2, …, shown at evenly spaced times from 0.

    machine: primal, float64. rtol: error allowed to a step (mfact.networks.flow_tolerance).
    most: evaluations of ∇L. doing: told how far it is.
    Raises SettingsError for values out of range.
    """
    require("time", Real(above=0), time)
    require("times", Count(least=2, most=10_000), times)
    shown = np.linspace(0.0, time, times).tolist()
    with doing.now("gradient flow"):
        flow = follow(machine, weights, shown, rtol=rtol, most=most, told=doing.followed)
    return NetworkFlowStudy(
        net=machine.net,
        points=len(machine.X),
        loss=machine.loss.name,
        time=time,
        flow=flow,
        claims=flow_claims(machine.net, flow),
    )


def follow_data(
    points: TrainingData,
    net: Architecture,
    settings: NetworkSettings,
    *,
    start: tuple[Array, ...] | None = None,
    doing: Doing = NOTHING,
) -> NetworkFlowStudy:
    """The flow of a network on its points from the start that the settings name; start: what
    mfact.run.network.plan.begun made of them, where that is known already.

    settings: with a seed, and checked (mfact.run.network.plan). Raises MemoryPlanError, and
    SettingsError for a start or a tolerance that does not fit.
    """
    memory = admitted(settings, net, len(points.X))
    start = begun(settings, net) if start is None else start
    with working(planned_workers(memory)) as workers:
        machine = Machine(net, points.X, points.Y, LOSSES[settings.loss], workers)
        return network_flow(
            machine,
            start,
            time=1.0 if settings.time is None else settings.time,
            times=settings.times,
            rtol=settings.rtol,
            doing=doing,
        )


def flow_claims(net: Architecture, flow: NetworkFlow) -> tuple[Claim, ...]:
    """Each theorem that speaks of joints the network has: constant, but for the solver's steps.

    A law holds if all that it has moved by is what the errors of the solver's steps move it by,
    which follows from ⟨v, C∇L(v)⟩ = 0 (mfact.networks.flow.follow): to rounding, ε·(steps + 10) of
    ‖W_h‖² + p‖W_{h+1}‖². Both go to 0 with rtol.
    """
    dense = [joint for joint in net.joints if joint.is_dense]
    found = [
        _claim(
            "theorem-2.1",
            "‖W_h[i, :]‖² − ‖W_{h+1}[:, i]‖² of each neuron is constant along the flow",
            [_units(joint, flow) for joint in dense],
        ),
        _claim(
            "theorem-2.2",
            "W_hW_hᵀ − W_{h+1}ᵀW_{h+1} across a linear activation is constant along the flow",
            [_matrix(joint, flow) for joint in net.joints if joint.is_matrix],
        ),
        _claim(
            "corollary-2.1",
            "‖W_h‖_F² − ‖W_{h+1}‖_F² is constant along the flow",
            [_layer(joint, flow) for joint in dense],
        ),
        _claim(
            "theorem-2.3",
            "‖W_h‖² − ‖W_{h+1}‖² with shared or missing weights is constant along the flow, and so"
            " is that of each channel or group",
            [_units(joint, flow) for joint in net.joints if not joint.is_dense],
        ),
    ]
    return tuple(claim for claim in found if claim is not None)


@dataclass(frozen=True)
class _Moved:
    """How far a law has moved at each time, what the solver's steps explain of it, and what not.

    rounding: how much may stay unexplained.
    """

    joint: Joint
    drift: float
    ledger: float
    off: float
    rounding: float

    @classmethod
    def of(cls, joint: Joint, flow: NetworkFlow, drift: Array, ledger: Array, off: Array) -> _Moved:
        into, out = (flow.rows[f"{NEURONS}/{joint.h}/{side}"].sum(axis=1) for side in ("in", "out"))
        size = float((into + (joint.degree or 1) * out).max())
        worst = [float(np.abs(each).max()) for each in (drift, ledger, off)]
        return cls(joint, worst[0], worst[1], worst[2], _EPS * (flow.steps + 10) * size)

    @property
    def holds(self) -> bool:
        return self.off <= self.rounding


def _units(joint: Joint, flow: NetworkFlow) -> _Moved:
    names = ("neuron_drift", "ledger", "audit")
    return _Moved.of(joint, flow, *(flow.rows[f"{name}_{joint.h}"] for name in names))


def _matrix(joint: Joint, flow: NetworkFlow) -> _Moved:
    names = ("matrix_drift", "matrix_ledger", "matrix_audit")
    return _Moved.of(joint, flow, *(flow.rows[f"{name}_{joint.h}"] for name in names))


def _layer(joint: Joint, flow: NetworkFlow) -> _Moved:
    difference, ledger = (flow.rows[f"{n}_{joint.h}"] for n in ("difference", "layer_ledger"))
    drift = difference - difference[0]
    return _Moved.of(joint, flow, drift, ledger, drift - ledger)


def _claim(name: str, statement: str, moved: Sequence[_Moved]) -> Claim | None:
    """None where there is nothing to judge."""
    if not moved:
        return None
    worst = max(moved, key=lambda each: (not each.holds, each.drift))
    h, where = worst.joint.h, f"between layers {worst.joint.h} and {worst.joint.h + 1}"
    measured = (
        f"moved by at most {brief(worst.drift)} ({where}); the errors of the solver's steps move it"
        f" by {brief(worst.ledger)}, off by {brief(worst.off)}, rounding {brief(worst.rounding)}"
    )
    broken = [str(each.joint.h) for each in moved if each.joint.degree is None]
    if broken:
        verdict = Verdict.NOT_MET
        measured = f"layer {', '.join(broken)} is not homogeneous. Measured: {measured}"
    else:
        verdict = Verdict.HOLDS if all(each.holds for each in moved) else Verdict.VIOLATED
    numbers = {
        "layer": float(h),
        "drift": worst.drift,
        "ledger": worst.ledger,
        "audit": worst.off,
        "tolerance": worst.rounding,
    }
    title = name.replace("-", " ").capitalize()
    return Claim(name, statement, verdict, measured, SOURCE + title, numbers)
