"""Pack the pairs of one split into a file from which patches are cut."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.gains import GainMatch
from defocus.align.photometry.linear_light import encoded
from defocus.baselines.recipe import NAMES, Further, TargetName
from defocus.cache import in_derived
from defocus.datasets.deriving.aligned_reference import (
    ReferenceModel,
    aligned_reference,
    measured_blur,
)
from defocus.datasets.measuring.revision import REFERENCED
from defocus.datasets.pair import Dataset, Pair, ids_of, remaining
from defocus.datasets.pair_files import array_shape, read_array
from defocus.datasets.patching.many_pairs import each_in_order, require_space, say_size
from defocus.errors import DatasetError, ImageError, NotApplicableError
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import FULL, Image, as_linear, bit_depth
from defocus.processes.isolation import LeftOut, attempt
from defocus.progress import say, track
from defocus.storage.files import atomic_path, make_folder, try_lock
from defocus.storage.hdf5_files import held_interrupts, new_hdf5, open_hdf5

Arrays = dict[str, NDArray[Any]]
"""Arrays of a pair by their names."""

Members: TypeAlias = Mapping[str, NDArray[Any]]
"""The arrays of one pair by name, all of one height and width: ``blurry`` and ``target``, each
``(H, W, 3)`` uint8 or uint16, and whatever else is cut at the same place."""

Storage = Literal["packed", "raw"]

# Pictures of a file are ``packed``, in chunks each with a checksum, so that crops are read without
# decoding whole ones; they are not compressed, as LZF saved under 1 % of noisy 16-bit pictures and
# made reading five times slower. Or ``raw``: each in one piece, read through a memory map, several
# times faster and without checksums.
CHUNK_PX = 128
CACHE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class ColourChange:
    """Changes of a crop's colours."""

    grey: bool = False
    saturation: float = 1.0
    noise_deviation: float = 0.0  # of Gaussian noise, for colours in [0, 1]
    noise_seed: int = 0
    channels: tuple[int, int, int] = (0, 1, 2)  # permutation of red, green and blue


@dataclass(frozen=True)
class Crop:
    """Position of a patch, and how it is mirrored and then turned."""

    index: int  # of the pair in the store
    top: int
    left: int
    upside_down: bool = False  # the order of rows is reversed
    mirrored: bool = False  # columns are reversed
    quarter_turns: int = 0  # counter-clockwise
    window_px: int = (
        0  # side of the cut area if it is shrunk to a patch; 0: the patch's own side
    )
    look: ColourChange = ColourChange()


class PatchStore:
    """The pictures of one packed file; each process opens the file separately."""

    # ``ids`` and ``sizes`` (height, width) are in the order of the pairs' indices; ``left_out``
    # could not be read when the file was packed.

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: Any = None
        self._owner = 0
        self._opened: dict[tuple[str, str], Any] = {}
        try:
            file = self._file()
            self.ids: tuple[str, ...] = tuple(file["ids"].asstr()[:])
            sizes = [file["blurry"][name].shape[:2] for name in self.ids]
            unread = file["left_out"].asstr()[:].tolist() if "left_out" in file else []
        except (OSError, KeyError, RuntimeError) as error:
            raise self._damaged("its directory cannot be read") from error
        self.sizes: tuple[tuple[int, int], ...] = tuple(
            (int(h), int(w)) for h, w in sizes
        )
        self.left_out: tuple[LeftOut, ...] = tuple(LeftOut(*one) for one in unread)

    def __len__(self) -> int:
        return len(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None, "_owner": 0, "_opened": {}}

    def read(self, crop: Crop, size: int) -> tuple[Image, Image]:
        """Blurry and target patch, each ``(size, size, 3)`` at its own bit depth."""
        return self.read_member("blurry", crop, size), self.read_member(
            "target", crop, size
        )

    def read_member(self, member: str, crop: Crop, size: int) -> NDArray[Any]:
        """A patch of one member of a pair, ``(size, size)`` or ``(size, size, 3)``."""
        name = self.ids[crop.index]
        window = np.s_[crop.top : crop.top + size, crop.left : crop.left + size]
        order = np.s_[:: -1 if crop.upside_down else 1, :: -1 if crop.mirrored else 1]
        try:
            patch: NDArray[Any] = np.array(self._array(member, name)[window])
        except (OSError, KeyError, RuntimeError) as error:
            raise self._damaged(f"pair '{name}' cannot be read") from error
        return np.rot90(patch[order], crop.quarter_turns)

    def _array(self, member: str, name: str) -> Any:  # noqa: ANN401 - h5py has no types
        """The array of a member, HDF5's own or a memory map; the same one in every thread."""
        file = self._file()
        array = self._opened.get((member, name))
        if array is None:
            array = file[member][name]
            if array.chunks is None:
                array = np.memmap(
                    self.path,
                    array.dtype,
                    "r",
                    offset=array.id.get_offset(),
                    shape=array.shape,
                )
            self._opened[member, name] = array
        return array

    def _damaged(self, what: str) -> DatasetError:
        return DatasetError(f"{self.path}: {what}; delete the file, it is packed again")

    def _file(self) -> Any:  # noqa: ANN401 - h5py has no types
        """The open file, never a handle of a parent process."""
        if self._handle is None or self._owner != os.getpid():
            self._handle = open_hdf5(self.path, rdcc_nbytes=CACHE_BYTES)
            self._owner = os.getpid()
            self._opened = {}
        return self._handle


def pack(
    path: Path,
    pictures: Iterable[tuple[str, Members]],
    storage: Storage = "packed",
    left_out: Collection[LeftOut] = (),
) -> int:
    """Write a packed file atomically, to the bit; return the number of pairs.

    Without pairs no file is written."""
    make_folder(path.parent)
    ids: list[str] = []
    with atomic_path(path) as temporary, new_hdf5(temporary) as file:
        for name, members in pictures:
            with held_interrupts():
                for member, array in members.items():
                    require_space(path.parent, array.nbytes)
                    _add(file.require_group(member), name, array, storage)
                file.flush()
            ids.append(name)
        with held_interrupts():
            _add_names(file, ids, left_out)
    if not ids:
        path.unlink()
    return len(ids)


def _add_names(
    file: h5py.File, ids: Sequence[str], left_out: Collection[LeftOut]
) -> None:
    # no attribute: those hold some four thousand names, and datasets of patches have more
    file.create_dataset("ids", data=np.array(ids, dtype=h5py.string_dtype()))
    if left_out:
        unread = [(one.id, one.reason) for one in left_out]
        file.create_dataset(
            "left_out", data=np.array(unread, dtype=h5py.string_dtype())
        )


def _add(group: h5py.Group, name: str, array: NDArray[Any], storage: Storage) -> None:
    if storage == "raw":
        group.create_dataset(name, data=array)
        return
    height, width, *channels = array.shape
    chunks = (min(CHUNK_PX, height), min(CHUNK_PX, width), *channels)
    group.create_dataset(name, data=array, chunks=chunks, fletcher32=True)


REGISTERED: Collection[TargetName] = (
    "prealigned",
    "compensated",
    "registered",
    "registered-flow",
)


def require_further(
    pairs: Collection[Pair], further: Collection[Further], target: TargetName = "sharp"
) -> None:
    """Refuse pairs without required members; a valid mask needs the target ``registered-flow``."""
    if "valid_mask" in further and target != "registered-flow":
        raise NotApplicableError(
            f"the target '{target}' has no valid mask; train on the target 'registered-flow'"
        )
    for pair in pairs:
        there: dict[Further, bool] = {
            "dual_pixel": pair.dual_pixel_left is not None
            and pair.dual_pixel_right is not None,
            "defocus_map": pair.defocus_map is not None,
            "flow": pair.flow is not None,
            "valid_mask": True,  # it is measured
            "measured_blur": pair.sharp is not None,
        }
        for one in further:
            if not there[one]:
                raise NotApplicableError(f"pair {pair.id} has no {NAMES[one]}")


def packed_pairs(
    dataset: Dataset,
    pairs: tuple[Pair, ...],
    target: TargetName,
    name: str,
    *,
    further: Collection[Further] = (),
    estimator_name: str,
    storage: Storage = "packed",
) -> PatchStore:
    """The packed file of those pairs that have the target, made on first use and kept."""

    def packed_in(derived: Path) -> PatchStore:
        there = replace(dataset, derived=derived)
        return _packed_pairs(
            there, pairs, target, name, further, estimator_name, storage
        )

    return in_derived(dataset.derived, packed_in)


def _packed_pairs(
    dataset: Dataset,
    pairs: tuple[Pair, ...],
    target: TargetName,
    name: str,
    further: Collection[Further],
    estimator_name: str,
    storage: Storage,
) -> PatchStore:
    # A pair that cannot be read is left out; the file keeps its name, and it is tried again.
    path = _patch_file(dataset, target, name, further, estimator_name, storage)
    work = partial(
        _members,
        dataset=dataset,
        target=target,
        further=further,
        estimator_name=estimator_name,
    )
    left_out: list[LeftOut] = []
    with _one_at_a_time(make_folder(path.parent)):
        if path.is_file():
            store = _known(path, pairs, work)
            if store is not None:
                if target in REGISTERED:
                    _tell_left_out(dataset, pairs, store, name)
                return store
        made = each_in_order(work, pairs)
        members = track(made, f"packing {target} patches", len(pairs))
        rows = _packed_rows(members, len(pairs), path.parent, left_out)
        if pack(path, rows, storage, left_out):
            return PatchStore(path)
    if left_out:
        raise ImageError(left_out[0].reason)
    raise NotApplicableError(f"no pair of {dataset.name} has the target '{target}'")


def _packed_rows(
    made: Iterable[tuple[str, Members | LeftOut | None]],
    count: int,
    folder: Path,
    left_out: list[LeftOut],
) -> Iterator[tuple[str, Members]]:
    """The members of pairs that have the target; prints how large ``count`` pairs become."""
    size = 0
    for name, packed in made:
        if isinstance(packed, LeftOut):
            left_out.append(packed)
        elif packed is not None:
            if not size:
                size = count * sum(array.nbytes for array in packed.values())
                say_size(f"packing takes {size / 1e9:.1f} GB", size, folder)
            yield name, packed


def _patch_file(
    dataset: Dataset,
    target: TargetName,
    name: str,
    further: Collection[Further],
    estimator_name: str,
    storage: Storage,
) -> Path:
    """Path of the packed file; its name says what it holds."""
    words = [name, target]
    if target in REGISTERED or "measured_blur" in further:
        words += [estimator_name, "r" + ".".join(map(str, REFERENCED))]
    words += [*sorted(further), *([] if storage == "packed" else [storage])]
    return dataset.derived / "patches" / f"{'-'.join(words)}.h5"


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process pack into a folder, and the others wait and take what it has packed."""
    # Where a file system has no locks, each packs for itself.
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            held.callback(os.close, handle)
            try_lock(handle, wait=True)
        yield


def _known(
    path: Path, pairs: tuple[Pair, ...], members: Callable[[Pair], Members | None]
) -> PatchStore | None:
    """An earlier packing; None if it is damaged, or a pair that it lacks can be read now."""
    try:
        store = PatchStore(path)
    except DatasetError:
        say(f"{path}: damaged; it is packed again")
        return None
    lacking = ids_of(store.left_out)
    for pair in pairs:
        if pair.id not in lacking:
            continue
        if not isinstance(attempt(pair.id, partial(members, pair)), LeftOut):
            say(
                f"{path}: a pair that it is without can be read now; it is packed again"
            )
            return None
    return store


def _tell_left_out(
    dataset: Dataset, pairs: tuple[Pair, ...], store: PatchStore, name: str
) -> None:
    """Say how many pairs an earlier packing left out, which named each."""
    read = remaining(pairs, store.left_out)
    captured = sum(pair.sharp is not None for pair in read)
    if len(store) < captured:
        kind = "training pairs" if name.startswith("train") else "pairs"
        say(
            f"{dataset.name}: {captured - len(store)} of {captured} {kind} left out, their "
            "misalignment is unknown"
        )


def _members(
    pair: Pair,
    dataset: Dataset,
    target: TargetName,
    further: Collection[Further],
    estimator_name: str,
) -> Members | None:
    """Arrays of a pair that are packed; None if it lacks the target."""
    pictures = _pictures(dataset, pair, target, estimator_name)
    if pictures is None:
        return None
    blurry, wanted = pictures
    return {
        "blurry": blurry,
        "target": wanted,
        **_further(pair, further, blurry),
        **_measured(dataset, pair, further, estimator_name),
    }


def _pictures(
    dataset: Dataset, pair: Pair, target: TargetName, estimator_name: str
) -> tuple[Image, Image] | None:
    """Blurry and target picture of a pair that has the target."""
    if target in REGISTERED:
        return _registered(dataset, pair, estimator_name, target)
    file: Path | None = pair.sharp if target == "sharp" else pair.truth
    return None if file is None else read_pair(pair.blurry, file, pair.white)


def _registered(
    dataset: Dataset, pair: Pair, estimator_name: str, target: TargetName
) -> tuple[Image, Image] | None:
    """Blurry picture and aligned reference, which keeps its own light if it is ``prealigned``."""
    if pair.sharp is None:
        return None
    model: ReferenceModel = "flow" if target == "registered-flow" else "global"
    reference = aligned_reference(dataset, pair, estimator_name, model=model)
    blurry, captured = read_pair(pair.blurry, pair.sharp, pair.white)
    if reference.status == "unknown":
        what = "taken as captured" if target == "compensated" else "left out"
        say(
            f"pair {pair.id} is {what}, its misalignment is unknown: {reference.reason}"
        )
        return (blurry, captured) if target == "compensated" else None
    sharp = read_image(reference.sharp, FULL)
    if target in ("prealigned", "registered-flow"):  # the latter has the light already
        return blurry, sharp
    measured = reference.misalignment
    light = GainMatch(measured["gain"], measured["offset"]).applied(as_linear(sharp))
    return blurry, encoded(light, bit_depth(sharp))


def _further(pair: Pair, further: Collection[Further], blurry: Image) -> Arrays:
    members: Arrays = {}
    if "dual_pixel" in further and pair.dual_pixel_left and pair.dual_pixel_right:
        for side, file in (
            ("left", pair.dual_pixel_left),
            ("right", pair.dual_pixel_right),
        ):
            members[f"dual_pixel_{side}"] = read_image(file, pair.white)
    if "defocus_map" in further and pair.defocus_map:
        members["defocus_map"] = read_array(pair.defocus_map, blurry.shape[:2])
    if "flow" in further and pair.flow:
        height, width = blurry.shape[:2]
        flow = read_array(pair.flow, array_shape("flow", height, width))
        members["flow"] = np.ascontiguousarray(flow.transpose(1, 2, 0))
    _require_size(pair, blurry, members)
    return members


def _require_size(
    pair: Pair, blurry: Image, members: Mapping[str, NDArray[Any]]
) -> None:
    """Refuse members of another size than the blurry picture."""
    for name, array in members.items():
        if array.shape[:2] != blurry.shape[:2]:
            raise ImageError(
                f"pair {pair.id}: its {name} is {array.shape[1]}x{array.shape[0]} but its blurry "
                f"picture {blurry.shape[1]}x{blurry.shape[0]}; restore the file"
            )


def _measured(
    dataset: Dataset, pair: Pair, further: Collection[Further], estimator_name: str
) -> Arrays:
    """Mask (255, else 0) of reliable ``registered-flow``, and the relative blur, px."""
    members: Arrays = {}
    if "valid_mask" in further:
        reference = aligned_reference(dataset, pair, estimator_name, model="flow")
        members["valid_mask"] = read_image(reference.valid_mask)[:, :, 0]
    if "measured_blur" in further and pair.sharp is not None:
        members["measured_blur"] = measured_blur(
            pair.blurry, pair.sharp, estimator_name
        )
        if np.isnan(members["measured_blur"]).all():
            say(f"pair {pair.id} has no measured blur: its misalignment is unknown")
    return members
