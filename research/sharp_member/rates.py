"""Remarks on pairs, and both error rates."""

from collections import Counter
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
    faults: Counter[str] = Counter()
    good: Counter[str] = Counter()
    for one in said:
        verdicts = faults if one.fault else good
        verdicts[one.verdict] += 1
    click.echo(
        f"\n{title}: {faults['accept']} of {faults.total()} faults silent; of {good.total()} "
        f"good pairs {good['warn']} warned, {good['reject']} rejected."
    )
