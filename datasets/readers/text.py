"""text - pages of random text, rendered with the stream's lenses and cameras.

``text:`` needs no folder."""

from pathlib import Path

from defocus.datasets.pair import Dataset, ReaderCard
from defocus.errors import DatasetError

CARD = ReaderCard(
    title="rendered pages of random text",
    source="rendered on first use; the letters are those of DejaVu Sans",
    licence="CC0-1.0",
    redistributable=True,
    authors=("The defocus authors",),
    counts={"test": 36},
    sizes=((352, 176),),
    bits=16,
)


def read(path: Path) -> Dataset:
    """Open the pages; there is no folder to give."""
    from defocus.datasets.stream.dataset import text_pages

    if path != Path():
        raise DatasetError(f"text:{path}: its pages are rendered; give 'text:' alone")
    return text_pages()
