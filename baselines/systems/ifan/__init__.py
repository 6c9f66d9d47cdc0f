"""IFAN: per-pixel separable filters predicted from defocus disparity, applied to features.

IFAN's cards: the paper's configurations, its ablation, and the corrected filters."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe


@dataclass(frozen=True)
class Configuration:
    """How one IFAN differs from the main one."""

    steps: int = 17  # filters in each pixel's stack
    reblur_steps: int = 17  # the same of the reblurring branch
    crop_px: int = 256  # side of the paper's training crop
    filters: Literal["official", "corrected", "none"] = "official"
    dual: bool = False  # dual-pixel views are given at test time too
    disparity: bool = True  # the loss between dual-pixel views counts
    reblur: bool = True  # the loss of the reblurred picture counts
    bit_depth: Literal[8, 16] = 8  # of the training pictures


def _configured(ifan: Configuration, settings: "Recipe") -> "Recipe":
    """The settings with the losses and sizes of a configuration."""
    losses: dict[str, Any] = {
        "disparity": ifan.disparity,
        "reblur": ifan.reblur,
        "steps": ifan.steps,
        "reblur_steps": ifan.reblur_steps,
        "corrected": ifan.filters == "corrected",
    }
    beside = settings.supervision if ifan.disparity and not ifan.dual else ()
    return settings.model_copy(
        update={
            "objective_settings": losses,
            "supervision": beside,
            "bit_depth": ifan.bit_depth,
            "paper": settings.paper.model_copy(update={"crop_px": ifan.crop_px}),
        }
    )


CARD = Card(
    name="ifan",
    display_name="IFAN",
    source="Lee et al., IFAN, CVPR 2021; github.com/codeslake/IFAN at 66bf136",
    follows="the released network, which applies each vertical filter horizontally too; its three "
    "losses, which need dual-pixel views in training (ifan-ablation-f-r trains without them)",
    licence="official code: AGPL-3.0; weights: no separate licence; reimplemented here, MIT",
    published_as="ifan",
    weights_trained_on=("dpdd",),
)

FILE = Baseline.of_folder(
    __name__,
    "network:IFAN",
    CARD,
    narrow={"channels": (8, 12, 16, 16), "steps": 5},
    zeroed=("out_res",),
)
IFAN = FILE.changed(recipe=partial(_configured, Configuration()))


def _variant(
    suffix: str,
    display_name: str,
    ifan: Configuration,
    **card: Any,  # noqa: ANN401 - whatever a card has
) -> Baseline:
    return FILE.variant(
        f"ifan-{suffix}",
        display_name,
        network={
            "steps": ifan.steps,
            "dual": ifan.dual,
            "filters": ifan.filters,
        },
        recipe=partial(_configured, ifan),
        **card,
    )


def _ablation(suffix: str, label: str, ifan: Configuration) -> Baseline:
    without = "; seven residual blocks stand where the filters were, which gives the paper's size"
    return _variant(
        f"ablation-{suffix}",
        f"IFAN ({label})",
        ifan,
        status="reconstruction",
        follows="a line of the paper's ablation: F filters, D disparity loss, R reblurring loss"
        + (without if ifan.filters == "none" else ""),
        published_as=f"ifan-ablation-{suffix}",
        weights_trained_on=(),
    )


BASELINES = (
    IFAN,
    _variant("8", "IFAN (8 filters)", Configuration(steps=8, reblur_steps=8)),
    _variant("26", "IFAN (26 filters)", Configuration(26, 9, crop_px=512)),
    _variant("35", "IFAN (35 filters)", Configuration(35, crop_px=576)),
    _variant("44", "IFAN (44 filters)", Configuration(44, crop_px=704)),
    _variant("16bit", "IFAN (16 bit)", Configuration(bit_depth=16)),
    _variant(
        "dual",
        "IFAN (dual pixel)",
        Configuration(dual=True),
        needs=("dual_pixel",),
        follows="the released dual network: the filters come from both views, the features from "
        "the picture",
    ),
    _variant(
        "corrected",
        "IFAN (corrected filters)",
        Configuration(filters="corrected"),
        status="paper",
        follows="the paper's filters, vertical and horizontal ones apart, as the authors advise "
        "for new training; released weights do not fit it",
        weights_trained_on=(),
    ),
    _ablation(
        "none",
        "none",
        Configuration(filters="none", disparity=False, reblur=False),
    ),
    _ablation("d", "D", Configuration(filters="none", reblur=False)),
    _ablation("f", "F", Configuration(disparity=False, reblur=False)),
    _ablation("f-d", "F + D", Configuration(reblur=False)),
    _ablation("f-r", "F + R", Configuration(disparity=False)),
)
