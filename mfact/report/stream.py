"""The rows of a run as JSON lines, each as soon as it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from mfact.core import Array, Ended, Rows
from mfact.errors import MfactError
from mfact.report.machine import Either, jsonl_result, jsonl_rows
from mfact.run.recorder import is_recorded
from mfact.trace import COLUMNS


class RowStream:
    """An observer that writes the recorded rows while the run goes on.

    What is known later changes no row that has gone: its gap is as it was known then. Nor are rows
    taken back that the recorder thins out, so that the trace of the result holds some of them.

    write: takes the lines; where it fails, the run goes on, and finish() tells. every: of the
    rows, as RunSettings has it. columns: those of the trace, in their order.
    """

    def __init__(
        self,
        write: Callable[[Iterable[str]], None],
        every: int | None,
        columns: Iterable[str] = COLUMNS,
    ) -> None:
        self._write, self._every, self._columns = write, every, tuple(columns)
        self._last: dict[str, Array] = {}
        self._failed: MfactError | None = None

    def start(self, facts: object) -> None:
        """Rows tell all that there is to tell."""

    def segment(self, rows: Rows) -> None:
        """The next block of rows, of steps taken one by one or of the flow."""
        # Those of a flow are kept all; their step numbers may be no integers.
        plain = rows["step"].dtype.kind == "i"
        steps = rows["step"]
        due = is_recorded(steps, self._every) if plain else np.full(len(steps), True)
        self._last = {} if due[-1] else {name: column[-1:] for name, column in rows.items()}
        self._send({name: column[due] for name, column in rows.items()})

    def stop(self, result: Ended) -> None:
        """The last row is recorded whatever its step, and with what was measured of it then."""
        if self._last:
            known = {n: c[-1:] for n, c in result.trace.items() if n in self._last and len(c)}
            if np.array_equal(known.get("step", ()), self._last["step"]):
                self._last |= {n: c for n, c in known.items() if np.isnan(self._last[n][0])}
        self._send(self._last)

    def finish(self, result: Either, *, timing: bool) -> None:
        """The last line: the result. Raises what a row could not be written for."""
        if self._failed is not None:
            raise self._failed
        self._write([jsonl_result(result, timing=timing)])

    def _send(self, rows: Rows) -> None:
        if self._failed is not None or not rows:
            return
        try:
            self._write(jsonl_rows({n: rows[n] for n in self._columns if n in rows}))
        except MfactError as error:
            self._failed = error
