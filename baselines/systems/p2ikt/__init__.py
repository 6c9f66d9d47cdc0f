"""P2IKT: inverse Gaussian kernels and a predicted one, mixed per pixel, from coarse to fine.

P2IKT's cards: as released, and with its slips in the order of kernels and colours mended."""

from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe


def _corrected(released: "Recipe") -> "Recipe":
    """The recipe with LPIPS's inputs in [-1, 1], as LPIPS expects them."""
    terms = []
    for term in released.objective_settings["terms"]:
        is_lpips = term["loss"] == "lpips"
        terms.append(term | {"settings": {"normalise": True}} if is_lpips else term)
    return released.model_copy(update={"objective_settings": {"terms": terms}})


CARD = Card(
    name="p2ikt",
    display_name="P2IKT",
    source="Tang et al., Prior and Prediction Inverse Kernel Transformer, AAAI 2024; "
    "github.com/TPZZZ/P2IKT at 923d80a",
    follows="the released network, its scrambled kernels included, and the released training, "
    "with the averaging of weights at its end",
    licence="official code and weights: free for scientific and non-commercial use (README); "
    "reimplemented here, MIT",
    weights_trained_on=(UNKNOWN,),
)
P2IKT = Baseline.of_folder(
    __name__,
    "network:P2IKT",
    CARD,
    narrow={"width": 8, "deep": 24, "adds_input": True},
    zeroed=("SumLayer.conv",),
)

BASELINES = (
    P2IKT,
    P2IKT.variant(
        "p2ikt-corrected",
        "P2IKT (corrected)",
        network={"corrected": True},
        recipe=_corrected,
        status="paper",
        follows="the paper where the code slips: every colour meets all kernels and has a "
        "predicted one of its own, LPIPS gets its range; official weights load and mean "
        "something else",
        licence="reimplemented here, MIT",
        weights_trained_on=(),
    ),
)
