"""Card of a reader's dataset, for display and for ``package``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from defocus.datasets.pair import Split

__all__ = ["OWN_PICTURES", "ReaderCard"]

OWN_PICTURES = "that of your own pictures"


@dataclass(frozen=True)
class ReaderCard:
    """Facts about a dataset; empty if unknown.

    Attributes:
        title: Full name of the dataset.
        source: Where to get it.
        archive: Address of its archive, if its terms allow that a program fetches it.
        licence: Terms of the pictures, as far as stated.
        redistributable: Whether a release may contain the pictures.
        citation: What to cite.
        authors: Authors of the dataset.
        date: Date of publication, ISO.
        faces: Whether people can be recognised in the pictures.
        counts: Number of blurry pictures in each split of the complete dataset.
        sizes: Width and height of the pictures, in either orientation; several if parts differ.
        bits: Bits of each channel of the PNG files; None if unknown.
        defects: Known defects.
        unverified: Unconfirmed facts of the layout; empty if it is confirmed. A mapping file
            describes a copy that differs, see :mod:`defocus.datasets.layouts.layout`.
    """

    title: str
    source: str
    licence: str
    redistributable: bool
    citation: str = ""
    authors: tuple[str, ...] = ()
    date: str = ""
    faces: str = ""
    archive: str = ""
    counts: Mapping[Split, int] = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = ()
    bits: int | None = None
    defects: tuple[str, ...] = ()
    unverified: str = ""
