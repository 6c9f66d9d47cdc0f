"""Score-based defocus deblurring, rebuilt: sampling of sharp pictures that fit the blurry one.

Cards of score-based deblurring: a reduced size for CPUs, and the full size."""

from defocus.baselines.card import Baseline, Card

__all__ = ["BASELINES"]


FULL = {
    "width": 64,
    "multipliers": (1, 1, 2, 2, 4),
    "blocks": 2,
    "attending": (4,),
    "steps": 32,
}


CARD = Card(
    name="score-sde-defocus",
    display_name="Score SDE-rebuilt",
    kind="generative",
    input="single",
    status="reconstruction",
    source="Scientific Reports 15 (2025), doi 10.1038/s41598-025-07326-6; no public code; network "
    "and sampler of github.com/yang-song/score_sde_pytorch at cb1f359",
    follows="known, from abstract and introduction: a score network that learns sharp pictures "
    "alone, reverse-time SDE with predictor and corrector; chosen, as the rest is not public: "
    "variance-exploding noise, NCSN++ of 16 channels, 4 steps from noise 0.7 on the blurry "
    "picture, ancestral predictions, a likelihood with EBDB's Gaussian blur; fixed seed, one "
    "sample; its narrow copy cannot begin at its input: it adds noise and takes it away again, so "
    "that a first run shows it below the blurry picture",
    licence="no official code of the system; score_sde_pytorch: Apache-2.0; "
    "reimplemented here, MIT",
    published_as="score-sde-defocus",
)
SCORE_SDE = Baseline.of_folder(
    __name__,
    "network:ScoreSDE",
    CARD,
    # of a noise of 0.02: a narrow copy can't fill in more
    narrow={"width": 8, "start": 0.08},
    own_objective=True,
)

BASELINES = (
    SCORE_SDE,
    SCORE_SDE.variant(
        "score-sde-defocus-full",
        "Score SDE (full size)-rebuilt",
        network=FULL,
        follows="the same with NCSN++ of 64 channels and 32 steps",
    ),
)
