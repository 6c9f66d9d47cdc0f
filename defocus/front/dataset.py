"""Dataset whose pictures are arrays, read on demand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from defocus.datasets import pair as stored
from defocus.errors import DatasetError
from defocus.near_names import meant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from defocus.pictures.values import Image


@dataclass(frozen=True)
class Pair:
    """One scene captured blurry and sharp.

    A picture or array is read on first use, and kept as long as this object.

    Attributes:
        files: The paths of the files.
    """

    files: stored.Pair

    @property
    def id(self) -> str:
        """Id of the pair, unique in its dataset."""
        return self.files.id

    @property
    def scene(self) -> str:
        """Name of the scene; no scene is in two splits."""
        return self.files.scene

    @property
    def split(self) -> stored.Split:
        """``train``, ``validation`` or ``test``."""
        return self.files.split

    @property
    def metadata(self) -> Mapping[str, object]:
        """Facts such as optics, exposure and true misalignment, as JSON values."""
        return self.files.metadata

    @cached_property
    def blurry(self) -> "Image":
        """The blurry picture, ``(H, W, 3)`` RGB, uint8 or uint16 like the file, sRGB-encoded.

        Raises:
            ImageError: The file cannot be read.
        """
        return self._developed[0] if self._developed else _member(self.files, "blurry")

    @cached_property
    def sharp(self) -> "Image | None":
        """The sharp picture as captured, in the same form; None in datasets without ground truth.

        Raises:
            ImageError: The file cannot be read.
        """
        if self.files.sharp is None:
            return None
        return self._developed[1] if self._developed else _member(self.files, "sharp")

    @cached_property
    def truth(self) -> "Image | None":
        """Rendered data: the all-in-focus picture in the geometry of ``blurry``; else None.

        Raises:
            ImageError: The file cannot be read.
        """
        if self.files.truth is None:
            return None
        return _picture(self.files.truth, self.files.white)

    @cached_property
    def flow(self) -> "NDArray[np.float32] | None":
        """Rendered data: ``(2, H, W)`` float32, px, true flow from blurry to sharp; else None.

        Raises:
            DatasetError: The file cannot be read.
        """
        return None if self.files.flow is None else _array(self.files.flow)

    @cached_property
    def defocus_map(self) -> "NDArray[np.float32] | None":
        """Rendered data: ``(H, W)`` float32, signed diameter of the circle of confusion, px.

        Raises:
            DatasetError: The file cannot be read.
        """
        if self.files.defocus_map is None:
            return None
        return _array(self.files.defocus_map)

    @cached_property
    def _developed(self) -> "tuple[Image, Image] | None":
        """Both pictures of two RAW files, developed with the same parameters."""
        from defocus.pictures.raw import all_raw
        from defocus.pictures.read import read_pair

        blurry = self.files.blurry
        sharp = self.files.sharp
        if sharp is None or not all_raw(blurry, sharp):
            return None
        return read_pair(blurry, sharp, self.files.white)


@dataclass(frozen=True)
class Dataset(Sequence[Pair]):
    """Pairs by index, sorted by id; a slice or a split is again a dataset.

    Attributes:
        text: The text as it was asked for.
        files: The whole dataset, with paths instead of arrays.
        chosen: The pairs of this part.
    """

    text: str
    files: stored.Dataset
    chosen: tuple[stored.Pair, ...]

    @property
    def name(self) -> str:
        """The dataset's name in results."""
        return self.files.name

    def split(self, name: str) -> "Dataset":
        """The pairs of one split: ``train``, ``validation`` or ``test``.

        Raises:
            DatasetError: The split does not exist.
        """
        if name not in stored.SPLITS:
            raise DatasetError(f"no split '{name}'; {meant(name, stored.SPLITS)}")
        return replace(
            self,
            chosen=tuple(pair for pair in self.chosen if pair.split == name),
        )

    def __len__(self) -> int:
        return len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> Pair: ...

    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...

    def __getitem__(self, index: int | slice) -> "Pair | Dataset":
        if isinstance(index, slice):
            return replace(self, chosen=self.chosen[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"no pair {index}: {self!r}")
        return Pair(self.chosen[index])

    def __iter__(self) -> Iterator[Pair]:
        return map(Pair, self.chosen)

    def __repr__(self) -> str:
        return f"Dataset({self.text!r}, {len(self)} pairs)"


def open_dataset(text: str) -> Dataset:
    """Open a dataset.

    Args:
        text: ``sample``, ``sample:strong``, ``sample:wide`` (rendered on first use, in the cache
            folder) or ``READER:PATH``, as on the command line; ``defocus-data list`` shows the
            readers.

    Returns:
        The pairs by index, sorted by id; their pictures are read when they are first used.

    Raises:
        DatasetError: The reader is unknown, the folder is missing, or it is not such a dataset.
        ImageError: The pictures of a pair differ in size.
        StorageError: The cache cannot be written.

    Examples:
        >>> import defocus
        >>> pair = defocus.open_dataset("sample").split("test")[0]
        >>> pair.id, pair.blurry.shape, pair.blurry.dtype.name
        ('cafe', (160, 240, 3), 'uint16')
    """
    from defocus.datasets.api import open_dataset as opened

    if not isinstance(text, str):
        raise DatasetError(
            f"the dataset is of type {type(text).__name__}; "
            "give a text such as 'sample' or 'pairs:PATH'"
        )
    files = opened(text)
    return Dataset(text, files, files.pairs)


def _member(files: stored.Pair, role: Literal["blurry", "sharp"]) -> "Image":
    """A member as it is used together with the other one."""
    from defocus.pictures.read import read_blurry, read_sharp

    blurry = files.blurry
    sharp = files.sharp or files.blurry
    if role == "blurry":
        return read_blurry(blurry, sharp, files.white)
    return read_sharp(sharp, blurry, files.white)


def _picture(path: Path, white: int | None) -> "Image":
    from defocus.pictures.read import read_image

    return read_image(path, white)


def _array(path: Path) -> "NDArray[np.float32]":
    import numpy as np

    from defocus.datasets.pair_files import read_array

    return np.asarray(read_array(path), np.float32)
