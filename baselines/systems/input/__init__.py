"""The blurry picture itself, which every system must beat."""

from defocus.baselines.card import Baseline, Card, Network

BASELINES = (
    Baseline(
        card=Card(
            name="input",
            display_name="Input",
            kind="reference",
            status="reference",
            source="no method: the blurry picture is scored as it is",
            follows="the row 'Input' of the usual tables",
            licence="none needed",
            published_as="input",
        ),
        build=Network("torch.nn:Identity"),
    ),
)
