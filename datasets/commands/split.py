"""defocus-data split."""

from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    USE_IT,
    audited,
    counts_line,
    print_made,
    say_warnings,
)
from defocus.processes.isolation import say_left_out
from defocus.progress import say
from defocus.reading import Json

if TYPE_CHECKING:  # it imports pydantic
    from defocus.datasets.commands._settings import AuditUse, SplitSettings


@help_heading("Improve")
@click.command(cls=SettingsCommand)
@click.argument("dataset")
def command(dataset: str, settings: "SplitSettings", use: "AuditUse") -> int:
    """Split DATASET by scene, balanced by kind.

    Kinds of scenes are indoor and outdoor, small and large blur (the mean of its map), small and
    large misalignment. Scenes that look alike or were rendered from one picture stay together.
    Official splits are kept; a dataset without a validation split gets one from its training
    scenes. The exit code is 1 if a pair is left out because it cannot be read.
    """
    return print_made(
        lambda: _split(dataset, settings, use), _lines, as_json=use.as_json
    )


def _lines(document: Json) -> tuple[str, ...]:
    blur = (
        f"{split} {mean:.2f} px" for split, mean in document["mean_blur_px"].items()
    )
    mean_blur = f"mean blur of the pairs: {', '.join(blur) or 'not measured'}"
    return counts_line(document), mean_blur, USE_IT.format(document["root"])


def _split(name: str, settings: "SplitSettings", use: "AuditUse") -> Json:
    opened, audit = audited(name, use)

    from defocus.datasets.curation_splits import (
        Shares,
        is_official,
        mean_blur,
        split_dataset,
    )
    from defocus.datasets.pair import split_counts

    if is_official(opened):
        say(f"{opened.name}: its official splits are kept")
    say_warnings(audit.warnings, opened.pairs)
    shares = Shares(settings.test, settings.validation)
    drawn = split_dataset(opened, audit, settings.out, shares, settings.seed)
    say_left_out(drawn.left_out, audit.total, "pair")
    for first, second in drawn.leaks:
        say(f"{first} and {second} look alike and are in two official splits")
    return {
        "root": str(settings.out),
        "official": is_official(opened),
        "counts": split_counts(drawn.pairs),
        "mean_blur_px": mean_blur(drawn.pairs, audit),
        "scenes": {pair.scene: pair.split for pair in drawn.pairs},
        "leaks": list(map(list, drawn.leaks)),
        "left_out": documents_of((*audit.left_out, *drawn.left_out)),
    }
