"""Names of the targets of a training, and of what a pair may have beside its pictures."""

from typing import Literal

__all__ = ["NAMES", "Further", "FurtherInput", "TargetName"]

TargetName = Literal["sharp", "prealigned", "compensated", "registered", "registered-flow", "truth"]
"""Targets of a training; see :class:`defocus.baselines.recipes.recipe.Recipe`."""

FurtherInput = Literal["dual_pixel", "defocus_map"]
"""What a network may be given beside the blurry picture."""

Further = Literal["dual_pixel", "defocus_map", "flow", "valid_mask", "measured_blur"]
"""What a pair may have beside blurry picture and target; the last two are measured, and the mask
comes with ``registered-flow``."""

NAMES: dict[Further, str] = {
    "dual_pixel": "dual-pixel views",
    "defocus_map": "defocus map",
    "flow": "true flow",
    "valid_mask": "valid mask",
    "measured_blur": "sharp picture, from which its blur could be measured",
}
