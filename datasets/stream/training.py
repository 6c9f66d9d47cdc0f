"""The training pairs of a stream, as a dataset has them."""

from dataclasses import dataclass

from defocus.baselines.recipe import NAMES
from defocus.datasets.pair import Pair
from defocus.datasets.patching.source import Few, PatchForm
from defocus.datasets.stream.bank import KeptPatches
from defocus.datasets.stream.patches import EPOCH_PIXELS, Renderer
from defocus.datasets.stream.photographs import Photographs
from defocus.errors import NotApplicableError


@dataclass(frozen=True)
class TrainingStream:
    """Training pairs that are rendered on demand from photographs."""

    photographs: Photographs
    content_hash: str  # SHA-256 of what determines the pairs

    @property
    def epoch_pixels(self) -> int:
        """Number of pixels that count as an epoch."""
        return EPOCH_PIXELS

    def patches(self, form: PatchForm, few: Few) -> KeptPatches:
        """Their patches; a stream has defocus maps and nothing further."""
        for missing in sorted(form.further - {"defocus_map"}):
            raise NotApplicableError(
                f"a stream has no {NAMES[missing]}; train on a set that has"
            )
        renderer = Renderer(self.photographs, "train", few.lenses)
        return KeptPatches(
            renderer,
            form.crop_px,
            form.augment,
            form.bit_depth,
            needs=form.needs,
            supervision=form.supervision,
        )

    def is_page(self, pair: Pair) -> bool:
        """Whether a held-out pair is a page of text."""
        return "text" in pair.metadata
