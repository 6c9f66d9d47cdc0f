"""IRNeXt: convolutions that also see the picture at three coarser sizes.

IRNeXt's cards: 16 blocks per size, and the released class's 4."""

from defocus.baselines.systems.sfnet import of_two_depths

BASELINES = of_two_depths(
    __name__,
    "IRNeXt",
    "Cui et al., IRNeXt: Rethinking Convolutional Network Design for Image Restoration, "
    "ICML 2023; github.com/c-yn/IRNeXt at cbb33e06",
    width=8,
    blocks=1,
)
