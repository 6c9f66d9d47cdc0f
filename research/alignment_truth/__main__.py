"""``python -m research.alignment_truth``: errors of alignment on pairs with known flow."""

from pathlib import Path
from typing import Any

import click

from defocus.command_line.commands import SectionedCommand, run_command
from defocus.command_line.json_output import json_output
from defocus.command_line.numbers import WholeRange
from defocus.command_line.options import with_common_options

FOLDER = click.Path(path_type=Path, file_okay=False)

SECTIONS = {
    "Data": (
        "--pictures",
        "--stacks",
        "--real-like",
        "--pairs",
        "--trials",
        "--seed",
        "--split",
    ),
    "Output": ("--out", "--page", "--jobs", "--json"),
}


@click.command(
    "python -m research.alignment_truth",
    cls=SectionedCommand,
    sections=SECTIONS,
)
@click.option(
    "--pictures",
    "folders",
    type=FOLDER,
    multiple=True,
    help="Folder of pictures used as textures, besides those of scikit-image; repeatable.",
)
@click.option(
    "--stacks",
    type=FOLDER,
    help="Folder of focus stacks: frames with expected.jpg. With --real-like alone, they only give "
    "photographs.",
)
@click.option("--out", type=FOLDER, required=True, help="Folder for the results.")
@click.option(
    "--real-like",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of pairs with a known warp, made of the photographs of --pictures and --stacks "
    "with real lenses and a camera; other people's methods are run on them too.",
)
@click.option(
    "--pairs",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Number of pairs of 512 x 384 px; a fifth as many are added without misalignment, and a "
    "fiftieth as many at 2048 x 1536 px.",
)
@click.option(
    "--trials",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of further pairs that test the global registration for silent failures; a tenth "
    "as many are added with asymmetric PSFs and no misalignment.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the pairs.",
)
@click.option(
    "--split",
    type=click.Choice(["choose", "test"]),
    default="test",
    show_default=True,
    help="Pairs for tuning (choose) or for reported results (test).",
)
@click.option(
    "--jobs",
    type=WholeRange(1),
    default=1,
    show_default=True,
    help="Number of pairs processed at once.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Markdown page to update: tables between the align-benchmark markers of the split, and of "
    "its real-like pairs, are replaced by those that were made.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout."
)
def command(
    *,
    out: Path,
    page: Path | None,
    as_json: bool,
    **planned: Any,  # noqa: ANN401 - click's; fields of a plan
) -> None:
    """Compare alignment methods.

    The methods run on rendered pairs with exact flow, on real focus stacks, and on real-like pairs.

    The same seed and pictures give the same pairs. Results are kept in the folder of --out, so the
    same command continues after an interruption. The tables are written there as Markdown, CSV and
    JSON.
    """
    from defocus.datasets.measuring.revision import MEASURING_REVISION
    from defocus.storage.files import write_json, write_text
    from research.alignment_truth.benchmark import (
        TRUTH_REVISION,
        TruthPlan,
        run_benchmark,
    )
    from research.alignment_truth.methods import available_methods
    from research.alignment_truth.tables import csv_rows, document, put_into, sections

    with json_output() as output:
        plan = TruthPlan(
            methods=available_methods(),
            revision=f"{MEASURING_REVISION}.{TRUTH_REVISION}",
            **planned,
        )
        results = run_benchmark(plan, out)
        tables = sections(plan, results)
        summary = document(plan, results)
        text = "\n\n".join(tables.values()) + "\n"
        write_text(out / "tables.md", text)
        write_text(out / "pairs.csv", csv_rows(results))
        write_json(out / "summary.json", summary)
        if page is not None:
            put_into(page, tables)
        if as_json:
            output.write(summary)
    if not as_json:
        click.echo(text)


def main() -> None:
    """Run the command and exit."""
    run_command(with_common_options(command))


if __name__ == "__main__":
    main()
