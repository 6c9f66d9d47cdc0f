"""The lines of JDRL's ablation, and the numbers that the paper prints for them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.registry import baseline

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["CONTROLS", "EXTRA", "LINES", "Line", "chosen"]

NARROW = "-narrow"
NARROW_FEATURES = 16
"""Channels in the reblurring network beside the small U-Net; the paper's has 64."""


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        label: What stands in its first column.
        system: Name of the system that is trained.
        paper_psnr: Under deformed ground truth on SDD's test pictures; None where the paper has
            no such line.
    """

    label: str
    system: str
    paper_psnr: float | None = None


LINES = (
    Line("1 plain loss", "unet", 24.62),
    Line("2 without deformation", "jdrl-unet-no-deformation", 24.80),
    Line("3 without mask", "jdrl-unet-no-mask", 25.78),
    Line("4 without reblurring", "jdrl-unet-no-reblurring", 25.58),
    Line("5 free kernels", "jdrl-unet-free-kernels", 25.68),
    Line("6 one kernel", "jdrl-unet-single-kernel", 25.74),
    Line("JDRL", "jdrl-unet", 25.82),
)
"""Source: JDRL (AAAI 2023), Table 4."""

EXTRA = (Line("JDRL, consistent flow", "jdrl-unet-consistency"),)

CONTROLS = (
    Line("control: pre-aligned pairs", "unet-prealigned"),
    Line("control: true pairs", "unet-truth"),
)
"""The plain loss on pairs that are aligned already: as much as any alignment could give."""


def chosen(line: Line, *, narrow: bool) -> Baseline:
    """The system of a line, on request with the small networks of a CPU's measurement."""
    system = baseline(line.system)
    if not narrow or system.recipe is None:
        return system
    from defocus.benchmark.ablation.narrow import NarrowUNet  # loads torch

    card = replace(system.card, name=line.system + NARROW, variant_of=None, published_as=None)
    return Baseline(card, NarrowUNet, partial(_narrowed, system.recipe))


def _narrowed(recipe: "Callable[[], Recipe]") -> "Recipe":
    """The same with a small reblurring network, where there is one."""
    settings = recipe()
    if settings.objective != "jdrl":
        return settings
    own = {**settings.objective_settings, "features": NARROW_FEATURES}
    return settings.model_copy(update={"objective_settings": own})
