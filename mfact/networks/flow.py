"""Gradient flow of a network, dv/ds = −∇L(v), v all of its weights and biases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite, sqrt
from typing import Protocol

import numpy as np

from mfact.core import Array, Balance
from mfact.errors import SettingsError
from mfact.networks.flow_tolerance import chosen_rtol, jumps
from mfact.networks.laws import Laws
from mfact.networks.machine import DualMachine, Machine
from mfact.networks.measure import Measure, empty

MOST_EVALUATIONS = 200_000

_EPS = float(np.finfo(float).eps)


class Ending(Enum):
    """How a flow ended, as words before its time; the way out; the exit code of the process."""

    REACHED = ("reached", "", 0)
    LIMIT = (
        "came to the limit of gradients before",
        "choose a shorter --time, a larger --rtol or a smaller --start-scale",
        3,
    )
    DIVERGED = (
        "left the numbers before",
        "choose a smaller --start-scale, or scale X and Y down",
        4,
    )

    @property
    def words(self) -> str:
        return self.value[0]

    @property
    def way_out(self) -> str:
        return self.value[1]

    @property
    def exit_code(self) -> int:
        return self.value[2]


@dataclass(frozen=True, eq=False)
class NetworkFlow:
    """A flow at the times that it reached.

    rows: the columns of a network's trace (mfact.networks.columns) that a flow has, one entry a
    time; flow_time is s, and ledger what the errors of the solver's steps have moved each law by.
    weights: W_1, b_1, W_2, … at the last time. at: s where it ended. method: of the solver.
    steps, evaluations: how many it took.
    """

    rows: Mapping[str, Array] = field(repr=False)
    weights: tuple[Array, ...] = field(repr=False)
    ending: Ending
    at: float
    method: str
    rtol: float
    steps: int
    evaluations: int


class _Solver(Protocol):
    """What is asked of SciPy's Runge–Kutta methods."""

    A: Array
    B: Array
    K: Array
    y: Array
    t: float
    h_abs: float
    step_size: float
    nfev: int
    status: str

    def step(self) -> str | None: ...


def follow(
    machine: Machine,
    weights: Sequence[Array],
    times: Sequence[float],
    *,
    rtol: float | None = None,
    most: int = MOST_EVALUATIONS,
    told: Callable[[float], None] = lambda share: None,
) -> NetworkFlow:
    """The flow from W_1, b_1, W_2, …, at increasing times ≥ 0: by DOP853, by RK45 where ∇L jumps.

    machine: primal, float64. rtol: see chosen_rtol. most: evaluations of ∇L. told: the share of
    the last time that is done.

    Laws are quadratic, Q = ⟨v, Cv⟩, and ⟨v, C∇L(v)⟩ = 0 at each stage, so that a Runge–Kutta step
    of weights b, coefficients a and stages k moves Q by exactly
    h²Σ_ij (b_ib_j − b_ia_ij − b_ja_ji)⟨k_i, Ck_j⟩: the ledger is the sum of these.
    Raises SettingsError for other machines and tolerances, and where L is not finite at the start.
    Source: Du, Hu, Lee 2018, Section 2; the ledger: Cooper 1987, IMA J. Numer. Anal. 7.
    """
    if isinstance(machine, DualMachine) or machine.dtype != np.float64:
        raise SettingsError(
            "a flow is followed in float64 and on the weights themselves",
            "leave out --dtype and --form",
        )
    rtol = chosen_rtol(machine.net, rtol)
    machine.start(weights)
    with np.errstate(all="ignore"):
        if not isfinite(machine.evaluate().loss):
            raise SettingsError("L is not a number at the start", Ending.DIVERGED.way_out)
        return _Follower(machine, rtol, most, told).to(times)


class _Follower:
    """Goes from time to time, and keeps the ledger."""

    def __init__(
        self, machine: Machine, rtol: float, most: int, told: Callable[[float], None]
    ) -> None:
        from scipy.integrate import DOP853, RK45  # slow to import

        self.machine, self.rtol, self.most, self.told = machine, rtol, most, told
        self.method = RK45 if jumps(machine.net) else DOP853
        self.laws = Laws.of(machine.net)
        self.measure = Measure(machine, self.laws, self.laws)
        self.begun = self.measure.balance()
        self.entries: Balance = tuple(np.zeros_like(Q) for Q in self.begun)
        self.cuts = np.cumsum([part.size for part in machine.point])[:-1]
        self.share = np.array(0.0)
        self.steps = self.evaluations = 0
        self.next_step: float | None = None

    def to(self, times: Sequence[float]) -> NetworkFlow:
        """At each of the times, or those that can be reached."""
        net = self.machine.net
        rows = empty(net, self.laws, len(times))
        for name in ("step", "log10_step", "step_size"):
            del rows[name]
        v = np.concatenate([part.ravel() for part in self.machine.point])
        s, done, ending = 0.0, 0, Ending.REACHED
        for i, end in enumerate(times):
            if end > s:
                s, v, ending = self._stretch(s, end, v, times[-1])
            if ending is not Ending.REACHED:
                break
            self._row(rows, i, s, v)
            done = i + 1
        self._at(v)
        return NetworkFlow(
            rows={name: column[:done] for name, column in rows.items()},
            weights=self.machine.kept(),
            ending=ending,
            at=s,
            method=self.method.__name__,
            rtol=self.rtol,
            steps=self.steps,
            evaluations=self.evaluations,
        )

    def _stretch(
        self, start: float, end: float, v: Array, last: float
    ) -> tuple[float, Array, Ending]:
        first = None if self.next_step is None else min(self.next_step, end - start)
        # Of the relative tolerance by entries only what SciPy insists on.
        solver: _Solver = self.method(
            self._field, start, v, end, rtol=100 * _EPS, atol=self._allowed(v), first_step=first
        )
        self.evaluations += solver.nfev
        tableau, proposed = _moved_by(solver), solver.h_abs
        if not isfinite(proposed):  # ∇L overflows, and SciPy would look for a step for ever
            return solver.t, solver.y, Ending.DIVERGED
        while solver.status == "running":
            if self.evaluations >= self.most:
                return solver.t, solver.y, Ending.LIMIT
            self._allowed(solver.y)
            proposed, before = solver.h_abs, solver.nfev
            solver.step()
            self.evaluations += solver.nfev - before
            if solver.status == "failed":
                return solver.t, solver.y, Ending.DIVERGED
            self.steps += 1
            self._book(solver, tableau)
            self.told(solver.t / last)
        # The end cut the last step short, so that the proposal before it may be the better one.
        self.next_step = max(proposed, solver.h_abs)
        return end, solver.y, Ending.REACHED

    def _allowed(self, v: Array) -> Array:
        """The entries' share of an error of rtol‖v‖: the one number that the solver reads."""
        self.share[...] = self.rtol * (float(np.linalg.norm(v)) / sqrt(v.size) or 1.0)
        return self.share

    def _book(self, solver: _Solver, tableau: Array) -> None:
        """Add to the ledger what the step has moved each law by."""
        K = solver.K[: len(tableau)]
        scaled = solver.step_size**2 * (tableau @ K)
        for k, other in zip(K, scaled, strict=True):
            more = self.laws.form(self._parts(k), self._parts(other))
            self.entries = tuple(E + each for E, each in zip(self.entries, more, strict=True))

    def _row(self, rows: Mapping[str, Array], i: int, s: float, v: Array) -> None:
        self._at(v)
        machine = self.machine
        sums = machine.evaluate()
        rows["flow_time"][i], rows["loss"][i] = s, sums.loss
        slopes = self.laws.sides(machine.slope, machine.slope)
        rows["gradient_norm"][i] = sqrt(self.laws.square(machine.slope, slopes))
        found = self.measure.columns(self.begun, self.entries, sums.output, slopes)
        for name, value in found.items():
            rows[name][i] = value

    def _field(self, s: float, v: Array) -> Array:
        self._at(v)
        self.machine.evaluate()
        return -np.concatenate([part.ravel() for part in self.machine.slope])

    def _at(self, v: Array) -> None:
        self.machine.load(self._parts(v))

    def _parts(self, v: Array) -> list[Array]:
        pieces = np.split(v, self.cuts)
        return [
            piece.reshape(part.shape)
            for piece, part in zip(pieces, self.machine.point, strict=True)
        ]


def _moved_by(solver: _Solver) -> Array:
    """b_ib_j − b_ia_ij − b_ja_ji of the method."""
    b = solver.B
    a = np.zeros((len(b), len(b)))
    a[:, : solver.A.shape[1]] = solver.A
    return np.asarray(np.outer(b, b) - b[:, None] * a - (b[:, None] * a).T)
