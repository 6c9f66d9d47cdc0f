"""FFDNet, a denoiser with the noise level as input, here trained to deblur."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:FFDNet",
        Card(
            name="ffdnet",
            display_name="FFDNet",
            source="Zhang et al., FFDNet, TIP 2018; github.com/cszn/KAIR at fc1732f",
            follows="the released denoiser for colour and its schedule; trained on pairs of blurry "
            "and sharp pictures and always given a noise of 15/255, as a rival of the score-based "
            "method, whose paper does not say how it trained it",
            licence="official code and weights: MIT; reimplemented here, MIT",
        ),
        narrow={"width": 40, "depth": 10, "adds_input": True},
        zeroed=("model.18",),
    ),
)
