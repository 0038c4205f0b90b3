"""mfact balance: how balanced the layers of networks are that were trained elsewhere."""

from __future__ import annotations

from typing import Any

import click

from mfact.cli.carry_out import watched
from mfact.cli.files import claim_files
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import log_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE, Typed
from mfact.ranges import Count
from mfact.words import printable

EXAMPLES = (
    ("mfact balance model.safetensors", "which layers feed which, and how balanced they are"),
    ("mfact balance step-100.pt step-101.pt --steps-apart 1 --require kappa",
     "whether one step of gradient descent kept the law; exit 5 unless it did"),
    ("mfact balance checkpoints/ --require 'excess_share<0.1' --format junit",
     "a folder of checkpoints, in the order of their steps, as a test suite"),
    ("mfact balance model.pt --rescale balanced.pt", "the same function, of the least norm"),
)  # fmt: skip


@helpful_command(
    "balance",
    short_help="Audit the balance of any checkpoint.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "5"),
)
@click.argument("checkpoints", metavar="CHECKPOINT…", type=FILE, nargs=-1, required=True)
@option(
    "--layers",
    "Model",
    "The network, as `mfact network` takes it; else names and shapes tell.",
    metavar="SPEC|FILE.toml",
    show_default="none",
    type=FILE,
)
@option(
    "--chain",
    "Model",
    "Layers that feed each other, by their tensors; may be given again.",
    metavar="A.weight,B.weight…",
    multiple=True,
    envvar=None,
    show_default="none",
)
@option(
    "--steps-apart",
    "Model",
    "Steps between two checkpoints; 1 makes the verdict exact.",
    type=Typed(Count(least=1)),
    show_default="not known",
)
@option(
    "--require",
    "Stopping",
    "A number against a limit (excess_share<0.1) or a claim that must hold (kappa); may be "
    "given again.",
    multiple=True,
    metavar="WHAT",
    envvar=None,
    show_default="none",
)
@option(
    "--rescale",
    "Output",
    "Write the balanced network that computes the same function, if its activations scale.",
    metavar="OUT",
    type=FILE,
    show_default="none",
)
@view_option("json", "junit", "github", "markdown", "csv")
@option("--full", "Output", "Show every pair of layers and all that was left out.", is_flag=True)
@option("--exit-zero", "Output", "Exit 0, not 5, when a claim is violated.", is_flag=True)
@log_options
@click.pass_context
def command(ctx: click.Context, /, checkpoints: tuple[str, ...], **values: Any) -> int:
    """Audit the balance of the layers in each CHECKPOINT, and how it moved from one to the next.

    A CHECKPOINT is a .safetensors file, what torch.save wrote of a state dict, an .npz, a run file,
    or a folder of them. in_i are the weights and the bias that feed unit i, out_i those that draw
    from it: gradient descent keeps ‖in_i‖² − ‖out_i‖² of units that scale, ReLU among them, up to
    the squares of its steps. Any violated claim makes the exit code 5.
    """
    from mfact.report.balance_page import balance_views
    from mfact.studies.balance import audit
    from mfact.studies.checked import parsed
    from mfact.studies.checkpoints import opened

    requirements = parsed(values["require"])
    log = ctx.ensure_object(Log)
    found = opened(checkpoints)
    read = {f"checkpoint {n}": str(each.file.path) for n, each in enumerate(found.each, 1)}
    claim_files(ctx, read, {"rescaled network": values["rescale"]})
    for each in found.skipped:
        log.detail(f"{printable(each)} is no checkpoint of weights")
    with watched(log) as doing:
        balance = audit(
            found,
            layers=values["layers"],
            chains=values["chain"],
            steps_apart=values["steps_apart"],
            requirements=requirements,
            rescale=values["rescale"],
            doing=doing,
        )
    if balance.written is not None:
        known = "" if balance.chain.scales else ": the same function, if its activations scale"
        log.note(f"wrote {printable(values['rescale'])}{known}")
    show(values["format"], balance_views(balance, full=values["full"]), quiet=log.quiet)
    return 0 if balance.holds or values["exit_zero"] else 5
