"""What the observers and monitors of a run are told of it, and which hypotheses that leaves out."""

from __future__ import annotations

from dataclasses import dataclass

from mfact.core import Schedule, scaled_eps
from mfact.methods.choice import PLAIN
from mfact.problems.optimum import known_rank
from mfact.words import brief, known_digits


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A run as it is told before its first step; at its end with what became known of M.

    norm, sigma_1: ‖M‖_F, and σ₁ from below. offset: see mfact.core.Target. rank: r. shape:
    (d1, d2). dtype: of the arithmetic.
    objective: "plain" (1) or "balanced" (3), with λ = weight, 0 for (1). start: its name or file;
    scale: of a drawn start, None for one from a file (see RunSettings.start_scale).
    tol: the gap to reach. max_iter, max_time: limits, in steps and in seconds, of which
    wall_seconds are spent before. keeps: what the method's flow keeps, as mfact.core.Law has it;
    lasting: for how many steps what has come into its memory goes on, as mfact.core.Method has it.
    singular_values: leading ones, as many as are known; errors: how far each may be off, none
    when they are exact; zero: up to here they count as zero. numerical_rank: of M where known.
    """

    norm: float
    sigma_1: float
    rank: int
    shape: tuple[int, int]
    dtype: str
    objective: str
    weight: float
    method: str
    schedule: Schedule
    start: str
    scale: float | None
    tol: float
    engine: str
    offset: float = 0.0
    max_iter: int | None = None
    max_time: float | None = None
    wall_seconds: float = 0.0
    keeps: str = "D"
    lasting: float = 1.0
    singular_values: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    zero: float = 0.0
    numerical_rank: int | None = None

    @property
    def eps(self) -> float | None:
        """ε of the schedule, units of M; None where it has none."""
        return self.schedule.eps

    @property
    def plain(self) -> bool:
        """Whether the steps are those of plain gradient descent."""
        return self.method == PLAIN

    @property
    def unit(self) -> float:
        """ε of the arithmetic, as it is of ‖M‖_F."""
        return scaled_eps(self.dtype, self.offset, self.norm)

    @property
    def unit_of_step(self) -> float:
        """The same as it is of σ₁, which a gradient has."""
        return scaled_eps(self.dtype, self.offset, self.sigma_1)

    @property
    def rank_of_M(self) -> int | None:
        """The numerical rank of M where it is known: as told, or by leading singular values."""
        if self.numerical_rank is not None:
            return self.numerical_rank
        return known_rank(self.singular_values, self.zero, min(self.shape))

    @property
    def gap(self) -> tuple[float, float] | None:
        """σ_r − σ_{r+1} and how far it may be off, units of M; None when it is not known.

        σ_{r+1} = 0 when M has rank r. The error is that of both values, and never below what
        counts as zero.
        """
        r, values = self.rank, self.singular_values
        if len(values) < r:
            return None
        off = max(sum(self.errors[r - 1 : r + 1]), self.zero)
        if len(values) > r:
            return values[r - 1] - values[r], off
        known = self.rank_of_M
        whole = r == min(self.shape) or (known is not None and known <= r)
        return (values[r - 1], off) if whole else None

    def missing(
        self, *, schedules: tuple[str, ...] = (), exact_rank: bool = False, plain: bool = True
    ) -> list[str]:
        """The hypotheses that the run does not meet, each as a phrase with its numbers.

        schedules: names that are allowed (empty: all). exact_rank: M must have rank r.
        plain: the objective must be (1), without a balancing term.
        """
        lacks = []
        if not self.plain:
            lacks.append(f"the method is {self.method}, not gradient descent")
        if plain and self.objective != "plain":
            lacks.append("the objective has a balancing term, the claim is about (1) without it")
        if schedules and self.schedule.name not in schedules:
            lacks.append(f"the schedule is {self.schedule.name}, not {' or '.join(schedules)}")
        return lacks + self.missing_rank() if exact_rank else lacks

    def missing_rank(self) -> list[str]:
        """Why M does not count as of rank r, as a phrase; none when it does.

        More than r singular values without a known rank are all above rounding. How far each may
        be off cuts its digits.
        """
        r, rank, values = self.rank, self.rank_of_M, self.singular_values
        if rank is not None:
            return [] if rank == r else [f"M has numerical rank {rank}, not r = {r}"]
        if len(values) <= r:
            return [f"it is not known whether M has rank {r}"]
        known = known_digits(values[r], self.errors[r] if self.errors else 0.0, 4)
        value = f"= {values[r]:.{known}g}" if known else f"≥ {brief(values[r])}"
        return [f"M has rank above r = {r}: σ_{r + 1} {value}"]
