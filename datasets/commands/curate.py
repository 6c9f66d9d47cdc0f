"""defocus-data curate."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

import click

from defocus.command_line.json_output import documents_of, json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import USE_IT, audited, say_warnings
from defocus.processes.isolation import say_left_out
from defocus.progress import counted, grouped, say

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.commands._settings import CurateAuditUse, CurateSettings
    from defocus.datasets.curation import Curation
    from defocus.datasets.curation_rules import Judgement, Usable
    from defocus.processes.isolation import LeftOut

WHOM = {"person": "a person", "rule": "the rules"}
Decide: TypeAlias = Callable[["Curation"], None] | None
"""Asks a person once the rules have judged."""
HEADINGS = ("Judging", "Measuring", "Output")


@help_heading("Improve")
@click.command(cls=SettingsCommand, headings=HEADINGS, others="Measuring")
@click.argument("dataset")
def command(
    dataset: str,
    settings: "CurateSettings",
    use: "CurateAuditUse",
    *,
    decide: Decide = None,
) -> int:
    """Keep the pairs of DATASET that pass rules.

    Rules are applied to the measurements of the audit. Each verdict and its reason are written to
    judgements.csv. The exit code is 1 if a pair cannot be read.
    """
    if not use.as_json:
        judgements, left_out, usable = _curate(dataset, settings, use, decide)
        kept = _say_rejected(judgements, left_out)
        _say_what_to_do(judgements)
        _say_compensation(dataset, usable)
        click.echo(f"{settings.out}: {kept} of {counted(usable.count, 'pair')} kept")
        click.echo(USE_IT.format(settings.out))
        return int(bool(left_out))
    with json_output() as output:
        judgements, left_out, usable = _curate(dataset, settings, use, decide)
        document = {
            "root": str(settings.out),
            "pairs": list(map(asdict, judgements)),
            "left_out": documents_of(left_out),
        }
        output.write(document)
    _say_compensation(dataset, usable)
    return int(bool(left_out))


def _say_rejected(
    judgements: "Sequence[Judgement]", left_out: "Sequence[LeftOut]"
) -> int:
    """Say which pairs that could be read are rejected; return the number of the others."""
    from defocus.datasets.pair import remaining

    rejected = []
    read = remaining(judgements, left_out)
    for one in read:
        if one.verdict == "reject":
            text = f"rejected by {WHOM[one.by]}, {one.reason or 'no reason given'}"
            rejected.append((f"pair {one.id}", text))
    for line in grouped(rejected, len(judgements), "pair"):
        say(line)
    return len(read) - len(rejected)


def _say_what_to_do(judgements: "Sequence[Judgement]") -> None:
    from defocus.datasets.curation_rules import UNKNOWN

    unknown = sum(
        one.by == "rule" and one.reason.startswith(UNKNOWN) for one in judgements
    )
    if unknown:
        say(
            f"{counted(unknown, 'pair')} of unknown misalignment; to keep such pairs, write "
            'unknown = "accept" into --rules'
        )


def _say_compensation(name: str, usable: "Usable") -> None:
    """Print, after all that is listed, that compensation would keep more pairs."""
    from defocus.datasets.audit.page_parts import compensation

    if usable.compensated:
        say(f"{usable.words}; compensate first: {compensation(name)}")


def _curate(
    name: str,
    settings: "CurateSettings",
    use: "CurateAuditUse",
    decide: Decide,
) -> "tuple[tuple[Judgement, ...], tuple[LeftOut, ...], Usable]":
    """The judgements, the pairs that could not be read, and what compensation would change."""
    from defocus.datasets.curation_rules import read_rules, usable_pairs
    from defocus.errors import NotApplicableError

    requirements = read_rules(settings.rules)
    opened, audit = audited(name, use)

    from defocus.datasets.curation import begin_curation, finish_curation

    say_warnings(audit.warnings, opened.pairs)
    curation = begin_curation(opened, audit, requirements, settings.out)
    usable = usable_pairs(audit, opened.steps, requirements)
    if decide is not None:
        _say_compensation(name, usable)  # before hours are spent on it
        decide(curation)
    try:
        judgements, lost = finish_curation(curation)
    except NotApplicableError:  # no pair is accepted
        _say_compensation(name, usable)
        raise
    say_left_out(lost, audit.total, "pair")
    return judgements, (*audit.left_out, *lost), usable
