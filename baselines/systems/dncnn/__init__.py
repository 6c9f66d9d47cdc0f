"""DnCNN, a denoiser, here trained to deblur.

DnCNN's cards: with batch normalisation, or in the shape of the released weights."""

from dataclasses import replace

from defocus.baselines.card import Baseline, Card, Narrow

CARD = Card(
    name="dncnn",
    display_name="DnCNN",
    source="Zhang et al., Beyond a Gaussian Denoiser, TIP 2017; github.com/cszn/KAIR at fc1732f",
    follows="the released denoiser and its schedule; trained on pairs of blurry and sharp "
    "pictures, as a rival of the score-based method, whose paper does not say how it trained it",
    licence="official code and weights: MIT; reimplemented here, MIT",
)
DNCNN = Baseline.of_folder(
    __name__,
    "network:DnCNN",
    CARD,
    narrow={"depth": 6},
    zeroed=("model.14",),
)

BASELINES = (
    DNCNN,
    replace(
        DNCNN.variant(
            "dncnn-blind",
            "DnCNN (blind)",
            network={"depth": 20, "normalised": False},
            follows="the released blind denoiser for colour, 20 convolutions without batch "
            "normalisation; its weights remove noise, not blur",
        ),
        narrow=Narrow("dncnn-blind", {"depth": 6}, ("model.10",)),
    ),
)
