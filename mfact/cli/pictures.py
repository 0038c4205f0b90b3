"""Pictures from the command line: what is asked of one, and the one place that writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mfact.cli.help import option
from mfact.cli.options import decorated
from mfact.cli.types import FILE, one_of
from mfact.pictures.names import KINDS, STEP, X
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.cli.log import Log
    from mfact.pictures.drawing import Picture
    from mfact.storage.claims import Paths

X_OPTION = option(
    "--x", "Output", "What is drawn along x: steps, the flow time Ση, or passes over M.",
    type=one_of(*X), default=STEP,
)  # fmt: skip

picture_options = decorated(
    option("--picture", "Output", "Also draw the runs into this file, .svg, .png or .pdf.",
           metavar="FILE", type=FILE, show_default="none"),
    option("--kind", "Output", "What the picture shows.", type=one_of(*KINDS), default=None,
           show_default="convergence, methods where they differ"),
    X_OPTION,
)  # fmt: skip


def claim_picture(path: str | None) -> Paths:
    """The picture as a file to be written, once it is known that it can be drawn.

    Raises SettingsError for a name of no picture, MissingPackageError.
    """
    if path is None:
        return {}
    from mfact.report.plots import form_of, require

    form_of(path)
    require()
    return {"picture": path}


def write_picture(path: str, picture: Picture, log: Log) -> None:
    """Draw the picture into its file, atomically. Raises StorageError."""
    from mfact.host.atomic import replace_file
    from mfact.report.plots import form_of, image

    replace_file(path, image(picture, form_of(path)))
    log.note(f"wrote {printable(path)}")
