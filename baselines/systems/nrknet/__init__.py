"""NRKNet: a truncated Neumann series of a learnt, recursive blur."""

from defocus.baselines.card import Baseline, Card

BASELINES = (
    Baseline.of_folder(
        __name__,
        "network:NRKNet",
        Card(
            name="nrknet",
            display_name="NRKNet",
            source="Quan et al., Neumann Network with Recursive Kernels, CVPR 2023; "
            "github.com/csZcWu/NRKNet at 90fad36",
            follows="the released network (BGR inside); the training adds the paper's reblurring "
            "loss, which the released script computes and leaves out",
            licence="official code: MIT; weights in the repository, no separate terms; "
            "reimplemented here, MIT",
            published_as="nrknet",
            weights_trained_on=("dpdd", "lfdof"),
        ),
        narrow={"width": 8, "adds_input": True},
        zeroed=("SummationLayer.conv",),
    ),
)
