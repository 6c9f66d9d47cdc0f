"""``defocus-data align``: measure a pair's misalignment and write the aligned pair."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.commandline import json_output
from defocus.progress import say

if TYPE_CHECKING:  # heavy at run time; see the function
    from defocus.align.measure import Misalignment

__all__ = ["command"]

FILE = click.Path(path_type=Path)


@click.command("align")
@click.argument("blurry", type=FILE)
@click.argument("sharp", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", "folder", type=FILE, help="Folder for the aligned pair and its numbers.")
@click.option(
    "--estimator",
    help="Flow estimator of the residual: dis (default) or pwcnet (default with --flow-weights).",
)
@click.option(
    "--flow-weights",
    "weights",
    type=FILE,
    help="Weights file for pwcnet. The result then says pwcnet-official, which means a user's file "
    "in the official format; its hash is given.",
)
def command(
    *,
    blurry: Path,
    sharp: Path,
    as_json: bool,
    folder: Path | None,
    estimator: str | None,
    weights: Path | None,
) -> None:
    """Measure how SHARP is displaced against BLURRY, and compensate it.

    Shift, zoom and rotation of the whole picture are found first, then the optical flow that they
    leave. With --out, both pictures are cropped to what both show; SHARP is resampled onto the
    pixels of BLURRY, whose own pixels stay as they are. Where the pictures do not carry a
    trustworthy number the status is "unknown", the reason is given, and no picture is written.
    """
    if not as_json:
        click.echo(_table(_align(blurry, sharp, folder, estimator, weights)))
        return
    with json_output() as output:
        output.write(_align(blurry, sharp, folder, estimator, weights).to_json())


def _align(
    blurry_file: Path,
    sharp_file: Path,
    folder: Path | None,
    estimator_name: str | None,
    weights: Path | None,
) -> "Misalignment":
    from defocus.align.output_folder import check_output_folder
    from defocus.images import read_pair

    if folder is not None:
        check_output_folder(folder, blurry_file, sharp_file)
    blurry, sharp = read_pair(blurry_file, sharp_file)

    # torch takes seconds to import: only once the files are known to be good
    from defocus.align.flow import flow_estimator
    from defocus.align.measure import measure
    from defocus.align.output import write_aligned

    estimator = flow_estimator(estimator_name or ("pwcnet" if weights else "dis"), weights)
    measurement = measure(blurry, sharp, estimator)
    misalignment = measurement.misalignment
    if folder is not None:
        written = write_aligned(folder, blurry, sharp, measurement)
        say(f"wrote {', '.join(written)} to {folder}")
        if misalignment.status == "unknown":
            say("the misalignment is unknown, so no aligned picture was written")
    return misalignment


def _table(misalignment: "Misalignment") -> str:
    """The numbers for people."""
    rows: list[tuple[str, str]] = [("status", misalignment.status)]
    model = misalignment.similarity
    if model is None:
        rows.append(("reason", misalignment.reason))
    else:
        x, y = model.shift_px
        median, p95 = misalignment.residual_median_px, misalignment.residual_p95_px
        rows += [
            ("shift", f"{x:+.2f}, {y:+.2f} px (x right, y down)"),
            ("zoom", f"{model.zoom:.5f}"),
            ("rotation", f"{model.rotation_deg:+.4f} deg"),
            ("residual", f"{median:.2f} px median, {p95:.2f} px at the 95th percentile"),
            ("reliable", f"{100 * (misalignment.reliable_share or 0.0):.1f} % of the pixels"),
            ("gain", f"{misalignment.gain_ev:+.3f} EV (blurry over sharp)"),
        ]
    rows.append(("estimator", misalignment.estimator))
    if misalignment.weights_sha256:
        rows.append(("weights", f"SHA-256 {misalignment.weights_sha256}"))
    return "\n".join(f"{name:<10} {value}" for name, value in rows)
