"""``defocus-data align``: measure a pair's misalignment and write the aligned pair."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.commands import FiniteRange, SectionedCommand
from defocus.command_line.json_output import json_output
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import (
    at_most_option,
    json_option,
    largest_shift_option,
    without,
)
from defocus.progress import counted, say

if TYPE_CHECKING:  # heavy at run time; see the function
    from defocus.align.flow.estimator import FlowEstimator
    from defocus.align.measure import Measurement, Misalignment
    from defocus.align.registration.session import SessionLens
    from defocus.align.rig import Rig
    from defocus.blocks.derived import LeftBehind
    from defocus.images import Image
    from defocus.isolation import LeftOut

FILE = click.Path(path_type=Path)
MODEL_HELP = (
    "What to compensate: the global transform (global, the default), also the local flow where it "
    "is reliable (flow), or nothing (none)."
)
SCALE_HELP = "Size of the written pictures relative to BLURRY (default 1)."
KERNEL_HELP = "Interpolation kernel (default bicubic)."
PHOTOMETRIC_HELP = "Match the exposure of SHARP to BLURRY in linear light, or not (default match)."

SECTIONS = {
    "Measurement": (
        "--estimator",
        "--flow-weights",
        "--rig",
        "--at-most",
        "--largest-shift",
        "--session",
    ),
    "Compensation": ("--model", "--scale", "--kernel", "--photometric"),
    "Output": ("--out", "--evidence", "--from-record", "--json"),
}


@help_heading("Measure")
@click.command("align", cls=SectionedCommand, sections=SECTIONS)
@click.argument("blurry", type=FILE)
@click.argument("sharp", type=FILE)
@json_option
@click.option("--out", "folder", type=FILE, help="Folder for the aligned pair and its numbers.")
@click.option(
    "--estimator",
    help="Estimator of the residual flow: dis or pwcnet (the default with --flow-weights).",
)
@click.option(
    "--flow-weights",
    "weights",
    type=FILE,
    help="Weights file for pwcnet. The result then says pwcnet-official, which means a user's file "
    "in the official format; its hash is given.",
)
@click.option("--rig", "rig_file", type=FILE, help="Rig file, if two cameras took the pair.")
@at_most_option
@largest_shift_option
@click.option(
    "--session",
    help="Dataset with pairs of the same session, such as session:DIR. They share one zoom and one "
    "asymmetry of the point spread, which are used where they are surer than the pair's own, and "
    "where the pair alone is unknown.",
)
@click.option("--model", type=click.Choice(["none", "global", "flow"]), help=MODEL_HELP)
@click.option("--scale", type=FiniteRange(0, 1, min_open=True), help=SCALE_HELP)
@click.option("--kernel", type=click.Choice(["lanczos", "bicubic"]), help=KERNEL_HELP)
@click.option("--photometric", type=click.Choice(["match", "none"]), help=PHOTOMETRIC_HELP)
@click.option(
    "--evidence",
    type=FILE,
    help="Folder for pictures of the measurement, the calibration and the occlusion mask.",
)
@click.option(
    "--from-record",
    "record",
    type=FILE,
    help="Rebuild the files of --out byte for byte from this misalignment.json.",
)
def command(
    *,
    blurry: Path,
    sharp: Path,
    as_json: bool,
    folder: Path | None,
    record: Path | None,
    **settings: Any,  # noqa: ANN401 - what click parsed
) -> int:
    """Measure and compensate one misaligned pair.

    The global transform is estimated first, then the residual optical flow. With --out, both
    pictures are cropped to their common area; SHARP is resampled once onto the pixels of BLURRY,
    which are not changed. If the misalignment cannot be measured reliably, the status is "unknown",
    the reason is given, and no picture is written. The exit code is 1 if pairs of --session cannot
    be read, which are left out and listed.
    """
    if record is not None:
        given = [name for name, value in settings.items() if value is not None]
        if folder is None or as_json or given:
            raise click.UsageError("--from-record can be combined with --out only")
        _repeat(blurry, sharp, folder, record)
        return 0
    order = _Order(blurry, sharp, folder, **settings)
    if order.session is not None and order.rig_file is not None:
        raise click.UsageError("--session is for pairs of one camera; leave --rig out")
    if order.session is not None and order.at_most == "translation":
        raise click.UsageError(
            "--session gives a zoom, and --at-most translation has none; leave one of them out"
        )
    if folder is None and order.released():
        raise click.UsageError("--model, --scale, --kernel and --photometric need --out")
    if not as_json:
        aligned = _align(order)
        click.echo(_table(aligned.misalignment))
    else:
        with json_output() as output:
            aligned = _align(order)
            output.write(aligned.to_json(order))
    return int(bool(aligned.left_out))


@dataclass(frozen=True)
class _Order:
    """Options of the command line; None if an option was not given."""

    blurry: Path
    sharp: Path
    folder: Path | None
    estimator: str | None
    weights: Path | None
    rig_file: Path | None
    at_most: str | None
    largest_px: float | None
    session: str | None
    model: Any
    scale: float | None
    kernel: Any
    photometric: Any
    evidence: Path | None

    def released(self) -> dict[str, Any]:
        """How to write the pair, from the given options."""
        wanted = ("model", "scale", "kernel", "photometric")
        return {name: getattr(self, name) for name in wanted if getattr(self, name) is not None}


@dataclass(frozen=True)
class _Aligned:
    """What was measured, what the written pictures lack, and pairs that the session is without."""

    misalignment: "Misalignment"
    lacking: "tuple[LeftBehind, ...]" = ()
    left_out: "tuple[LeftOut, ...]" = ()

    def to_json(self, order: _Order) -> dict[str, Any]:
        """As JSON values: what was asked for."""
        told: dict[str, Any] = dict(self.misalignment.to_json())
        if order.folder is not None:
            told["left_behind"] = [one.to_json() for one in self.lacking]
        if order.session is not None:
            told["left_out"] = [one.to_json() for one in self.left_out]
        return told


def _align(order: _Order) -> _Aligned:
    from defocus.align.compensation.output_folder import check_output_folder

    if order.folder is not None:
        check_output_folder(order.folder, order.blurry, order.sharp)
    rig, blurry, sharp = _read(order)

    # torch takes seconds to import: only once the files are known to be good
    from defocus.align.flow.by_name import DEFAULT_ESTIMATOR, flow_estimator
    from defocus.align.measure import measure

    default = "pwcnet" if order.weights else DEFAULT_ESTIMATOR
    estimator = flow_estimator(order.estimator or default, order.weights)
    shared, left_out = _shared_lens(order, estimator)
    measurement = measure(
        blurry, sharp, estimator, rig=rig, at_most=order.at_most or "homography",
        largest_px=order.largest_px or math.inf,
        shared=shared,
    )  # fmt: skip
    lacking: tuple[LeftBehind, ...] = ()
    if order.folder is not None:
        lacking = _write(order.folder, blurry, sharp, measurement, order)
    if order.evidence is not None:
        from defocus.align.compensation.evidence import write_evidence

        written = write_evidence(order.evidence, blurry, sharp, measurement)
        say(f"wrote {', '.join(written)} to {order.evidence}" if written else "nothing to show")
    return _Aligned(measurement.misalignment, lacking, left_out)


def _shared_lens(
    order: _Order, estimator: "FlowEstimator"
) -> "tuple[SessionLens | None, tuple[LeftOut, ...]]":
    """What a session's pairs share, measured as in an audit and kept; and the unreadable pairs."""
    if order.session is None:
        return None, ()
    from defocus.datasets.api import open_dataset
    from defocus.datasets.measuring.session import measured_lens

    opened = open_dataset(order.session, damaged=True)
    shared, failed = measured_lens(opened, estimator, order.blurry)
    return shared, without(opened, failed)


def _read(order: _Order) -> "tuple[Rig | None, Image, Image]":
    from defocus.images import read_pair

    if order.rig_file is None:
        return None, *read_pair(order.blurry, order.sharp)
    from defocus.align.rig import read_rig

    return read_rig(order.rig_file), *_of_two_cameras(order.blurry, order.sharp)


def _of_two_cameras(blurry: Path, sharp: Path) -> "tuple[Image, Image]":
    """Both members, which may differ in size."""
    from defocus.colour_profiles import in_one_space
    from defocus.images import read_image

    return in_one_space((blurry, sharp), (read_image(blurry), read_image(sharp)))


def _write(
    folder: Path, blurry: "Image", sharp: "Image", measurement: "Measurement", order: _Order
) -> "tuple[LeftBehind, ...]":
    from defocus.align.compensation.blur_map import BLUR_NAMES, blur_map, write_blur_map
    from defocus.align.compensation.compensate import Release
    from defocus.align.compensation.output import NUMBERS, write_aligned
    from defocus.align.compensation.record import read_record, recorded_plan
    from defocus.blocks.derived import carried, say_left_behind

    release = Release(**order.released())
    carry = carried(order.blurry, order.sharp)
    written = write_aligned(folder, blurry, sharp, measurement, release, carry)
    for name in BLUR_NAMES:
        (folder / name).unlink(missing_ok=True)  # of an earlier run
    if measurement.misalignment.status == "ok":
        plan = recorded_plan(read_record(folder / NUMBERS), folder / NUMBERS)
        found = blur_map(measurement, plan.grid)
        written += [] if found is None else write_blur_map(folder, found)
    say(f"wrote {', '.join(written)} to {folder}")
    if measurement.misalignment.status == "unknown":
        say("the misalignment is unknown, so no aligned picture was written")
        return ()
    made = ((order.blurry, folder / "blurry.png"), (order.sharp, folder / "sharp.png"))
    return say_left_behind(made)


def _repeat(blurry_file: Path, sharp_file: Path, folder: Path, record: Path) -> None:
    from defocus.align.compensation.output_folder import check_output_folder

    check_output_folder(folder, blurry_file, sharp_file)

    from defocus.align.compensation.output import repeat_aligned
    from defocus.align.compensation.record import read_record
    from defocus.blocks.derived import carried
    from defocus.images import read_pair

    two_cameras = read_record(record).rig is not None
    read = _of_two_cameras if two_cameras else read_pair
    blurry, sharp = read(blurry_file, sharp_file)
    carry = carried(blurry_file, sharp_file)
    written = repeat_aligned(folder, blurry, sharp, record, carry)
    say(f"wrote {', '.join(written)} to {folder}")


def _table(misalignment: "Misalignment") -> str:
    """Table of the numbers with their standard errors."""
    from defocus.align.registration.unknown_causes import advice

    rows: list[tuple[str, str]] = [("status", misalignment.status)]
    if misalignment.status == "unknown":
        rows.append(("reason", misalignment.reason))
        if helps := advice(misalignment.reason):
            rows.append(("what helps", helps))
    else:
        rows += _numbers(misalignment.to_json())
    rows.append(("estimator", misalignment.estimator))
    if misalignment.weights_sha256:
        rows.append(("weights", f"SHA-256 {misalignment.weights_sha256}"))
    return "\n".join(f"{name:<10} {value}" for name, value in rows)


def _numbers(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows of a known misalignment, from its JSON."""
    from defocus.align.misalignment import RESTS_ON
    from defocus.align.registration.unknown_causes import resting_on

    sigma, (x, y), residual = found["uncertainty"], found["shift_px"], found["residual_px"]
    gains, offsets = (
        ", ".join(
            f"{one:z.4f} " + ("(no light)" if s is None else f"± {s:.4f}")
            for one, s in zip(found[key], sigma[key], strict=True)
        )
        for key in ("gain", "offset")
    )
    lengths = f"{residual['median']:.2f} px median, {residual['p95']:.2f} px at the 95th percentile"
    apart = f"{found['misalignment_px']:.2f} ± {sigma['misalignment_px']:.2f} px"
    rows = [
        ("model", found["model"]),
        ("moved", f"{apart} in the mean of the reliable pixels"),
        ("shift", f"{x:+z.2f}, {y:+z.2f} ± {sigma['shift_px'][0]:.2f} px (x right, y down)"),
        ("zoom", f"{found['zoom']:.5f} ± {sigma['zoom']:.5f}"),
        ("rotation", f"{found['rotation_deg']:+z.4f} ± {sigma['rotation_deg']:.4f} deg"),
        ("corner", f"± {sigma['corner_px']:.2f} px at the worst corner"),
        ("residual", f"{lengths}, ± {sigma['residual_px']['median']:.2f} px"),
        ("reliable", f"{100 * found['reliable_share']:.1f} % of the pixels"),
        ("occluded", f"{100 * found['occluded_share']:.1f} % of the pixels"),
        ("round trip", f"{found['consistency_px']:.3f} px median"),
        ("gain", f"{found['gain_ev']:+z.3f} ± {sigma['gain_ev']:.3f} EV (blurry over sharp)"),
        ("  by RGB", gains),
        ("offset", f"{offsets} of white, by RGB"),
    ]
    if found["vignetting_ev"] is not None:
        fall = f"{found['vignetting_ev']:+z.2f} EV (lost by the blurry member at the corners)"
        rows.append(("vignetting", fall))
    if found["unexplained"] is not None:
        stops, why = found["unexplained"]["stops"], "; ".join(found["unexplained"]["causes"])
        rows.append(
            ("the rest", f"{stops:.2f} stops that no blur explains" + (f": {why}" if why else ""))
        )
    if RESTS_ON in found:
        rows.append(("caution", resting_on(found[RESTS_ON])))
    if "session" in found:
        rows.append(("session", _session_text(found["session"])))
    spread = found["asymmetry"]
    if spread is not None:
        of = "signed defocus" if spread["signed"] else "defocus without its sign"
        error = sigma["asymmetry"]["radial"]
        # of points in the blurry member
        text = f"{spread['radial']:+z.4f} ± {error:.4f} px outwards per px of {of}, at the corner"
        rows.append(("asymmetry", text))
    return rows


def _session_text(common: dict[str, Any]) -> str:
    """What of a session is in a misalignment, from its JSON."""
    if common.get("sigma") == 0:
        told = "only the aperture changed, so the zoom is 1"
    else:
        what = "zoom" if "zoom" in common else "asymmetry of the point spread"
        told = f"{what} of {counted(common['pairs'], 'pair')} of the session"
    alone = common["unknown_alone"]
    by = f" (a session by {common['by']})" if common.get("by") else ""
    return told + by + (f"; alone the pair is unknown: {alone}" if alone else "")
