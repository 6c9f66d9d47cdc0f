"""The blurry picture itself, as the reference that every system must beat."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card
from defocus.baselines.declared import Network

if TYPE_CHECKING:
    pass

__all__ = ["BASELINES"]


BASELINES = (
    Baseline(
        card=Card(
            name="input",
            display_name="Input",
            kind="reference",
            input="single",
            status="reference",
            source="no method: the blurry picture is scored as it is",
            follows="the row 'Input' of the usual tables",
            licence="none needed",
            published_as="input",
        ),
        build=Network("torch.nn:Identity"),
    ),
)
