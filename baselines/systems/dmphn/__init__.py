"""DMPHN: a deep hierarchy of ever smaller patches.

DMPHN's cards: one stage of two depths, and stacks of two to four stages."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card, settings

if TYPE_CHECKING:
    from defocus.baselines.recipe import Recipe

EPOCHS_1_2_4 = 2400
EPOCHS_STACK = 3000
STACKS = (2, 3, 4)


def _supervised(*outputs: str, **changes: int) -> "Callable[[Recipe], Recipe]":
    """The settings with other outputs of the network supervised, and further changes."""
    terms = [{"loss": "l2", "of": output} for output in outputs]
    return settings(objective_settings={"terms": terms}, **changes)


def _files(levels: int, stages: tuple[str, ...] = ("",)) -> tuple[str, ...]:
    """Names of the released files: one for each encoder and decoder."""
    names: list[str] = []
    for stage in stages:
        for level in range(1, levels + 1):
            names += [f"encoder_{stage}lv{level}", f"decoder_{stage}lv{level}"]
    return tuple(names)


CARD = Card(
    name="dmphn",
    display_name="DMPHN (1-2-4-8)",
    source="Zhang et al., DMPHN, CVPR 2019; github.com/HongguangZhang/DMPHN-cvpr19-master at "
    "9fff261",
    follows="the wiring of the released scripts, one optimiser for all parts where they have one "
    "per part (equal for Adam)",
    licence="official code and weights: none stated, all rights reserved; reimplemented here, MIT",
    published_as="dmphn",
    weights_trained_on=("gopro",),
    weights_files=_files(4),
)
DMPHN = Baseline.of_folder(
    __name__,
    "network:DMPHN",
    CARD,
    narrow={"width": 4, "adds_input": True},
    zeroed=("decoder_lv1.layer24",),
).changed(recipe=_supervised("restored"))
STACK = Baseline.of_folder(__name__, "network:StackedDMPHN", CARD, narrow={"width": 5})


def _stack(stages: int) -> Baseline:
    outputs = [f"stage{stage}" for stage in range(1, stages + 1)]
    return STACK.variant(
        f"dmphn-stack{stages}",
        f"DMPHN (stack of {stages})",
        network={"stages": stages},
        recipe=_supervised(*outputs, epochs=EPOCHS_STACK),
        weights_files=_files(3, tuple(f"s{stage}_" for stage in range(1, stages + 1))),
    )


BASELINES = (
    DMPHN,
    DMPHN.variant(
        "dmphn-1-2-4",
        "DMPHN (1-2-4)",
        network={"levels": 3},
        recipe=_supervised("restored", epochs=EPOCHS_1_2_4),
        weights_files=_files(3),
    ),
    *(_stack(stages) for stages in STACKS),
)
