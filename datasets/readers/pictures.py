"""pictures:DIR - only blurry pictures, in DIR itself; no sharp ones."""

from pathlib import Path

from defocus.datasets.layouts.layout import Layout, Part, find, read_mapping
from defocus.datasets.layouts.published_set import pairs_of
from defocus.datasets.opening import opened
from defocus.datasets.pair import OWN_PICTURES, Dataset, ReaderCard
from defocus.errors import DatasetError

CARD = ReaderCard(
    title="a folder of blurry pictures",
    source="your own disk",
    licence=OWN_PICTURES,
    redistributable=True,
)

LAYOUT = Layout(parts=(Part(split="test", blurry="{name}.*"),))


def read(path: Path) -> Dataset:
    """Open the pictures of a folder, or of one that a mapping file describes, as a test split."""
    root, layout = read_mapping(path) if path.is_file() else (path, LAYOUT)
    contents = find(root, layout)
    if not contents.rows:
        raise DatasetError(f"{path}: no pictures there; check the path")
    return opened("pictures", root, pairs_of(contents.rows, layout.white))
