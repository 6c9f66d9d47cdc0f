"""stream-native:DIR - test pairs of full-size photographs at 1:1, blurred by up to 128 px."""

from pathlib import Path

from defocus.datasets.pair import OWN_PICTURES, Dataset, ReaderCard
from defocus.datasets.readers.stream import stream_of

CARD = ReaderCard(
    title="stream at the size of a camera's pictures",
    source="rendered from your own sharp photographs of 2 megapixels and more",
    licence=OWN_PICTURES,
    redistributable=True,
    defects=(
        "light beyond the white of a photograph is not known: highlights stay pale",
    ),
)


def read(path: Path) -> Dataset:
    """Open the test pairs of a folder and its sub-folders, or of a mapping file of a stream."""
    from defocus.datasets.stream.native_dataset import native_dataset

    stream = stream_of(path)
    return native_dataset(stream.folder, stream.lens, stream.light_field)
