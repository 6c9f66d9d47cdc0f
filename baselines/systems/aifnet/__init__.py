"""AIFNet: the defocus map of a picture, then the picture restored from its planes of equal blur."""

from defocus.baselines.card import UNKNOWN, Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:AIFNet",
        Card(
            name="aifnet",
            display_name="AIFNet",
            source="Ruan, Chen, Li, Lam, AIFNet, IEEE TCI 2021; github.com/binorchen/AIFNET at "
            "6525b45",
            follows="the released network; pads by reflection, where the released test crops to "
            "multiples of 16; no training is published, so the recipe is ours",
            licence="official code: GPL-3.0; weights: a link, no separate terms; "
            "reimplemented here, MIT",
            published_as="aifnet",
            weights_trained_on=(UNKNOWN,),
        ),
        narrow={"divide_channels_by": 16, "adds_input": True},
        zeroed=("deblur_net.MDP_ds_0_n_out",),
    ),
)
