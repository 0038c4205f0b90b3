"""What is asked of networks that were trained elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

from mfact.python.arguments import Path
from mfact.python.door import spoken
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.studies.balance import Audit, audit
from mfact.studies.checked import parsed
from mfact.studies.checkpoints import opened


@spoken()
def balance(
    checkpoints: Path | Sequence[Path],
    *,
    layers: str | None = None,
    chain: str | Sequence[str] = (),
    steps_apart: int | None = None,
    require: Sequence[str] = (),
    rescale: Path | None = None,
) -> Audit:
    """Audit how balanced the layers of a network are, and how that moved between its checkpoints.

    checkpoints: .safetensors, what torch.save wrote of a state dict, .npz, a run file, or a folder.
    layers: the network, as `mfact network` takes it; None: from names and shapes. chain: tensors of
    layers that feed each other ("a.weight,b.weight"), or several such. steps_apart: from one
    checkpoint to the next; 1 makes the verdict exact. require: numbers against limits
    ("excess_share<0.1") and claims that must hold ("kappa"). rescale: where to write the balanced
    network that computes the same function.

    Raises MfactError for what is no checkpoint, or where no layers feed each other.
    Source: Du, Hu, Lee 2018, Theorem 2.1; rescaling: Stock, Graham, Gribonval, Jégou 2019.
    """
    requirements = parsed(require)
    paths = [checkpoints] if isinstance(checkpoints, (str, PathLike)) else list(checkpoints)
    found = opened(paths)
    if rescale is not None:
        read = {f"checkpoint {n}": fspath(each.file.path) for n, each in enumerate(found.each, 1)}
        refuse_meetings(read, {"rescaled network": fspath(rescale)})
        claim_output(rescale)
    chains = [chain] if isinstance(chain, str) else chain
    return audit(
        found,
        layers=layers,
        chains=chains,
        steps_apart=steps_apart,
        requirements=requirements,
        rescale=rescale,
    )
