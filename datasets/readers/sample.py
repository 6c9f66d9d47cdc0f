"""sample - 24 rendered scenes; sample:strong and sample:wide are variants."""

from pathlib import Path

from defocus.datasets.pair import Dataset, ReaderCard

CARD = ReaderCard(
    title="defocus sample dataset",
    source="rendered on first use from the pictures that scikit-image carries",
    licence="CC0-1.0; the source pictures' own terms: scikit-image, skimage/data/README.txt",
    redistributable=True,
    citation="this program; the motorcycle: Scharstein et al., GCPR 2014",
    authors=("The defocus authors",),
    date="2026-11-22",
    faces="two: the astronaut Eileen Collins in NASA's portrait of her, which is in the public "
    "domain, and a man with a camera, seen from the side, in a CC0 photograph",
    counts={"train": 7, "validation": 1, "test": 16},
)


def read(path: Path) -> Dataset:
    """Open a variant of the sample dataset by name."""
    from defocus.datasets.sample import sample_dataset

    return sample_dataset(path.name)
