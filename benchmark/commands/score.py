"""``defocus-bench score``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.commands import SectionedCommand
from defocus.command_line.options import FILE, FOLDER, OneOf, json_option
from defocus.command_line.verbs import help_heading
from defocus.command_line.where import on_option

if TYPE_CHECKING:
    from defocus.benchmark.external_results.matching import Crop
    from defocus.benchmark.external_results.scoring import Scoring
    from defocus.datasets.layouts.matching import Rule
    from defocus.processes.machines import Where

_PATH = click.Path(path_type=Path)

SECTIONS = {
    "Pictures": ("--restored", "--sharp", "--dataset", "--match", "--crop"),
    "Metrics": ("--profile", "--metric", "--flow-weights"),
    "Printed numbers": ("--as-printed", "--like"),
    "Output": ("--out", "--name", "--on", "--settings", "--json"),
}


@help_heading("Restore")
@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("two", nargs=-1, type=_PATH, metavar="[RESTORED SHARP]")
@click.option(
    "--restored", type=_PATH, metavar="DIR", help="Folder of restored pictures."
)
@click.option(
    "--sharp", type=_PATH, metavar="DIR", help="Folder of the sharp pictures."
)
@click.option(
    "--dataset",
    metavar="DATASET",
    help="Use the test pairs of READER:PATH instead of --sharp.",
)
@click.option(
    "--match",
    "rule",
    type=OneOf(["stem", "suffix", "prefix", "order"]),
    help="How files are matched: stem = equal names; suffix = cafe_MyNet.png for cafe; prefix = "
    "out_cafe.png; order = 0000.png, 0001.png and so on in the order of names, or numbers that "
    "differ by one as in DPDD. By default the one that fits; if several do, the command says so.",
)
@click.option(
    "--crop",
    type=OneOf(["centre"]),
    help="Score what both pictures have around the centre where sizes differ by a few pixels, or "
    "were cut to a multiple of up to 64. By default such a picture is left out.",
)
@click.option(
    "--profile",
    default="defocus-v1",
    show_default=True,
    metavar="NAME",
    help="Conventions of the metrics: defocus-v1, dpdd16, dpdd8, dpdd8-crop16, png8, jdrl-sdd, "
    "jdrl-sdd-fixed, basicsr or pyiqa; or printed:SOURCE, which "
    "--as-printed found.",
)
@click.option(
    "--metric",
    multiple=True,
    metavar="NAME",
    help="Also compute this metric, such as lpips_vgg or musiq; repeatable.",
)
@click.option(
    "--flow-weights",
    type=FILE,
    help="PWC-Net weights for the JDRL profiles; by default those of the package.",
)
@click.option(
    "--as-printed",
    metavar="NAME",
    help="Find how the printed numbers of the blurry input of this data set (dpdd, realdof, lfdof) "
    "were computed: depth, size, crop, SSIM, mean, split. Give the blurry pictures as RESTORED, or "
    "--dataset alone. A profile that reproduces a row is kept as printed:SOURCE; the code is 1 "
    "if none is within 0.01 dB and 0.001.",
)
@click.option(
    "--like",
    metavar="METRIC=VALUE,...",
    help="The same for a row of your own, such as psnr=23.89,ssim=0.725; kept as printed:own.",
)
@click.option(
    "--out",
    type=FOLDER,
    help="With --dataset and --name: also add a row to the leaderboard of this study.",
)
@click.option("--name", metavar="TEXT", help="With --out: name of the row.")
@on_option("Number of pictures scored at once.")
@json_option()
def command(
    two: tuple[Path, ...],
    restored: Path | None,
    sharp: Path | None,
    dataset: str | None,
    rule: "Rule | None",
    crop: "Crop | None",
    profile: str,
    metric: tuple[str, ...],
    flow_weights: Path | None,
    as_printed: str | None,
    like: str | None,
    out: Path | None,
    name: str | None,
    where: "Where",
    *,
    as_json: bool,
) -> int:
    """Score pictures that another program restored.

    RESTORED and SHARP are two pictures, or two folders as with the options. Files of folders are
    matched by their names, and what was matched is listed. The exit code is 1 if some are missing
    or cannot be scored, the others are; it is 2 if none can be, and then no row is added.
    In a leaderboard the row is marked, and ranked with what was not trained there.
    """
    if as_printed is not None or like is not None:
        if crop or metric or flow_weights or out or name:
            raise click.UsageError(
                "--as-printed and --like take pictures, --dataset and --match alone"
            )
        blurry, sharp = _inputs(two, restored, sharp, dataset)
        return _explain(
            as_printed, like, blurry, sharp, dataset, rule, where, as_json=as_json
        )
    restored, sharp = _pictures(two, restored, sharp)
    if (sharp is None) == (dataset is None):
        raise click.UsageError("give either --sharp DIR or --dataset DATASET")
    if (out is None) != (name is None) or (out is not None and dataset is None):
        raise click.UsageError("a row of a study needs --out, --name and --dataset")
    from defocus.benchmark.external_results.row import score_request
    from defocus.benchmark.results.lock import require_study_folder
    from defocus.command_line.json_output import json_output
    from defocus.errors import ImageError
    from defocus.processes.isolation import say_left_out
    from defocus.progress import say

    if out is not None:
        require_study_folder(out)
    with json_output() as output:
        scoring = score_request(
            restored, sharp, dataset, profile, metric, flow_weights, rule, crop, where
        )
        none = bool(scoring.left_out) and not scoring.images
        if not none and out is not None and name is not None and dataset is not None:
            from defocus.benchmark.external_results.row import record_scoring

            record_scoring(out, name, dataset, scoring, flow_weights)
        say_left_out(
            scoring.left_out, len(scoring.images) + len(scoring.left_out), "picture"
        )
        for warning in scoring.warnings:
            say(warning, error=True)
        if as_json:
            output.write(scoring.to_json())
    if not as_json:
        _show(scoring)
    if none:
        return ImageError.exit_code
    return 1 if scoring.missing or scoring.left_out else 0


def _pictures(
    two: tuple[Path, ...], restored: Path | None, sharp: Path | None
) -> tuple[Path, Path | None]:
    """Restored and sharp pictures, however they were given."""
    if len(two) == 2 and restored is None and sharp is None:
        return two[0], two[1]
    if two or restored is None:
        raise click.UsageError(
            "give two pictures, RESTORED SHARP, or folders with --restored"
        )
    return restored, sharp


def _inputs(
    two: tuple[Path, ...], blurry: Path | None, sharp: Path | None, dataset: str | None
) -> tuple[Path | None, Path | None]:
    """Blurry and sharp pictures, however they were given; none with a dataset."""
    if dataset is not None:
        if two or blurry or sharp:
            raise click.UsageError(
                "--dataset has the blurry and the sharp pictures; give no others"
            )
        return None, None
    blurry, sharp = _pictures(two, blurry, sharp)
    if sharp is None:
        raise click.UsageError(
            "give the blurry and the sharp pictures, or --dataset DATASET"
        )
    return blurry, sharp


def _explain(
    name: str | None,
    like: str | None,
    blurry: Path | None,
    sharp: Path | None,
    dataset: str | None,
    rule: "Rule | None",
    where: "Where",
    *,
    as_json: bool,
) -> int:
    """Find the conventions of printed rows; the exit code."""
    from defocus.benchmark.external_results.as_printed import (
        as_printed,
        as_printed_of_dataset,
        pairs_of_folders,
    )
    from defocus.benchmark.published.printed_input import own_row, printed_rows
    from defocus.command_line.json_output import json_output
    from defocus.errors import ImageError
    from defocus.processes.isolation import say_left_out

    with json_output() as output:
        rows = printed_rows(name) if name is not None else []
        if like is not None:
            rows.append(own_row(like))
        if dataset is not None:
            result = as_printed_of_dataset(rows, dataset, where)
        elif blurry is not None and sharp is not None:
            result = as_printed(rows, pairs_of_folders(blurry, sharp, rule), where)
        say_left_out(result.left_out, result.pictures + len(result.left_out), "picture")
        if as_json:
            output.write(result.to_json())
    if not as_json and result.explanations:
        from defocus.benchmark.external_results.as_printed import as_printed_table
        from defocus.benchmark.leaderboard.terminal import print_tables

        table, notes = as_printed_table(result)
        print_tables([table], notes)
    if not result.pictures:
        return ImageError.exit_code
    return 0 if result.reproduced else 1


def _show(scoring: "Scoring") -> None:
    from defocus.benchmark.external_results.row import scoring_table
    from defocus.benchmark.leaderboard.terminal import print_tables

    if scoring.images:
        print_tables([scoring_table(scoring)])
    count = len(scoring.images)
    wanted = count + len(scoring.missing) + len(scoring.left_out)
    click.echo(f"{count} of {wanted} pictures scored, matched by {scoring.matched}")
    for title, names in (("missing", scoring.missing), ("extra", scoring.extra)):
        if names:
            click.echo(f"{title}: {', '.join(names)}")
