"""stream - endless training pairs from a folder of sharp photographs.

``stream:`` needs no photographs. ``stream:LENS.json`` has procedural textures, seen through one
measured lens. ``stream:FILE.toml`` names a folder of ``photographs`` (or none) and the file of that
``lens``, both beside it.
"""

from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.datasets.reader_card import OWN_PICTURES, ReaderCard
from defocus.errors import DatasetError
from defocus.optics.lens.file import read_lens
from defocus.settings import Settings, load_settings

__all__ = ["CARD", "LensStream", "read"]

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
    """What a mapping file of a stream says.

    Attributes:
        lens: Lens file, as ``defocus-capture chart lens`` writes it.
        photographs: Folder of sharp photographs; None for procedural textures alone.
    """

    lens: Path
    photographs: Path | None = None


def read(path: Path) -> Dataset:
    """Open the stream of a folder of photographs and its sub-folders, or of no folder.

    Args:
        path: The folder, a lens file, or a mapping file; see :class:`LensStream`.

    Raises:
        DatasetError: The folder is missing, or no photograph can be used.
        SettingsError: The mapping file has an unknown key or a wrong value.
        OpticsError: Its lens file cannot be used.
        StorageError: The cache cannot be written.
    """
    from defocus.datasets.stream.dataset import stream_dataset

    if path.suffix.lower() == ".json" and path.is_file():
        return stream_dataset(None, read_lens(path))
    if path.is_file():
        wanted = load_settings(LensStream, path)
        lens = read_lens(path.parent / wanted.lens)
        folder = None if wanted.photographs is None else path.parent / wanted.photographs
        if folder is not None and not folder.is_dir():
            raise DatasetError(f"{path}: photographs {folder}: no such folder; check the path")
        return stream_dataset(folder, lens)
    return stream_dataset(None if path == Path() else path)
