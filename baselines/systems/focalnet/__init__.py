"""FocalNet: two paths at full size, and attention to where and how a picture is degraded.

FocalNet's cards: 16 blocks per size, and the released class's 4."""

from defocus.baselines.systems.sfnet import of_two_depths

BASELINES = of_two_depths(
    __name__,
    "FocalNet",
    "Cui et al., Focal Network for Image Restoration, ICCV 2023; "
    "github.com/c-yn/FocalNet at b0460a87",
    width=8,
    blocks=2,
)
