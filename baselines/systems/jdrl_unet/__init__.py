"""JDRL's U-Net trained with the JDRL objective.

The cards of the U-Net trained with JDRL: network and schedules are the U-Net's own."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from defocus.baselines.card import Baseline, settings
from defocus.baselines.systems.unet import UNET
from defocus.baselines.wrapping import SOURCE

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

WARMUP_EPOCHS = 15


def _joint(changed: Mapping[str, Any], plain: "Recipe") -> "Recipe":
    """The U-Net's settings with JDRL's loss and warm-up, so that the two compare."""
    update: dict[str, Any] = {
        "objective": "jdrl",
        "objective_settings": dict(changed),
        "warmup_epochs": WARMUP_EPOCHS,
    }
    # the released code keeps its best on the test set
    if changed.get("reading") == "official":
        from defocus.training.method import Training

        update["training"] = Training(select="official")
    return plain.model_copy(update=update)


JDRL = UNET.variant(
    "jdrl-unet",
    "U-Net + JDRL",
    recipe=partial(_joint, {}),
    kind="objective",
    status="paper",
    source=SOURCE,
    follows="the paper where it differs from the released code: the mask on the flow's magnitude "
    "(all ones below a mean of 0.1 px, which is ours), all terms in the warm-up, a correct warp; "
    "DIS flow, since PWC-Net's own weights are not ours to ship",
    variant_of=None,
    published_as="jdrl-unet",
)


def _variant(
    suffix: str,
    label: str,
    follows: str,
    changed: Mapping[str, Any],
    **facts: Any,  # noqa: ANN401 - whatever a card has
) -> Baseline:
    return JDRL.variant(
        f"jdrl-unet-{suffix}",
        f"U-Net + JDRL ({label})",
        recipe=partial(_joint, changed),
        follows=follows,
        weights_trained_on=(),
        **facts,
    )


ABLATION = (
    _variant(
        "no-deformation",
        "without deformation",
        "line 2 of the ablation: the restored picture against the sharp one in place, and R",
        {"deformation": "none"},
        published_as="jdrl-ablation-2",
    ),
    _variant(
        "no-mask",
        "without mask",
        "line 3 of the ablation: flow is believed everywhere",
        {"mask": "none"},
        published_as="jdrl-ablation-3",
    ),
    _variant(
        "no-reblurring",
        "without reblurring",
        "line 4 of the ablation: the deformation losses alone",
        {"kernels": "none"},
        published_as="jdrl-ablation-4",
    ),
    _variant(
        "free-kernels",
        "free kernels",
        "line 5 of the ablation: each tap of the kernels is predicted by itself",
        {"kernels": "free"},
        published_as="jdrl-ablation-5",
    ),
    _variant(
        "single-kernel",
        "one kernel",
        "line 6 of the ablation: one isotropic 15 x 15 kernel per pixel, no weights",
        {"kernels": "single"},
        published_as="jdrl-ablation-6",
    ),
)
"""Lines 2 to 6 of the paper's Table 4; line 1 is ``unet``, the last one ``jdrl-unet``."""

REGISTERED = JDRL.variant(
    "jdrl-unet-registered",
    "U-Net + JDRL (registered pairs)",
    recipe=settings(target="registered"),
    status="reconstruction",
    follows="as jdrl-unet, on pairs that are registered and have the same light before training",
)
"""Variant that shows what JDRL is worth where pairs are aligned as well as they can be."""

BASELINES = (
    JDRL,
    REGISTERED,
    _variant(
        "official",
        "as the code",
        "the released code where it differs from the paper: the mask on a colour picture of the "
        "flow, a warm-up of the forward term alone, a warp half a pixel off at the borders; "
        "PWC-Net with weights of our own",
        {"reading": "official"},
        status="reconstruction",
    ),
    _variant(
        "consistency",
        "consistent flow",
        "as jdrl-unet; flow is believed where the way there and back meets, which keeps all of "
        "an aligned or a zoomed pair",
        {"mask": "consistency"},
        status="reconstruction",
    ),
    *ABLATION,
)
