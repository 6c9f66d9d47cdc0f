"""Remarks on pairs, and both error rates."""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from research.markdown import row


@dataclass(frozen=True)
class Said:
    """Remarks on a pair."""

    fault: str  # empty for a good pair
    verdict: str  # ``accept``, ``warn`` or ``reject``
    reason: str


def say_rates(title: str, said: Sequence[Said]) -> None:
    """Print what was said of each fault and of suspected good pairs, then both error rates."""
    click.echo(f"\n{title}\n\n| pair | verdict | reason |\n| --- | --- | --- |")
    for one in said:
        if one.fault or one.verdict != "accept":
            click.echo(row(one.fault or "good", one.verdict, one.reason))
    faults = [one for one in said if one.fault]
    good = [one for one in said if not one.fault]
    silent = sum(one.verdict == "accept" for one in faults)
    warned = sum(one.verdict == "warn" for one in good)
    lost = sum(one.verdict == "reject" for one in good)
    click.echo(
        f"\n{title}: {silent} of {len(faults)} faults silent; of {len(good)} good pairs "
        f"{warned} warned, {lost} rejected."
    )
