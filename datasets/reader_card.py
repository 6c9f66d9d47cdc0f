"""Card of a reader's dataset, for display and for ``package``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from defocus.datasets.pair import Split

__all__ = ["OWN_PICTURES", "ReaderCard"]

OWN_PICTURES = "that of your own pictures"


@dataclass(frozen=True)
class ReaderCard:
    """Facts about a dataset; empty where nothing is known.

    Attributes:
        title: The dataset's name in full.
        source: Where it is to be had.
        licence: Terms of the pictures, as far as they are stated.
        redistributable: Whether these terms let a release contain the pictures.
        citation: What to cite.
        authors: Who made it.
        date: Date of publication, ISO.
        faces: Whether people can be recognised in the pictures.
        counts: How many blurry pictures each split of the complete dataset has.
        sizes: Width and height that every picture has, either way up; several where parts differ.
        bits: Bits of each channel of the PNG files; None where it is not known.
        defects: What is known to be wrong with it.
        unverified: What of the layout could not be confirmed; empty where it is confirmed. A
            mapping file says how a copy differs, see :mod:`defocus.datasets.layouts.layout`.
    """

    title: str
    source: str
    licence: str
    redistributable: bool
    citation: str = ""
    authors: tuple[str, ...] = ()
    date: str = ""
    faces: str = ""
    counts: Mapping[Split, int] = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = ()
    bits: int | None = None
    defects: tuple[str, ...] = ()
    unverified: str = ""
