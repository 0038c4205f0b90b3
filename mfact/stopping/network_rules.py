"""The rules by which a network's run may end: its optimum is not known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Outcome, Rows, moves
from mfact.stopping.rules import BLOWN_UP, Seen, Stop, at_limit, first_of, out_of_time

TOO_SHORT = "the steps are too small to change the weights any more"
AT_ZERO = "the gradient is zero: no step changes the weights any more"


@dataclass(frozen=True)
class NetworkRules:
    """The limits of a network's run.

    tol_loss: on L. tol_gradient: on ‖∇L‖, both as they are. patience: steps without a decrease.
    min_iter, max_iter: steps. max_time: seconds in all. zero_loss: L of f = 0. eps: of the
    arithmetic. layers: N.
    """

    tol_loss: float | None
    tol_gradient: float | None
    patience: int | None
    min_iter: int
    max_iter: int
    max_time: float | None
    zero_loss: float
    eps: float
    layers: int
    tol: None = None

    def candidates(
        self, rows: Rows, seconds: float, seen: Seen
    ) -> tuple[list[Stop | None], list[Stop | None]]:
        loss, norms, late = rows["loss"], rows["gradient_norm"], rows["step"] >= self.min_iter
        limit = BLOWN_UP * max(seen.first_loss, self.zero_loss)
        bad = ~(loss <= limit) | ~np.isfinite(norms)
        early = [
            first_of(
                bad,
                Outcome.DIVERGED,
                lambda i: f"the loss left all bounds at step {rows['step'][i]:d}",
            )
        ]
        if (tol := self.tol_loss) is not None:
            early.append(
                first_of(
                    late & (loss <= tol),
                    Outcome.CONVERGED,
                    lambda i: f"the loss is {loss[i]:.2e}, within --tol-loss {tol:g}",
                )
            )
        if (least := self.tol_gradient) is not None:
            early.append(
                first_of(
                    late & (norms <= least),
                    Outcome.CONVERGED,
                    lambda i: (
                        f"the gradient norm is {norms[i]:.2e}, within --tol-gradient {least:g}"
                    ),
                )
            )
        early.append(
            first_of(
                late & (loss == 0) & (norms == 0),
                Outcome.CONVERGED,
                lambda i: "the loss is 0 and its gradient too: there is none below",
            )
        )
        early.append(self._still(rows))
        return early, [at_limit(rows, self.max_iter), out_of_time(seconds, self.max_time)]

    def _still(self, rows: Rows) -> Stop | None:
        """Where no step changes the weights any more; their norms are known where measured."""
        size = np.sqrt(sum(rows[f"norm_{h}"] for h in range(1, self.layers + 1)))
        # A step of less than a twentieth of an ulp moves hardly an entry.
        short = moves(rows) <= 0.05 * self.eps * size
        return first_of(
            short & (rows["step"] >= self.min_iter),
            Outcome.STALLED,
            lambda i: TOO_SHORT if rows["gradient_norm"][i] else AT_ZERO,
        )
