"""DefocusGAN: a generator with branches per blur size, its critic and its blur-map network."""

from typing import TYPE_CHECKING

from defocus.baselines.card import UNKNOWN, Baseline, Card

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

__all__ = ["BASELINES"]

HALVED_EVERY = 30


def _second_stage(both: "Recipe") -> "Recipe":
    """The settings without the first stage: the maps are the dataset's."""
    from defocus.baselines.recipe import Step

    changed = {
        "objective_settings": {"maps": "given"},
        "supervision": ("defocus_map",),
        "epochs": both.epochs - both.warmup_epochs,
        "warmup_epochs": 0,
        "decay": Step(every=HALVED_EVERY),
    }
    return both.model_copy(update=changed)


CARD = Card(
    name="defocusgan",
    display_name="DefocusGAN",
    kind="network",
    input="single",
    status="official",
    source="DefocusGAN, AAAI 2023; github.com/qylen/DefocusGAN at a238062",
    follows="the released generator (BGR inside) and its test without the defocus map; the map is "
    "learnt first, from dual-pixel views, and serves the training alone",
    licence="official code: none stated; weights: a link, no terms; reimplemented here, MIT",
    published_as="defocusgan",
    weights_trained_on=(UNKNOWN,),
)
DEFOCUSGAN = Baseline.of_folder(
    __name__,
    "network:Generator",
    CARD,
    narrow={"channels": 12, "adds_input": True},
    zeroed=("tail_hard.0",),
)

BASELINES = (
    DEFOCUSGAN,
    DEFOCUSGAN.variant(
        "defocusgan-given-maps",
        "DefocusGAN (given maps)",
        recipe=_second_stage,
        follows="as defocusgan, the second stage alone, with the defocus maps of the dataset",
    ),
)
