"""Rows of JDRL's ablation, with the paper's printed values."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline
from defocus.benchmark.published.numbers import all_published

if TYPE_CHECKING:
    from defocus.baselines.recipes.recipe import Recipe

__all__ = ["CONTROLS", "EXTRA", "LINES", "AblationLine", "chosen"]

NARROW = "-narrow"
NARROW_FEATURES = 16
"""Channels in the reblurring network beside the small U-Net; the paper's has 64."""


@dataclass(frozen=True)
class AblationLine:
    """One row of the table.

    Attributes:
        label: Text of its first column.
        system: Name of the trained system.
        published: Its id in the published numbers; empty if the paper has no such row.
    """

    label: str
    system: str
    published: str = ""

    def paper_psnr(self) -> float | None:
        """PSNR printed in the paper: SDD's test pictures, deformed ground truth, dB."""
        for cell in all_published():
            where = (cell.system, cell.dataset, cell.protocol, cell.metric)
            if where == (self.published, "sdd-test", "deformed-gt", "psnr"):
                return cell.true_value
        return None


LINES = (
    AblationLine("1 plain loss", "unet", "jdrl-ablation-1"),
    AblationLine("2 without deformation", "jdrl-unet-no-deformation", "jdrl-ablation-2"),
    AblationLine("3 without mask", "jdrl-unet-no-mask", "jdrl-ablation-3"),
    AblationLine("4 without reblurring", "jdrl-unet-no-reblurring", "jdrl-ablation-4"),
    AblationLine("5 free kernels", "jdrl-unet-free-kernels", "jdrl-ablation-5"),
    AblationLine("6 one kernel", "jdrl-unet-single-kernel", "jdrl-ablation-6"),
    AblationLine("JDRL", "jdrl-unet", "jdrl-ablation-final"),
)
"""Source: JDRL (AAAI 2023), Table 4."""

EXTRA = (
    AblationLine("JDRL, consistent flow", "jdrl-unet-consistency"),
    AblationLine("blurry input", "input"),
)
"""Ours: a flow that is checked forwards and backwards, and what a network that changes nothing has,
without which a difference between two losses does not tell whether either of them deblurs.
"""

CONTROLS = (
    AblationLine("control: pre-aligned pairs", "unet-prealigned"),
    AblationLine("control: true pairs", "unet-truth"),
)
"""The plain loss on pairs that are aligned already: as much as any alignment could give."""


def chosen(line: AblationLine, *, narrow: bool) -> Baseline:
    """The system of a row, on request with the small networks for a CPU."""
    system = baseline(line.system)
    if not narrow or system.recipe is None:
        return system
    from defocus.benchmark.experiments.ablation.narrow import NarrowUNet  # loads torch

    card = replace(system.card, name=line.system + NARROW, variant_of=None, published_as=None)
    return replace(system, card=card, build=NarrowUNet, recipe=partial(_narrowed, system.recipe))


def _narrowed(recipe: "Callable[[], Recipe]") -> "Recipe":
    """The same system with a small reblurring network, if it has one."""
    settings = recipe()
    if settings.objective != "jdrl":
        return settings
    own = {**settings.objective_settings, "features": NARROW_FEATURES}
    return settings.model_copy(update={"objective_settings": own})
