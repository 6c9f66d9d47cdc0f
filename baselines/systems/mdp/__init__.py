"""MDP: one encoder, three decoders for the left view, the right view and the sharp picture.

MDP's cards: the whole training, and its first phase."""

from defocus.baselines.card import Baseline, Card, settings

FIRST_PHASE = settings(
    objective_settings={"phase": "views"},
    epochs=60,
    paper={"learning_rate": 3e-4, "start": None},
)
"""The first phase, which learns the two views from blurry pictures alone."""

CARD = Card(
    name="mdp",
    display_name="MDP",
    source="Abuolaim, Afifi, Brown, Improving Single-Image Defocus Deblurring: How Dual-Pixel "
    "Images Help Through Multi-Task Learning, WACV 2022; "
    "github.com/Abdullah-Abuolaim/multi-task-defocus-deblurring-dual-pixel-nimat at 5f78f5b",
    follows="the released network (BGR inside) and its second training, which the paper's budget "
    "starts from mdp-views; pads by reflection on the right and below, where the released test "
    "pads with zeros at the top and left",
    licence="official code: Apache-2.0; weights: links, no separate terms; reimplemented here, MIT",
    published_as="mdp",
    weights_trained_on=("dldp", "dpdd"),
)
MDP = Baseline.of_folder(
    __name__,
    "network:MDP",
    CARD,
    narrow={"width": 4, "adds_input": True},
    zeroed=("left_out", "right_out", "sharp_out"),
)

BASELINES = (
    MDP,
    MDP.variant(
        "mdp-views",
        "MDP (first phase)",
        recipe=FIRST_PHASE,
        follows="the first of the two trainings: the views behind a blurry picture, which "
        "itself stands in for the sharp one; it restores nothing",
        weights_trained_on=(),
    ),
)
