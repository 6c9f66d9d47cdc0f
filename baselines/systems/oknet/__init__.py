"""OKNet: kernels of 63 px and products with the spectrum at the coarsest size.

OKNet's cards: 16 blocks per size, and the released class's 4."""

from defocus.baselines.systems.sfnet import of_two_depths

BASELINES = of_two_depths(
    __name__,
    "OKNet",
    "Cui et al., Omni-Kernel Network for Image Restoration, AAAI 2024; "
    "github.com/c-yn/OKNet at 159cbc1b",
    width=6,
    blocks=2,
)
