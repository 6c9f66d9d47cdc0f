"""DeMoE: NAFNet whose decoder has experts for five kinds of blur.

DeMoE's cards: the experts of defocus, and those that its classifier chooses."""

from defocus.baselines.card import UNKNOWN, Baseline, Card

DEMOE = Baseline.of_folder(
    __name__,
    "network:DeMoE",
    Card(
        "demoe",
        "DeMoE",
        source="Feijoo et al., Towards Unified Image Deblurring using a Mixture-of-Experts "
        "Decoder, arXiv 2508.06228; github.com/cidautai/DeMoE",
        follows="the released network, told that the blur is defocus; the training is ours, on "
        "defocus alone, since theirs for five kinds of blur is not released",
        licence="official code and weights: CC BY-NC-SA 4.0; reimplemented here, MIT",
        weights_trained_on=(UNKNOWN,),
    ),
    {
        "width": 8,
        "blocks": (1, 1),
        "middle_blocks": 1,
    },
    ("ending",),
)

BASELINES = (
    DEMOE,
    DEMOE.variant(
        "demoe-auto",
        "DeMoE (classifier)",
        network={"classify": True},
        follows="as demoe, but the classifier of the weights chooses the experts, as the released "
        "command does by default; it is for official weights, since nothing here trains it",
    ),
)
