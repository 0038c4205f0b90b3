"""mfact generate: a matrix with known singular values, to try things on."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click

from mfact.cli.files import claim_files
from mfact.cli.help import helpful_command, option
from mfact.cli.options import drawn, flags, log_options
from mfact.cli.streams import emit
from mfact.cli.types import FILE, Listed, Shape, Typed
from mfact.ranges import Real
from mfact.report.terminal import look_of
from mfact.report.text import number
from mfact.settings import COUNTED_RANK, DTYPE, SEED

EXAMPLES = (
    ("mfact generate five.npy --shape 120x80 --rank 5 --seed 1", "exact rank 5, σ from 5 to 1"),
    ("mfact generate noisy.h5 --shape 300x200 --spectrum 9,4,1 --noise 0.1 --dataset /M",
     "chosen singular values, with noise of norm about 0.1"),
)  # fmt: skip


@helpful_command(
    "generate", short_help="Make a test matrix with known singular values.", examples=EXAMPLES
)
@click.argument("output", metavar="OUTPUT", type=FILE)
@option("--shape", "Model", "Rows x columns.", type=Typed(Shape()), required=True, metavar="D1xD2")
@flags({
    "rank": replace(
        COUNTED_RANK, default=None, words="Singular values that are not zero.",
        unset="as many as --spectrum has")
})  # fmt: skip
@option(
    "--spectrum",
    "Model",
    "The singular values, separated by commas.",
    type=Typed(Listed(Real(above=0))),
    metavar="σ₁,σ₂,…",
    show_default="from --condition",
)
@option(
    "--condition",
    "Model",
    "κ: σ falls from κ to 1 in equal ratios.",
    type=Typed(Real(least=1)),
    show_default="5",
)
@option(
    "--noise",
    "Model",
    "a: adds a·N(0,1)/√(d1·d2) to each entry.",
    type=Typed(Real(least=0)),
    default=0.0,
)
@flags({
    "seed": replace(SEED, words="Seed of the random numbers; printed."),
    "dtype": replace(DTYPE, panel="Output", words="Kind of the entries."),
})  # fmt: skip
@option("--dataset", "Output", "Where it goes in an HDF5 file.", metavar="PATH", show_default="/M")
@log_options
@click.pass_context
def command(ctx: click.Context, /, output: str, **values: Any) -> int:
    """Write M = Q₁ diag(σ) Q₂ᵀ + noise to OUTPUT, a .npy or .h5 file.

    M is d1×d2; Q₁ and Q₂ are random with orthonormal columns, so that without noise σ are
    the singular values of M to rounding.
    """
    from mfact.matrices.writing import check_suffix, write_matrix
    from mfact.studies.generate import chosen_spectrum, generate_matrix
    from mfact.studies.memory import plan_generated

    d1, d2 = values["shape"]
    spectrum = chosen_spectrum((d1, d2), values["rank"], values["spectrum"], values["condition"])
    check_suffix(output, values["dataset"])
    log = claim_files(ctx, {}, {"matrix": output})
    r = len(spectrum)
    plan_generated((d1, d2), r, written=True)
    seed = drawn(values["seed"])
    M = generate_matrix((d1, d2), spectrum, noise=values["noise"], seed=seed, dtype=values["dtype"])
    write_matrix(output, M, dataset=values["dataset"])
    if not log.quiet:
        most = 8
        shown = ", ".join(number(value) for value in spectrum[:most])
        more = f", … ({r} values)" if r > most else ""
        text = (
            f"{output}: M is {d1}×{d2}, {values['dtype']}, rank {r}, "
            f"σ = {shown}{more}, noise {number(values['noise'])}, seed {seed}"
        )
        emit(look_of(sys.stdout).symbols(text) + "\n")
    return 0
