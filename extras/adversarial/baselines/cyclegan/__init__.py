"""CycleGAN: from blurry to sharp pictures, learnt without pairs."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:Generator",
        Card(
            name="cyclegan",
            display_name="CycleGAN",
            kind="network",
            input="single",
            status="official",
            source="Zhu et al., CycleGAN, ICCV 2017; "
            "github.com/junyanz/pytorch-CycleGAN-and-pix2pix at 7891385",
            follows="the released networks (nine blocks, PatchGAN) and losses, from blurry to "
            "sharp pictures; a rival of the score-based method, whose paper does not say how it "
            "trained it; the critics' learning rate does not fall",
            licence="official code: BSD; reimplemented here, MIT",
        ),
        narrow={"width": 12, "blocks": 3, "adds_input": True},
        zeroed=("model.20",),
    ),
)
