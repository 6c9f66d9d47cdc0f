"""Read untrusted weights files into named tensors, in a separate process; none of their code runs.

Objects for which torch's safe reader refuses a file, such as hyper-parameters, are skipped."""

import os
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, Self

import numpy as np
import torch
from torch import Tensor

from defocus.baselines.weights.files import kind_of
from defocus.errors import WeightsError
from defocus.reading import refuse_bomb, refuse_zip_bomb
from defocus.storage.torch_files import UNREADABLE

PROGRAMS = frozenset(
    {"os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "runpy", "pty"}
)
CALLS = frozenset({"eval", "exec", "compile", "__import__", "open"})
"""Modules, and built-in functions, that only a harmful file asks for."""


def load_numbers(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The numbers, tables and lists of a file that ``torch.save`` wrote, and what was skipped."""
    skipped: dict[str, None] = {}

    class Unpickler(_Numbers):
        def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as pickle has it
            if module.partition(".")[0] in PROGRAMS or (
                module == "builtins" and name in CALLS
            ):
                raise WeightsError(
                    f"{path}: cannot be read safely, it holds more than numbers ({module}.{name}, "
                    "which no weights need); do not load it anywhere"
                )
            target = super().find_class(module, name)
            if target is _Skipped:
                skipped[f"{module}.{name}"] = None
            return target

    def load(file: BinaryIO, **options: Any) -> Any:  # noqa: ANN401 - as pickle has it
        return Unpickler(file, **options).load()

    reader = SimpleNamespace(Unpickler=Unpickler, load=load, __name__="pickle")
    content = torch.load(
        path,
        map_location="cpu",
        pickle_module=reader,
        weights_only=False,
    )
    return content, tuple(skipped)


class _Skipped:
    """Stands in for any object; it accepts that object's data and keeps nothing."""

    dump_patches = False
    """Attribute that torch asks for when it loads a module from an old file."""

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
        """One of the few functions that pickled arrays need."""
        module = module.replace("numpy.core", "numpy._core")
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return _ARRAYS[module, name]


def _empty_array(
    kind: type,
    shape: tuple[int, ...],
    code: bytes,
) -> np.ndarray[Any, Any]:
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
    if (
        not isinstance(dtype, np.dtype)
        or dtype.hasobject
        or not isinstance(data, bytes)
    ):
        return _Skipped()
    return np.frombuffer(data, dtype, 1)[0]


def _of_subclass(
    make: object,
    _kind: object,
    given: tuple[object, ...],
    _state: object,
) -> object:
    """A tensor of a user-defined class, as a plain tensor."""
    return _tensor(*given) if make is _tensor else _Skipped()


def _tensor(*given: Any) -> Tensor:  # noqa: ANN401 - torch's own
    return torch._utils._rebuild_tensor_v2(*given[:6])  # type: ignore[no-untyped-call, no-any-return]


def _old_tensor(*given: Any) -> Tensor:  # noqa: ANN401 - torch's own
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
    ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
    ("torch._utils", "_rebuild_parameter_with_state"): lambda data, *_: data,
    ("torch._tensor", "_rebuild_from_type_v2"): _of_subclass,
}


LARGEST_BYTES = 8 * 1024**3
"""Largest size to which an archive may unpack, in bytes."""

MOST_PARTS = 1_000_000

_UNREADABLE = (*UNREADABLE, OSError, NotImplementedError)
"""Errors that the readers raise for damaged or unsafe files."""

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""First bytes of what a clone holds of a large file that was not fetched."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a weights file in its order; names of nested tables are joined by dots."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; check the path")
    read = _READERS[kind_of(path)]
    try:
        tensors = dict(_flattened("", read(path)))
    except _UNREADABLE as error:
        # The libraries' own texts advise to switch safe reading off, which nobody should do.
        raise WeightsError(
            f"{path}: cannot be read safely, {_why(path, error)}"
        ) from error
    if not tensors:
        raise WeightsError(f"{path}: holds no tensor; it is not a weights file")
    return tensors


def _why(path: Path, error: Exception) -> str:
    """Reason why a reader refused a file, as far as it is known without running the file."""
    if not os.access(path, os.R_OK):
        return "you may not read it; check its permissions"
    with path.open("rb") as file:
        begin = file.read(64).lstrip()
    if not begin:
        return "it is empty; download it again from its makers"
    if begin.startswith(b"<"):
        return "it is a web page, as file hosts send in place of a file; download it by hand"
    if begin.startswith(_LFS_POINTER):
        return "it is a pointer of Git LFS in place of the file; fetch it with: git lfs pull"
    return (
        f"it is damaged or holds more than numbers ({type(error).__name__}); "
        "download it again from its makers"
    )


def _flattened(
    name: str,
    content: object,
    seen: Iterator[int] | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested tables and lists, with their joined names."""
    # ``seen`` counts the parts, because lists that hold each other have no end.
    seen = seen or count()
    if next(seen) > MOST_PARTS:
        raise ValueError("more parts than any network has")
    if isinstance(content, Tensor):
        yield name, content.detach()
    elif isinstance(content, np.ndarray) and content.dtype == object:
        yield from _flattened(name, content.tolist(), seen)
    elif isinstance(content, np.ndarray) and np.issubdtype(content.dtype, np.number):
        # a copy
        yield (name, torch.from_numpy(content.astype(content.dtype.newbyteorder("="))))
    elif isinstance(content, Mapping | list | tuple):
        parts = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in parts:
            yield from _flattened(f"{name}.{key}" if name else str(key), value, seen)


def _read_torch(path: Path) -> Any:  # noqa: ANN401 - whatever a stranger pickled
    refuse_zip_bomb(path, LARGEST_BYTES)
    _refuse_program(path)
    with warnings.catch_warnings():
        # about pickle dialects, which users cannot mend
        warnings.simplefilter("ignore")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        # damaged, or there is more than torch's reader knows
        except pickle.UnpicklingError:
            content, skipped = load_numbers(path)
        if skipped and not any(True for _ in _flattened("", content)):
            raise WeightsError(
                f"{path}: holds a whole object ({skipped[0]}) instead of numbers, and reading it "
                "would run code; load it where it was made and save its state_dict() alone"
            )
        return content


def _refuse_program(path: Path) -> None:
    """Refuse a network that was saved with its code, with the line that takes its numbers out."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = [name.partition("/")[2] for name in archive.namelist()]
    trusted = (
        "reading it would run code; if you trust it, save its numbers alone: python -c"
    )
    if "constants.pkl" in members and any(name.startswith("code/") for name in members):
        state = f"torch.jit.load({str(path)!r}, map_location='cpu').state_dict()"
        kind = "a TorchScript program"
    elif any(name.endswith("archive_format") for name in members):
        # an exported program has its numbers as a property
        state = f"torch.export.load({str(path)!r}).state_dict"
        kind = "a program of torch.export"
    else:
        return
    line = f"import torch; torch.save({state}, 'weights.pth')"
    raise WeightsError(f'{path}: {kind}; {trusted} "{line}"')


def _read_safetensors(path: Path) -> Mapping[str, Tensor]:
    from safetensors import SafetensorError

    from defocus.storage.tensor_files import load_tensors

    try:
        return load_tensors(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _read_npz(path: Path) -> Mapping[str, object]:
    """Read arrays of numbers, or of arrays (as TensorLayer saves lists), by name."""
    refuse_zip_bomb(path, LARGEST_BYTES)
    with zipfile.ZipFile(path) as archive:
        arrays: dict[str, object] = {}
        for name in archive.namelist():
            with archive.open(name) as member:
                arrays[name.removesuffix(".npy")] = _read_array(member)
    return arrays


def _read_array(member: Any) -> object:  # noqa: ANN401 - a file inside an archive
    version = np.lib.format.read_magic(member)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, fortran_order, dtype = read_header(member)
    if dtype.hasobject:
        return ArraysOnly(member).load()
    count = int(np.prod(shape, dtype=np.int64))
    if count * dtype.itemsize > LARGEST_BYTES:
        raise ValueError("an array is too large")
    flat = np.frombuffer(member.read(count * dtype.itemsize), dtype, count)
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _read_hdf5(path: Path) -> Mapping[str, Tensor]:
    """Read the datasets of the file itself; links to other files and external data are refused."""
    import h5py

    from defocus.storage.hdf5_files import open_hdf5

    tensors: dict[str, Tensor] = {}
    total = 0

    def collect(group: Any, prefix: str, depth: int) -> None:  # noqa: ANN401 - h5py has no types
        nonlocal total
        if depth > 32:
            raise ValueError("groups are nested too deeply")
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is a link")
            member = group[name]
            if isinstance(member, h5py.Group):
                collect(member, f"{prefix}{name}/", depth + 1)
            elif member.external or member.is_virtual:
                raise ValueError(f"{name} has its data in another file")
            elif np.issubdtype(member.dtype, np.number):
                total += member.size * member.dtype.itemsize
                refuse_bomb(path, total, LARGEST_BYTES)
                tensors[prefix + name] = torch.from_numpy(np.array(member[()]))

    with open_hdf5(path) as file:
        collect(file, "", 0)
    return tensors


_READERS: Mapping[str, Callable[[Path], Any]] = {
    "safetensors": _read_safetensors,
    "npz": _read_npz,
    "hdf5": _read_hdf5,
    "torch": _read_torch,
}
