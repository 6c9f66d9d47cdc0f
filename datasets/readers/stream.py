"""stream - endless training pairs from a folder of sharp photographs.

``stream:`` needs no photographs.
"""

from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.datasets.reader_card import OWN_PICTURES, ReaderCard
from defocus.errors import DatasetError

__all__ = ["CARD", "read"]

CARD = ReaderCard(
    title="training stream of rendered defocus",
    source="rendered from your own sharp photographs and procedural textures",
    licence=OWN_PICTURES,
    redistributable=True,
    counts={"validation": 24, "test": 40},
    sizes=((256, 256), (384, 384)),
    bits=16,
)


def read(path: Path) -> Dataset:
    """Open the stream of a folder of photographs and its sub-folders, or of no folder.

    Raises:
        DatasetError: The path is a file, or no photograph can be used.
        ImageError: A photograph cannot be read.
        StorageError: The cache cannot be written.
    """
    from defocus.datasets.stream.dataset import stream_dataset

    if path.is_file():
        raise DatasetError(f"{path}: a stream needs a folder of photographs; give that")
    return stream_dataset(None if path == Path() else path)
