"""defocus-data split."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.numbers import FiniteRange, WholeRange
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    USE_IT,
    audit_options,
    audited,
    counts_line,
    out_option,
    print_made,
    say_warnings,
)
from defocus.processes.isolation import say_left_out
from defocus.progress import say
from defocus.reading import Json

if TYPE_CHECKING:  # it imports pydantic
    from defocus.processes.machines import Where

SHARE = FiniteRange(0, 0.5)


@help_heading("Improve")
@click.command()
@click.argument("dataset")
@out_option("made with the same split")
@click.option(
    "--test",
    type=SHARE,
    default=0.2,
    show_default=True,
    help="Share of the pairs that the test split gets.",
)
@click.option(
    "--validation",
    type=SHARE,
    default=0.1,
    show_default=True,
    help="Share of the pairs that the validation split gets.",
)
@click.option(
    "--seed",
    type=WholeRange(0),
    default=0,
    show_default=True,
    help="Seed of the random split.",
)
@audit_options
def command(dataset: str, *, as_json: bool, **settings: Any) -> int:  # noqa: ANN401 - click's
    """Split DATASET by scene, balanced by kind.

    Kinds of scenes are indoor and outdoor, small and large blur (the mean of its map), small and
    large misalignment. Scenes that look alike or were rendered from one picture stay together.
    Official splits are kept; a dataset without a validation split gets one from its training
    scenes. The exit code is 1 if a pair is left out because it cannot be read.
    """
    return print_made(lambda: _split(dataset, **settings), _lines, as_json=as_json)


def _lines(document: Json) -> tuple[str, ...]:
    blur = (
        f"{split} {mean:.2f} px" for split, mean in document["mean_blur_px"].items()
    )
    mean_blur = f"mean blur of the pairs: {', '.join(blur) or 'not measured'}"
    return counts_line(document), mean_blur, USE_IT.format(document["root"])


def _split(
    name: str,
    *,
    out: Path,
    test: float,
    validation: float,
    seed: int,
    estimator: str | None,
    where: "Where",
) -> Json:
    opened, audit = audited(name, estimator, where)

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
    drawn = split_dataset(opened, audit, out, Shares(test, validation), seed)
    say_left_out(drawn.left_out, audit.total, "pair")
    for first, second in drawn.leaks:
        say(f"{first} and {second} look alike and are in two official splits")
    return {
        "root": str(out),
        "official": is_official(opened),
        "counts": split_counts(drawn.pairs),
        "mean_blur_px": mean_blur(drawn.pairs, audit),
        "scenes": {pair.scene: pair.split for pair in drawn.pairs},
        "leaks": [list(leak) for leak in drawn.leaks],
        "left_out": [one.to_json() for one in (*audit.left_out, *drawn.left_out)],
    }
