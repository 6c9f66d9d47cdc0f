"""The blurry picture itself, as the reference that every system must beat."""

from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline, Card

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BASELINES"]


def _build() -> "nn.Module":
    from torch import nn

    return nn.Identity()


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
        build=_build,
    ),
)
