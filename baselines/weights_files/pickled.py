"""Reader of torch's pickles that takes tensors and numbers, and builds nothing else.

torch's own safe reader refuses a whole file for one object that it does not know, such as the
hyper-parameters beside the weights. Here every unknown class and function is replaced by
:class:`_Skipped`, which takes what it is given and does nothing; no code of the file, and of no
module that it names, is run.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, Self

import numpy as np
import torch

from defocus.errors import WeightsError

__all__ = ["ArraysOnly", "load_numbers"]


PROGRAMS = frozenset({"os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "runpy", "pty"})
CALLS = frozenset({"eval", "exec", "compile", "__import__", "open"})
"""Modules, and built-in functions, that only a file which wants to do harm asks for."""


def load_numbers(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The numbers, tables and lists of a file that ``torch.save`` wrote, and what was skipped."""
    skipped: dict[str, None] = {}

    class Unpickler(_Numbers):
        def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as pickle has it
            if module.partition(".")[0] in PROGRAMS or (module == "builtins" and name in CALLS):
                raise WeightsError(
                    f"{path}: cannot be read safely, it holds more than numbers ({module}.{name}, "
                    "which no weights need); do not load it anywhere"
                )
            found = super().find_class(module, name)
            if found is _Skipped:
                skipped[f"{module}.{name}"] = None
            return found

    def load(file: BinaryIO, **options: Any) -> Any:  # noqa: ANN401 - as pickle has it
        return Unpickler(file, **options).load()

    reader = SimpleNamespace(Unpickler=Unpickler, load=load, __name__="pickle")
    content = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
    return content, tuple(skipped)


class _Skipped:
    """In place of any object; it takes what belongs to that and keeps nothing."""

    dump_patches = False
    """Asked of a module in an old file."""

    def __new__(cls, *_: object, **__: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> "_Skipped":
        return self

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        """Take a member of a list."""

    def extend(self, values: object) -> None:
        """Take members of a list."""

    def add(self, value: object) -> None:
        """Take a member of a set."""


class _Numbers(pickle.Unpickler):
    """Builds tensors, arrays and numbers; everything else is skipped."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as pickle has it
        module = module.replace("numpy.core", "numpy._core")
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        return _KNOWN.get((module, name), _Skipped)


class ArraysOnly(pickle.Unpickler):
    """Unpickles arrays of numbers and lists of them; anything else is refused."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")  # many were written by Python 2

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as pickle has it
        """One of the few functions that arrays need."""
        module = module.replace("numpy.core", "numpy._core")
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return _ARRAYS[module, name]


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes) -> np.ndarray[Any, Any]:
    """Stand-in for the empty array that NumPy's pickles begin with."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError("not an array")
    return np.ndarray((0,), "b" if code in (b"b", "b") else "O")


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Stand-in for the function with which Python 3 pickles bytes in protocol 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding}")
    return text.encode("latin1")


def _number(dtype: object, data: object = b"") -> object:
    """A number of NumPy."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes):
        return _Skipped()
    return np.frombuffer(data, dtype, 1)[0]


def _parameter(data: object, *_: object) -> object:
    return data


def _of_subclass(make: object, _kind: object, given: tuple[object, ...], _state: object) -> object:
    """A tensor of a class of somebody's own, as a plain one."""
    return _tensor(*given) if make is _tensor else _Skipped()


def _tensor(*given: Any) -> torch.Tensor:  # noqa: ANN401 - torch's own
    return torch._utils._rebuild_tensor_v2(*given[:6])  # type: ignore[no-untyped-call, no-any-return]


def _old_tensor(*given: Any) -> torch.Tensor:  # noqa: ANN401 - torch's own
    return torch._utils._rebuild_tensor(*given)  # type: ignore[no-untyped-call, no-any-return]


_ARRAYS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode_latin1,
}

_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    **_ARRAYS,
    ("numpy._core.multiarray", "scalar"): _number,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _old_tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): _of_subclass,
}
