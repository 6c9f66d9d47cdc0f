"""defocus-data curate."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.commands import SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.options import FILE
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    USE_IT,
    audit_options,
    audited,
    out_option,
    say_warnings,
)
from defocus.processes.isolation import say_left_out
from defocus.progress import counted, grouped, say

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.datasets.curation import Curation
    from defocus.datasets.curation_rules import Judgement, Usable
    from defocus.processes.isolation import LeftOut
    from defocus.processes.machines import Where

RULES_HELP = (
    "TOML file: most_misalignment_px (1.0 where none is given), most_gain_ev (0.5), "
    'unknown = "accept" (else reject), and likewise same_picture and without_sharp; '
    "most_residual_px, most_blur_px, most_unexplained_stops, most_light_across_ev, "
    "most_blurrier_share, most_colour_change, most_clipped_share, most_suspicion, least_blur_px, "
    "blurred_share, least_reliable_share, least_sharpness, sharper = false."
)
WHOM = {"person": "a person", "rule": "the rules"}
SECTIONS = {
    "Judging": ("--rules",),
    "Measuring": ("--estimator", "--on", "--settings"),
    "Output": ("--out", "--json"),
}


@help_heading("Improve")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("dataset")
@out_option("an unfinished run with the same rules")
@click.option("--rules", type=FILE, help=RULES_HELP)
@audit_options
def command(dataset: str, *, as_json: bool, **settings: Any) -> int:  # noqa: ANN401 - click's
    """Keep the pairs of DATASET that pass rules.

    Rules are applied to the measurements of the audit. Each verdict and its reason are written to
    judgements.csv. The exit code is 1 if a pair cannot be read.
    """
    if not as_json:
        judgements, left_out, usable = _curate(dataset, **settings)
        kept = _say_rejected(judgements, {one.id for one in left_out})
        _say_what_to_do(judgements)
        _say_compensation(dataset, usable)
        click.echo(f"{settings['out']}: {kept} of {counted(usable.count, 'pair')} kept")
        click.echo(USE_IT.format(settings["out"]))
        return int(bool(left_out))
    with json_output() as output:
        judgements, left_out, usable = _curate(dataset, **settings)
        document = {
            "root": str(settings["out"]),
            "pairs": list(map(asdict, judgements)),
            "left_out": [one.to_json() for one in left_out],
        }
        output.write(document)
    _say_compensation(dataset, usable)
    return int(bool(left_out))


def _say_rejected(judgements: "Sequence[Judgement]", unread: set[str]) -> int:
    """Say which pairs that could be read are rejected; the number of the others."""
    rejected = []
    read = [one for one in judgements if one.id not in unread]
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
    *,
    out: Path,
    rules: Path | None,
    estimator: str | None,
    where: "Where",
    decide: "Callable[[Curation], None] | None" = None,
) -> "tuple[tuple[Judgement, ...], tuple[LeftOut, ...], Usable]":
    """The judgements, the pairs that could not be read, and what compensation would change.

    ``decide`` asks a person once the rules have judged."""
    from defocus.datasets.curation_rules import read_rules, usable_pairs
    from defocus.errors import NotApplicableError

    requirements = read_rules(rules)
    opened, audit = audited(name, estimator, where)

    from defocus.datasets.curation import begin_curation, finish_curation

    say_warnings(audit.warnings, opened.pairs)
    curation = begin_curation(opened, audit, requirements, out)
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
