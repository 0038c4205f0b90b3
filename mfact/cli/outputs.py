"""Where the results of a run go, and which older files they may replace."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfact.errors import MfactError, SettingsError
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource
    from mfact.run.checkpoint import Saved
    from mfact.run.network.checkpoint import SavedNetwork
    from mfact.storage.claims import Paths

RENEWED = ("max_iter", "max_time")
"""Settings that a resume may change; all others tell one run from another."""


def outputs(output: str | None, values: Mapping[str, Any], checkpoint: str | None = None) -> Paths:
    """Every file that a run will write, beside its log."""
    from mfact.host.atomic import refuse_standard_output
    from mfact.storage.claims import FACTORS
    from mfact.storage.factors import factor_paths

    files = {"output": output, "checkpoint": checkpoint}
    for form, name in FACTORS.items():
        if (prefix := values[f"factors_{form}"]) is not None:
            refuse_standard_output(prefix)
            pair = zip("UV", factor_paths(prefix, form), strict=True)
            files |= {name.format(side): path for side, path in pair}
    return files


def default_output(matrix: str, dataset: str | None = None) -> str:
    """The name of the run file of a matrix when none is asked for: its file's, and its dataset's
    where that was named.

    >>> default_output("data/digits.mtx.gz"), default_output("data/x.h5:/group/M[0,:,:]")
    ('digits.run.h5', 'x.group.M-0-all-all.run.h5')
    """
    from mfact.matrices.spec import split_spec

    file, named = split_spec(matrix)
    chosen = dataset if named is None else named
    words = [_plain(word) for word in (chosen or "").split("/")]
    return ".".join([stem_of(file) or "matrix", *filter(None, words), "run.h5"])


def stem_of(file: Path) -> str:
    """The name of a file without what tells its kind; "" of a folder that is named by dots."""
    stem = Path(file.stem).stem if file.suffix in (".gz", ".zip") else file.stem
    return stem if stem.strip(".") else ""


def _plain(word: str) -> str:
    """A word of the name of a dataset as one of the name of a file; brackets stand for a part."""
    return re.sub(r"[^\w.+=-]+", "-", re.sub(r":(?=[^\[]*\]$)", "all", word)).strip("-")


@dataclass(frozen=True)
class Left:
    """What an earlier run has left: how it named its matrix, from which folder, the matrix's
    fingerprint, and the settings of the run.
    """

    named: Mapping[str, Any]
    folder: str | None
    fingerprint: Mapping[str, Any] | None
    settings: Mapping[str, Any]

    @classmethod
    def in_run(cls, path: str) -> Left:
        """By the run whose run file is at the path. Raises StorageError for another file."""
        from mfact.storage.runs import read_run

        run = read_run(path)
        chosen = {name: entry["value"] for name, entry in run.settings.items()}
        folder = run.provenance.get("folder")
        return cls(run.problem, folder, run.problem.get("fingerprint"), chosen)

    @classmethod
    def in_checkpoint(cls, path: str) -> Left:
        """By the run whose checkpoint is at the path. Raises StorageError for another file."""
        from mfact.run.checkpoint import read

        saved = read(path)
        return cls(saved.asked.named, None, saved.document["fingerprint"], asdict(saved.settings))

    def is_at(self, path: str | None, dataset: str | None, transpose: bool) -> bool:
        """Whether its matrix is the one at this path, under this dataset, as it is or its
        transpose.
        """
        from mfact.storage.claims import same_file

        stored = self.named.get("path")
        if stored is None or path is None or bool(self.named.get("transpose")) != transpose:
            return False
        named, asked = ((name or "").strip("/") for name in (self.named.get("dataset"), dataset))
        return named == asked and same_file(str(Path(self.folder or ".", stored)), path)

    def is_of(self, fingerprint: Mapping[str, Any]) -> bool:
        """Whether its matrix has this fingerprint."""
        from mfact.targets.fingerprint import same_matrix

        return self.fingerprint is not None and not same_matrix(self.fingerprint, fingerprint)

    def is_run(self, settings: Mapping[str, Any]) -> bool:
        """Whether its run is the one with these settings, limits left aside."""
        return all(
            self.settings.get(name) == value
            for name, value in settings.items()
            if name not in RENEWED
        )


def claim_unnamed(
    output: str | None, checkpoint: str | None, source: MatrixSource, note: Callable[[str], None]
) -> Callable[[Mapping[str, Any]], None]:
    """Refuse to write over what another matrix has left where nobody said to write.

    output, checkpoint: the default ones, None where the user named one. What is there is replaced
    when it came of the same file and dataset, or of a matrix of the same fingerprint: what remains
    to be said and refused once that is known, before the first step.

    Raises SettingsError.
    """
    found = []
    for path, kind, what, way_out, fate in (
        (output, Left.in_run, "a run file", "output with -o", "it is replaced at the end"),
        (
            checkpoint,
            Left.in_checkpoint,
            "a checkpoint",
            "one with --checkpoint",
            "the first of this run replaces it",
        ),
    ):
        if path is not None and Path(path).exists():
            refusal = _taken(path, f"{what} of {source.name}", way_out)
            try:
                left = kind(path)
            except MfactError as error:
                raise refusal from error
            found.append((left, refusal, f"{printable(path)} is {what} of this matrix: {fate}"))

    def admit(fingerprint: Mapping[str, Any]) -> None:
        for left, refusal, text in found:
            if not left.is_at(source.path, source.dataset, source.transpose) and not left.is_of(
                fingerprint
            ):
                raise refusal
            note(text)

    return admit


def resumed_output(saved: Saved) -> str | None:
    """Where the run of a checkpoint was to write its result, None for nowhere.

    A checkpoint may come from elsewhere, and does not say what may be written over: only what
    would lie beside it and is new or a run file of the same matrix, or a run file of the same run.

    Raises SettingsError.
    """
    from mfact.storage.claims import same_file

    output = saved.document["output"]
    if output is None:
        return None
    beside = same_file(str(Path(output).parent), str(Path(saved.path).parent))
    if not Path(output).exists():
        if not beside:
            raise SettingsError(
                f"{printable(saved.path)} says to write {printable(output)}, in another folder",
                f"say so with -o {printable(output)}, or name another output",
            )
        return str(output)
    named = saved.asked.named
    may = False
    with suppress(MfactError):
        left = Left.in_run(output)
        at = left.is_at(named.get("path"), named.get("dataset"), bool(named.get("transpose")))
        may = at or left.is_of(saved.document["fingerprint"])
        may = may and (beside or left.is_run(asdict(saved.settings)))
    if not may:
        what = "matrix" if beside else "run"
        raise _taken(output, f"a run file of that {what}", "output with -o")
    return str(output)


def _taken(path: str, what: str, way_out: str) -> SettingsError:
    return SettingsError(
        f"{printable(path)} is there already, and not known as {what}", f"name another {way_out}"
    )


def resumed_network_output(saved: SavedNetwork) -> str | None:
    """The same of a network: beside its checkpoint, and nothing there but a run on its points.

    Raises SettingsError.
    """
    output = saved.output
    if output is None:
        return None
    if Path(output).parent != Path(saved.path).absolute().parent:
        raise SettingsError(
            f"the run was to write {printable(output)}, in another folder",
            f"say so with -o {printable(output)}, or name another output",
        )
    left = None
    if Path(output).exists():
        with suppress(MfactError):
            left = _points_of(output)
        if left != saved.document["fingerprint"]:
            raise _taken(output, "a run file on its points", "output with -o")
    return output


def claim_unnamed_network(
    output: str, fingerprint: Mapping[str, Any], note: Callable[[str], None]
) -> None:
    """As claim_unnamed, of a network: what is there is replaced where it is a run on its points."""
    if not Path(output).exists():
        return
    try:
        left = _points_of(output)
    except MfactError as error:
        raise _taken(output, "a network's run file", "output with -o") from error
    if left != fingerprint:
        raise _taken(output, "a run on these points", "output with -o")
    text = f"{printable(output)} is a run on these points: it is replaced at the end"
    note(f"mfact: note: {text}")


def _points_of(path: str) -> Mapping[str, Any] | None:
    """The fingerprint of the points of a network's run. Raises StorageError for another file."""
    from mfact.storage.network_runs import read_network_run

    return read_network_run(path).problem.get("fingerprint")
