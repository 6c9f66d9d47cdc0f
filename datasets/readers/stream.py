"""stream - endless training pairs from a folder of sharp photographs.

``stream:`` needs none; it also takes a lens file, or a file with the keys of :class:`LensStream`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from defocus.datasets.pair import OWN_PICTURES, Dataset, ReaderCard
from defocus.errors import DatasetError
from defocus.scene.lens_file import MeasuredLens, read_lens
from defocus.settings import Settings, load_settings

CARD = ReaderCard(
    title="training stream of rendered defocus",
    source="rendered from your own sharp photographs and procedural textures",
    licence=OWN_PICTURES,
    redistributable=True,
    counts={"validation": 30, "test": 40},
    sizes=((256, 256), (352, 176), (384, 384)),
    bits=16,
)


class LensStream(Settings):
    """Keys of a mapping file of a stream."""

    lens: Path | None = None  # file of ``defocus-capture chart lens``; None draws many
    photographs: Path | None = None  # folder; None for procedural textures alone
    light_field: Annotated[float, Field(ge=0, le=1)] = (
        0.0  # share of the training pairs
    )


@dataclass(frozen=True)
class StreamOf:
    """Sources of a stream."""

    folder: Path | None  # of photographs
    lens: MeasuredLens | None = None
    light_field: float = 0.0


def read(path: Path) -> Dataset:
    """Open the stream of a folder and its sub-folders, of a lens file or of a mapping file."""
    from defocus.datasets.stream.dataset import stream_dataset

    stream = stream_of(path)
    return stream_dataset(stream.folder, stream.lens, stream.light_field)


def stream_of(path: Path) -> StreamOf:
    """The part of an address after the colon: a folder, a lens file, a mapping file or nothing."""
    if path.suffix.lower() == ".json" and path.is_file():
        return StreamOf(None, read_lens(path))
    if path.is_file():
        wanted = load_settings(LensStream, path)
        lens = None if wanted.lens is None else read_lens(path.parent / wanted.lens)
        folder = (
            None if wanted.photographs is None else path.parent / wanted.photographs
        )
        if folder is not None and not folder.is_dir():
            raise DatasetError(
                f"{path}: photographs {folder}: no such folder; check the path"
            )
        return StreamOf(folder, lens, wanted.light_field)
    return StreamOf(None if path == Path() else path)
