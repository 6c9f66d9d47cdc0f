"""DRBNet: per-pixel dynamic kernels from coarse to fine.

DRBNet's cards: trained in two stages, in one, and with dual-pixel input."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe


def _first_stage(both: "Recipe") -> "Recipe":
    """The first stage needs no other: features do not count, and fresh weights are the start."""
    terms = both.objective_settings["terms"][:1]
    paper = both.paper.model_copy(update={"start": None})
    return both.model_copy(
        update={"objective_settings": {"terms": terms}, "paper": paper}
    )


CARD = Card(
    name="drbnet",
    display_name="DRBNet",
    source="Ruan et al., DRBNet, CVPR 2022; github.com/lingyanruan/DRBNet at 0fa89a5",
    follows="the released network; its training was not released: L1 and VGG features, in the "
    "paper's budget from weights labelled 'lfdof', which drbnet-dpdd-only trained on LFDOF gives",
    licence="official code and weights: AGPL-3.0; reimplemented here, MIT",
    published_as="drbnet",
    weights_trained_on=("lfdof", "dpdd"),
)
DRBNET = Baseline.of_folder(
    __name__,
    "network:DRBNet",
    CARD,
    narrow={"width": 4, "adds_input": True},
    zeroed=tuple(
        f"upconv{level}_{head}"
        for level in range(4)
        for head in ("kernel.2", "res.2.0")
    ),
)

BASELINES = (
    DRBNET,
    DRBNET.variant(
        "drbnet-dpdd-only",
        "DRBNet (one stage)",
        recipe=_first_stage,
        follows="the released network trained in one stage with L1, as the paper's line "
        "without light fields; on LFDOF, it is the first stage of drbnet",
        published_as="drbnet-dpdd-only",
        weights_trained_on=("dpdd",),
    ),
    DRBNET.variant(
        "drbnet-dual",
        "DRBNet (dual pixel)",
        network={"dual": True},
        needs=("dual_pixel",),
    ),
)
