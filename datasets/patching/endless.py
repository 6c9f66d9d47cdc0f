"""Interface of training pairs that are made on demand."""

from typing import Protocol

from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.patching.batch import Patches
from defocus.datasets.patching.source import Few, PatchForm


class EndlessPairs(Protocol):
    """Training pairs without end, made on demand; the dataset of a reader may have them."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of what determines the pairs, in hexadecimal."""
        ...

    @property
    def epoch_pixels(self) -> int:
        """Number of pixels that count as an epoch."""
        ...

    def patches(self, form: PatchForm, few: Few) -> Patches:
        """Their patches; NotApplicableError where the form needs what the pairs do not have."""
        ...

    def is_page(self, pair: Pair) -> bool:
        """Whether a held-out pair is a page of text, which the PSNR of a validation leaves out."""
        ...


def pages_of(dataset: Dataset, split: Split) -> tuple[Pair, ...]:
    """The pages of text among the held-out pairs of one split; only endless pairs have some."""
    if dataset.endless is None:
        return ()
    return tuple(filter(dataset.endless.is_page, dataset.split(split)))
