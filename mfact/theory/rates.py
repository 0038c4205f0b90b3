"""How fast the end of a run converges, beside what the spectrum of M says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mfact.core import Claim, Rows, Verdict
from mfact.theory.facts import Facts
from mfact.theory.monitoring import Monitor, step_label
from mfact.words import brief

SOURCE = "mfact, derived (linearized gradient descent at a balanced optimum)"
AGREEMENT = 0.1  # relative, on the exponent: the last decades still hold faster modes
DECADES = 2.0
DIGITS = 3  # of a rate: 1 % of ‖∇f‖ may be rounding at the end, of the ln 100 it has fallen


def local_rate(gap: float, sigma_r: float, weight: float = 0.0) -> float:
    """The slowest rate of decay ω at a balanced optimum: the error contracts by 1 − ηω a step.

    plain (1): ω = σ_r − σ_{r+1};  with (λ/8)‖D‖_F²: ω = min(σ_r − σ_{r+1}, 2λσ_r)

    gap: σ_r − σ_{r+1} (σ_r when M has rank r). weight: λ. Units of M.
    The Hessian at U = ΦΣ^½, V = ΨΣ^½ couples dU along φ_j (j > r) with dV along ψ_j by −σ_j:
    eigenvalues σ_i ± σ_j, i ≤ r < j. Inside the leading r×r block they are 0 (rotations, and
    along a family of unbalanced optima for λ = 0) and σ_i + σ_j. The balancing term moves the
    unbalanced family to λ(σ_i + σ_j), at least 2λσ_r. Source: mfact, derived.

    >>> local_rate(0.5, 1.0), local_rate(1.0, 1.0, weight=0.25)
    (0.5, 0.5)
    """
    return min(gap, 2 * weight * sigma_r) if weight else gap


class RateMonitor(Monitor):
    """Measures the contraction of ‖∇f‖ over its last two decades above rounding.

    Levels of ‖∇f‖, two a decade, remember the last step at which the norm was above them;
    the rate lies between two levels, so it is of the final approach whatever came before. It
    is compared with the geometric mean of 1 − η_tω there, ω = local_rate for each gap that
    σ_r − σ_{r+1} may be, as well as both are known. Before the slowest
    mode is left alone the error falls faster, the fitted modes by 1 − 2ησ_i. At a far from
    balanced optimum the rates are those of UᵀU and VᵀV instead: then "inconclusive".
    Source: mfact, derived.
    """

    kept = ("levels", "rows", "flow_time", "squares")

    def start(self, facts: Facts) -> None:
        self.facts = facts
        self.norm = facts.norm or 1.0
        # level (half decades) -> [step, row, Ση, Ση², ln(‖∇f‖/m^1.5), label] when last above it
        self.levels: dict[str, list[Any]] = {}
        self.rows, self.flow_time, self.squares = 0, 0.0, 0.0

    def segment(self, rows: Rows) -> None:
        gradient = np.asarray(rows["gradient_norm"], float)
        if not np.all(np.isfinite(gradient)) or not np.all(gradient >= 0):
            self.levels = {}
            return
        step, eta = (np.asarray(rows[name], float) for name in ("step", "step_size"))
        # Before each row: sums over the steps taken so far, in their order, so that they do
        # not depend on the cut into blocks. A given flow time also covers skipped steps.
        flow = np.cumsum(np.concatenate([[self.flow_time], eta]))
        with np.errstate(over="ignore"):  # a run that diverges may have had any step
            squares = np.cumsum(np.concatenate([[self.squares], eta**2]))
        if "flow_time" in rows:
            flow = np.append(np.asarray(rows["flow_time"], float), math.nan)
        with np.errstate(divide="ignore"):  # relative to M, so that units change no level
            logs = np.log(gradient / self.norm**1.5)
        later = np.maximum.accumulate(logs[::-1])[::-1]
        half = math.log(10.0) / 2
        positive = later[np.isfinite(later)]
        if len(positive):
            lowest, highest = math.floor(positive[-1] / half), math.floor(positive[0] / half)
            for level in range(max(lowest, highest - 60), highest + 1):
                i = int(np.searchsorted(-later, -level * half, side="right")) - 1
                self.levels[str(level)] = [
                    float(step[i]),
                    float(self.rows + i),
                    float(flow[i]),
                    float(squares[i]),
                    float(logs[i]),
                    step_label(rows, i),
                ]
            for name in [name for name in self.levels if int(name) < lowest]:
                del self.levels[name]
        self.rows += len(gradient)
        self.flow_time, self.squares = float(flow[-1]), float(squares[-1])

    def measured(self) -> tuple[dict[str, float], str] | None:
        """The last two decades: steps, rows, flow time, Ση², −ln of the contraction; in words."""
        unit = self.facts.unit
        floor = math.log(100 * unit)
        points = [p for _, p in sorted((int(k), p) for k, p in self.levels.items())]
        points = [p for p in points if p[4] > floor]
        wanted = points[0][4] + DECADES * math.log(10.0) - 0.1 if points else math.inf
        high = next((p for p in points if p[4] >= wanted), None)
        if high is None or points[0][1] - high[1] < 4:
            return None
        low = points[0]
        numbers = {
            "from_step": high[0],
            "to_step": low[0],
            "rows": low[1] - high[1],
            "flow_time": low[2] - high[2],
            "squares": low[3] - high[3],
            "decay": high[4] - low[4],
        }
        return numbers, f"steps {high[5]} to {low[5]}"

    def _lacks(self, facts: Facts) -> list[str]:
        """What is missing of the hypotheses, as phrases."""
        r, gap, rank = facts.rank, facts.gap, facts.rank_of_M
        lacks = facts.missing(plain=False)
        if lacks:
            return lacks
        if gap is None:
            lacks.append("σ_r and σ_{r+1} are not known")
        elif rank is not None and rank < r:
            lacks.append(
                f"M has numerical rank {rank}, below r = {r}: what its spare columns hold fades"
                " more slowly than at any linear rate"
            )
        elif not 2 * gap[1] < gap[0]:  # the interval is as wide as the prediction
            lacks.append(
                f"σ_{{r+1}} is known to {brief(gap[1])} only, and σ_r − σ_{{r+1}} = {brief(gap[0])}"
            )
        return lacks

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        found, where = self.measured() or (None, "")
        statement = "late in the run the error contracts by 1 − η(σ_r − σ_{r+1}) a step, or faster"
        lacks, gap = self._lacks(facts), facts.gap
        if found is None and facts.plain:
            lacks.append("the run did not go through two decades of linear convergence")
        if lacks or found is None or gap is None:
            verdict, detail = Verdict.NOT_MET, "; ".join(lacks)
            return (Claim("late-rate", statement, verdict, detail, SOURCE, found or {}),)
        weight, sigma_r = facts.weight, facts.singular_values[facts.rank - 1]
        rates = [
            local_rate(gap[0] + sign * gap[1], sigma_r + sign * gap[1], weight)
            for sign in (-1, 0, 1)
        ]
        if found["to_step"] - found["from_step"] == found["rows"]:
            least, expected, most = (
                expected_decay(rate, found["rows"], found["flow_time"], found["squares"])
                for rate in rates
            )
            # 1 − x, because 1 − ηω may be 1 to any number of digits.
            length, words, unit = found["rows"], "1 − {}", "a step"
            measured, low, high = (-math.expm1(-x / length) for x in (found["decay"], least, most))
        else:  # steps were skipped, where η is so small that only the flow time counts
            least, expected, most = (rate * found["flow_time"] for rate in rates)
            length, words = sigma_r * found["flow_time"], "e^(−{} σ_r s)"
            unit = "in a flow time s"
            measured, low, high = (x / length for x in (found["decay"], least, most))
        pair = math.exp(-found["decay"] / length), math.exp(-expected / length)
        numbers = {**found, "contraction": pair[0], "predicted": pair[1], "rate": rates[1]}
        numbers["rate_error"] = gap[1]
        ends = [f"{x:.{DIGITS}g}" for x in (low, high)]
        predicted = ends[0] if ends[0] == ends[1] else f"({ends[0]} to {ends[1]})"
        of = words.format(f"{measured:.{DIGITS}g}"), words.format(predicted)
        detail = f"measured {of[0]}, predicted {of[1]} {unit} ({where})"
        slow = found["decay"] < (1 - AGREEMENT) * least
        if slow:
            detail += "; slower: not yet asymptotic, or the limit is far from balanced"
        elif found["decay"] > (1 + AGREEMENT) * most:
            detail += "; faster: the modes that were fitted still settle, by 1 − 2ησ_r"
        verdict = Verdict.INCONCLUSIVE if slow else Verdict.HOLDS
        return (Claim("late-rate", statement, verdict, detail, SOURCE, numbers),)


def expected_decay(omega: float, count: float, flow_time: float, squares: float) -> float:
    """−Σ ln(1 − η_t ω) over count steps, from Ση and Ση²; infinite when a mean step overshoots.

    To second order in the spread of the steps about their mean η̄:
    count · [−ln(1 − η̄ω) + ½ var(η) ω²/(1 − η̄ω)²]. Source: mfact, derived.

    >>> abs(expected_decay(0.5, 10, 2.0, 0.4) + 10 * math.log(0.9)) < 1e-12
    True
    """
    mean = flow_time / count
    inside = 1 - mean * omega
    if inside <= 0:
        return math.inf
    variance = max(squares / count - mean**2, 0.0)
    return count * (-math.log(inside) + 0.5 * variance * omega**2 / inside**2)
