"""ContextualDeblur (ViTDeblur): a ViT in overlapping tiles and a full-resolution tail."""

from defocus.baselines.card import UNKNOWN, Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:ContextualDeblur",
        Card(
            name="contextual-deblur",
            display_name="ContextualDeblur (ViTDeblur)",
            source="Liang et al., ViTDeblur: A Hierarchical Model for Defocus Deblurring, IEEE "
            "TCI 2024; github.com/erfect2020/ContextualDeblur at 37d8ad5",
            follows="the released network with its tiles (BGR inside); a picture below 320 px "
            "makes smaller tiles, where the released test enlarges it; the released training "
            "cannot be run, ours fills what it leaves open",
            licence="official code: Apache-2.0, parts of MAE CC BY-NC 4.0; weights: a link, no "
            "terms; reimplemented here, MIT",
            published_as="contextual-deblur",
            weights_trained_on=(UNKNOWN,),
        ),
        narrow={
            "encoder": (32, 4),
            "contextual": (4, 1),
            "decoder": (32, 4),
            "blocks": 2,
            "features": 8,
            "tiling": (8, 4, 64, 24),
            "adds_input": True,
        },
        zeroed=("outputprojr_step",),
    ),
)
