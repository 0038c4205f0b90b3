"""How a result reaches standard output: the format options, and the one place that prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mfact.cli.help import option
from mfact.cli.options import decorated, log_options, view_option
from mfact.cli.streams import emit
from mfact.cli.types import FILE, Typed
from mfact.ranges import Count, Real
from mfact.report.terminal import look_of

if TYPE_CHECKING:
    from mfact.core import Ended, NetworkResult, Result
    from mfact.report.views import Views


TIMING = option("--timing/--no-timing", "Output", "Whether to show what a clock measured.",
                default=True)  # fmt: skip
EXIT_ZERO = option("--exit-zero", "Output", "Exit 0, not 3, when a limit was reached.",
                   is_flag=True)  # fmt: skip
HEARTBEAT = option(
    "--heartbeat", "Output",
    "Off a terminal, seconds between two lines on how the run gets on; 0 for none.",
    type=Typed(Real(least=0)), default=30.0,
)  # fmt: skip

format_options = decorated(
    view_option("json", "jsonl", "junit", "github", "markdown", "csv", of="view of the result"),
    option("--full", "Output", "Show every setting, every claim in full, and every number.",
           is_flag=True),
    option("--rows", "Output", "Lines of the iteration table; 0 for all.", type=Typed(Count()),
           default=None, show_default="as many as fit, at most 12"),
    option("--factors/--no-factors", "Output",
           "Whether the JSON document holds U and V, or a network's weights.", default=True),
    TIMING,
    option("--reproducible", "Output",
           "Leave out clock, host, threads and paths: equal runs give equal bytes.", is_flag=True),
)  # fmt: skip

ended_options = decorated(
    format_options,
    EXIT_ZERO,
    HEARTBEAT,
    log_options,
)
"""What every run is told of its outputs, beside the run file."""

result_options = decorated(
    option("--factors-npy", "Output", "Also write U and V as PREFIX_U.npy and PREFIX_V.npy.",
           metavar="PREFIX", type=FILE),
    option("--factors-csv", "Output", "The same as tables, PREFIX_U.csv and PREFIX_V.csv, after "
           "the names of rows and columns.", metavar="PREFIX", type=FILE),
    option("--factors-tsv", "Output", "The same with tabs, PREFIX_U.tsv and PREFIX_V.tsv.",
           metavar="PREFIX", type=FILE),
    ended_options,
)  # fmt: skip
"""The same of a factorization."""


def show(form: str, views: Views, *, quiet: bool) -> None:
    """Print the view that --format asks for; quiet leaves out the table."""
    if form != "table" or not quiet:
        emit(views[form](look_of(sys.stdout)), annotations=form == "github")


def print_result(result: Result | NetworkResult, values: dict[str, Any], *, quiet: bool) -> None:
    """Print the view that the format options ask for; quiet leaves out the table."""
    if quiet and values["format"] == "table":
        return
    from mfact.core import Result

    asked = {name: values[name] for name in ("rows", "timing", "factors", "full")}
    if isinstance(result, Result):
        from mfact.report.views import run_views

        views = run_views(result, **asked)
    else:
        from mfact.report.network_views import network_views

        views = network_views(result, **asked)
    show(values["format"], views, quiet=quiet)


def exit_code(result: Ended, exit_zero: bool) -> int:
    """The outcome's exit code; --exit-zero makes 3 (a limit) a success."""
    code = result.outcome.exit_code
    return 0 if exit_zero and code == 3 else code
