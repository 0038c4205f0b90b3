"""What torch.save makes out of names and plain values: four kinds of names are known, no more.

Nothing here looks a name up in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mfact.errors import DataError, StorageError
from mfact.matrices.declared import short

STORAGES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
"""Name -> kind of its numbers, as Tensor.kind."""

SAVE_ALONE = "save model.state_dict() alone with torch.save, or with safetensors"

_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_ORDERED_DICT = "collections.OrderedDict"
_TOO_LARGE = 2**63
# One shape, or one name, may be given to many tensors: so each is short.
LONGEST_NAME = 512  # characters
_MOST_DIMENSIONS = 100  # of those above 64 no array is made
_MOST_ARGUMENTS = 7
# What torch.save writes of tensors that hold other numbers than STORAGES, or more than numbers.
_REFUSED = {
    "torch._utils._rebuild_tensor_v3": (
        "a tensor of a kind that torch stores untyped, such as float8 or uint16",
        "save tensor.float() in its place",
    ),
    "torch.storage.UntypedStorage": ("bytes of no kind", "save a tensor in their place"),
    "torch._utils._rebuild_qtensor": (
        "a quantized tensor", "save tensor.dequantize() in its place",
    ),
    "torch._utils._rebuild_sparse_tensor": (
        "a sparse tensor", "save tensor.to_dense() in its place",
    ),
    "torch.ComplexDoubleStorage": (
        "complex numbers", "save torch.view_as_real(tensor) in their place",
    ),
    "torch.ComplexFloatStorage": (
        "complex numbers", "save torch.view_as_real(tensor) in their place",
    ),
    "torch._utils._rebuild_meta_tensor_no_storage": (
        "a tensor of the device meta, which has no numbers",
        "save the model once its weights are loaded",
    ),
    "torch._tensor._rebuild_from_type_v2": (
        "a tensor of a class of its own, or with attributes",
        "save tensor.full_tensor() of a distributed one, tensor.detach().as_subclass(torch.Tensor) "
        "of others",
    ),
    "torch._utils._rebuild_parameter_with_state": (
        "a parameter with attributes", "save model.state_dict(), which leaves them out",
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Name:
    """One that is known."""

    full: str


@dataclass(frozen=True)
class Storage:
    """A run of numbers: of what kind, the name that it is kept by, how many."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, eq=False)
class View:
    """A tensor: of a storage the numbers at offset + Σ index·stride, counted in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def known_name(full: str, label: str) -> Name:
    """A name, if it is one of those; DataError for any other."""
    if full in (_TENSOR, _PARAMETER, _ORDERED_DICT) or full in STORAGES:
        return Name(full)
    if full in _REFUSED:
        what, way_out = _REFUSED[full]
        raise DataError(f"{label} holds {what} ({full})", way_out)
    raise refused(f"{short(full)}, which nothing but its own code could make", label)


def stored(identity: Any, label: str) -> Storage:
    """("storage", torch.FloatStorage, key, device, count) as a Storage; of any device."""
    match identity:
        case ("storage", Name(full), str(key), str(), count):
            if full in STORAGES and len(key) <= LONGEST_NAME and _is_size(count):
                return Storage(STORAGES[full], key, count)
    raise broken_pickle("a storage is none", label)


def made(name: Any, arguments: Any, label: str) -> View | dict[str, Any]:
    """What name(*arguments) stands for: a tensor, that of a parameter, or an empty dict."""
    if type(arguments) is not tuple or len(arguments) > _MOST_ARGUMENTS:
        raise broken_pickle("a call that torch.save does not write", label)
    match name, arguments:
        case Name(full), () if full == _ORDERED_DICT:
            return {}
        case Name(full), (View() as view, _, _) if full == _PARAMETER:
            return view
        case Name(full), (
            Storage() as storage, offset, tuple(shape), tuple(strides), _, _, *marks
        ) if full == _TENSOR:  # fmt: skip
            if any(marks):
                raise DataError(
                    f"{label} holds a tensor that is stored with the other sign",
                    "save tensor.resolve_neg() in its place",
                )
            if len(shape) == len(strides) <= _MOST_DIMENSIONS and all(
                map(_is_size, (offset, *shape, *strides))
            ):
                return View(storage, offset, shape, strides)
    raise broken_pickle("a call that torch.save does not write", label)


def refused(what: str, label: str) -> DataError:
    """Of what is no tensor, and stands beside those that are meant."""
    return DataError(f"{label} holds {what}", SAVE_ALONE)


def broken_pickle(why: str, label: str) -> StorageError:
    """Of one that nobody wrote so."""
    return StorageError(
        f"{label} has a broken pickle: {why}", "copy the file again, or save it again"
    )


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < _TOO_LARGE
