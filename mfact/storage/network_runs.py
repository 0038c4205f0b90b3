"""Run files of networks: one HDF5 file holds all that is known at the end of a run."""

from __future__ import annotations

import os

from mfact.core import Array, NetworkResult
from mfact.host.atomic import replace_file
from mfact.host.provenance import repeatable
from mfact.storage.documents import plain
from mfact.storage.door import under
from mfact.storage.images import make_image, read_image
from mfact.storage.network_door import require_network_run
from mfact.storage.reading import looking_through
from mfact.storage.runs import ended, told

FORMAT_VERSION = 1


def write_network_run(
    path: str | os.PathLike[str], result: NetworkResult, *, reproducible: bool = False
) -> None:
    """Write the run file of `result`, atomically and verified.

    Datasets /W/1 … /W/N and /b/h, the weights; /start/W/h, those it began with; /trace/<column>,
    /neurons/step and /neurons/h/{in, out, ledger} (rows × units), /claims/…, /ties/{mask, share}/h,
    and the root attribute `mfact_network`, one JSON string with the rest. Plain h5py reads it.

    Raises StorageError, one line; an existing file at `path` is then untouched.
    """
    if reproducible:
        result = repeatable(result)
    arrays, document = told(result)
    groups = {"": result.weights, "start/": result.start, "neurons/": result.neurons,
              "ties/": result.ties}  # fmt: skip
    named = {
        f"{group}{name}": each for group, held in groups.items() for name, each in held.items()
    }
    document["network"] = plain(result.network, where="network")
    replace_file(path, make_image("network", FORMAT_VERSION, {**named, **arrays}, document))


def read_network_run(path: str | os.PathLike[str]) -> NetworkResult:
    """The result that `write_network_run` stored, arrays bit for bit.

    Raises StorageError, one line, when the file is missing, not a run file of a network, of a newer
    format version, damaged, or holds at some place what no run has there.
    """
    arrays, document, _ = read_image(path, "network", FORMAT_VERSION)
    with looking_through(path, "a network's run file", "run `mfact network` again"):
        net = require_network_run(arrays, document)
    names = [part.name for part in net.parts]
    return NetworkResult(
        weights={name: arrays[name] for name in names},
        start={name: arrays[f"start/{name}"] for name in names},
        neurons=under("neurons", arrays),
        ties=under("ties", arrays),
        network=document["network"],
        **ended(arrays, document),
    )


def read_weights(path: str | os.PathLike[str]) -> dict[str, Array]:
    """W/1, b/1, … of a network's run file, for a start. Raises StorageError."""
    return dict(read_network_run(path).weights)
