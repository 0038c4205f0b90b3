"""What a Zarr store is in: a folder, or a zip of one; opened by the library in a child process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from mfact.errors import MfactError, MissingPackageError, StorageError
from mfact.matrices.arrays.npz import open_zip
from mfact.matrices.seen import Seen, unreadable
from mfact.matrices.values import refuse_memory
from mfact.matrices.zarr.keys import MARKS, Keys, walk
from mfact.words import printable

_WAY_OUT = "copy the store again, or write it again with zarr"


def is_zip(seen: Seen, label: str) -> bool:
    """Whether a zip is one of a store."""
    return _base(seen, label) is not None


def _base(seen: Seen, label: str) -> str | None:
    """The one folder in a zip that a store is in, "" where it is the zip itself; None without."""
    try:
        with open_zip(seen, label) as archive:
            names = archive.namelist()
    except MfactError:  # which the reader of such files has words for
        return None
    folders = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] in MARKS}
    if "" in folders:
        return ""
    tops = {name.partition("/")[0] for name in names}
    return tops.pop() if len(tops) == 1 and tops <= folders else None


@dataclass(frozen=True)
class Store:
    """path: of a folder or a zip. zip: that as it was looked at, None for a folder. base: the
    folder in it that the store is in, "" for none."""

    path: Path
    zip: Seen | None = None
    base: str = ""

    @classmethod
    def of_zip(cls, seen: Seen, label: str) -> Store:
        return cls(seen.path, seen, _base(seen, label) or "")

    def held(self, path: str, label: str) -> Seen | Keys:
        """What a node at a path is kept in. Raises StorageError."""
        return self.zip or Keys.of(self.path / path, label)

    def listed(self, path: str, label: str) -> Iterator[tuple[str, int]]:
        """(key, bytes) of whatever is kept below a node at a path."""
        if self.zip is None:
            yield from ((key, status.st_size) for key, status in walk(self.path / path, label))
            return
        start = "/".join(filter(None, (self.base, path)))
        start = f"{start}/" if start else ""
        with open_zip(self.zip, label, "Zarr", "zarr") as archive:
            for info in archive.infolist():
                if info.filename.startswith(start):
                    yield info.filename.removeprefix(start), info.compress_size

    @contextmanager
    def opened(self, label: str) -> Iterator[Any]:
        """Its root, a zarr.Array or a zarr.Group, in a child process, of which the settings and
        the warnings of the library are its own. Whatever that raises becomes one StorageError, or
        a MissingPackageError for a codec that it does not know.
        """
        import warnings

        import zarr
        from zarr.storage import LocalStore, ZipStore

        warnings.simplefilter("ignore")
        # One chunk at a time: there are as many children as threads may unpack, and what they hold
        # is told beforehand.
        zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})
        try:
            path = self.path
            store = LocalStore(path, read_only=True) if self.zip is None else ZipStore(path)
            # What is consolidated may be older than what it is about.
            yield zarr.open(store, mode="r", path=self.base, use_consolidated=False)
        except MfactError:
            raise
        except MemoryError:
            refuse_memory(label)
        except OSError as error:
            if error.strerror:
                raise unreadable(error, label) from error
            raise _refused(error, label) from error
        except Exception as error:  # of whatever kind: it believes what the store says
            raise _refused(error, label) from error


def _refused(error: Exception, label: str) -> MfactError:
    text = str(error) or type(error).__name__
    if isinstance(error, JSONDecodeError | UnicodeDecodeError):
        text = f"what it says of itself is no JSON ({text})"
    elif isinstance(error, KeyError):
        text = f"{text} is not there"
    reason = printable(text.replace("\n", " ")[:160])
    if type(error).__name__ == "UnknownCodecError":
        return MissingPackageError(
            f"{label} is packed in a way that zarr does not know here: {reason}",
            "install the package that has this codec",
        )
    return StorageError(f"{label} cannot be read as Zarr: {reason}", _WAY_OUT)


def require_zarr(label: str) -> None:
    """Import the library, so that each child finds it imported. Raises MissingPackageError."""
    try:
        from zarr.core.buffer.cpu import NDBuffer  # noqa: F401  # which zarr 2 lacks
        from zarr.storage import LocalStore  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"{label} is a Zarr store, which zarr 3 reads", "pip install 'mfact[zarr]'"
        ) from error


def is_array(node: Any) -> bool:
    """Whether a node of a store is no group."""
    import zarr

    return isinstance(node, zarr.Array)
