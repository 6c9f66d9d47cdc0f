"""``defocus-data align``: measure a pair's misalignment and write the aligned pair."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.datasets.commands._derived import print_made, without
from defocus.pictures import picture_name
from defocus.progress import counted, say
from defocus.reading import Json

if TYPE_CHECKING:  # heavy at run time; see the functions
    from defocus.align.flow.estimator import FlowEstimator
    from defocus.align.measure import Measurement
    from defocus.align.registration.session import SessionLens
    from defocus.align.rig import Rig
    from defocus.datasets.commands._settings import AlignSettings
    from defocus.pictures.carried import LeftBehind
    from defocus.pictures.values import Image
    from defocus.processes.isolation import LeftOut


Rows = list[tuple[str, str]]
"""Names and texts of a table."""


@help_heading("Measure")
@click.command("align", cls=SettingsCommand)
@click.argument("blurry", type=click.Path(path_type=Path))
@click.argument("sharp", type=click.Path(path_type=Path))
def command(blurry: Path, sharp: Path, order: "AlignSettings") -> int:
    """Measure and compensate one misaligned pair.

    The global transform is estimated first, then the residual optical flow. With --out, both
    pictures are cropped to their common area; SHARP is resampled once onto the pixels of BLURRY,
    which are not changed. If the misalignment cannot be measured reliably, the status is "unknown",
    the reason is given, and no picture is written. The exit code is 1 if pairs of --session cannot
    be read, which are left out and listed.
    """
    if order.out is not None:
        from defocus.align.compensation.output_folder import check_output_folder

        check_output_folder(order.out, blurry, sharp)
    if order.out is not None and order.record is not None:
        _repeat(blurry, sharp, order.out, order.record)
        return 0
    return print_made(
        partial(_align, blurry, sharp, order), _lines, as_json=order.as_json
    )


def _align(blurry_file: Path, sharp_file: Path, order: "AlignSettings") -> Json:
    """The document that ``--json`` prints."""
    rig, blurry, sharp = _read(blurry_file, sharp_file, order.rig_file)

    # torch takes seconds to import: only once the files are known to be good
    from defocus.align.measure import measure
    from defocus.align.registration.session import PairInSession
    from defocus.likeness import SAME_PIXELS, same_pixels

    if same_pixels(blurry, sharp):
        say(SAME_PIXELS)
    estimator = order.flow_estimator()
    shared, left_out = _shared_lens(order.session, blurry_file, estimator)
    session = None if shared is None else PairInSession(shared)
    measurement = measure(
        blurry, sharp, estimator, rig=rig, limits=order.limits, session=session
    )
    document: Json = dict(measurement.misalignment.to_json())
    if order.out is not None:
        lacking = _write(order, (blurry_file, sharp_file), (blurry, sharp), measurement)
        document["left_behind"] = documents_of(lacking)
    if order.session is not None:
        document["left_out"] = documents_of(left_out)
    if order.evidence is not None:
        _write_evidence(order.evidence, blurry, sharp, measurement)
    return document


def _write_evidence(
    folder: Path, blurry: "Image", sharp: "Image", measurement: "Measurement"
) -> None:
    from defocus.align.compensation.evidence import write_evidence

    written = write_evidence(folder, blurry, sharp, measurement)
    say(f"wrote {', '.join(written)} to {folder}" if written else "nothing to show")


def _shared_lens(
    session: str | None, blurry: Path, estimator: "FlowEstimator"
) -> "tuple[SessionLens | None, tuple[LeftOut, ...]]":
    """Values that a session's pairs share, measured as in an audit; and the unreadable pairs."""
    if session is None:
        return None, ()
    from defocus.datasets.api import open_dataset
    from defocus.datasets.measuring.session import measured_lens

    dataset = open_dataset(session, damaged=True)
    shared, failed = measured_lens(dataset, estimator, blurry)
    return shared, without(dataset, failed)


def _read(
    blurry: Path, sharp: Path, rig_file: Path | None
) -> "tuple[Rig | None, Image, Image]":
    from defocus.pictures.read import read_pair, read_two_cameras

    if rig_file is None:
        return None, *read_pair(blurry, sharp)
    from defocus.align.rig import read_rig

    return read_rig(rig_file), *read_two_cameras(blurry, sharp)


def _write(
    order: "AlignSettings",
    files: tuple[Path, Path],
    pictures: "tuple[Image, Image]",
    measurement: "Measurement",
) -> "tuple[LeftBehind, ...]":
    """Write the aligned pair into ``--out``; return what its files lack of the originals."""
    from defocus.align.compensation.blur_map import BLUR_NAMES, blur_map, write_blur_map
    from defocus.align.compensation.compensate import Release
    from defocus.align.compensation.output import NUMBERS, write_aligned
    from defocus.align.compensation.record import read_record, recorded_plan
    from defocus.pictures.carried import carried, say_left_behind

    folder = order.out
    assert folder is not None  # noqa: S101 - the caller has looked
    release = Release(**order.release)
    written = write_aligned(folder, *pictures, measurement, release, carried(*files))
    for name in BLUR_NAMES:
        (folder / name).unlink(missing_ok=True)  # of an earlier run
    if measurement.misalignment.status == "ok":
        plan = recorded_plan(read_record(folder / NUMBERS), folder / NUMBERS)
        blur = blur_map(measurement, plan.grid)
        written += [] if blur is None else write_blur_map(folder, blur)
    say(f"wrote {', '.join(written)} to {folder}")
    if measurement.misalignment.status == "unknown":
        say("the misalignment is unknown, so no aligned picture was written")
        return ()
    return say_left_behind(
        zip(
            files,
            (folder / picture_name("blurry"), folder / picture_name("sharp")),
            strict=True,
        )
    )


def _repeat(blurry_file: Path, sharp_file: Path, folder: Path, record: Path) -> None:
    from defocus.align.compensation.output import repeat_aligned
    from defocus.align.compensation.record import read_record
    from defocus.pictures.carried import carried
    from defocus.pictures.read import read_pair, read_two_cameras

    read = read_pair if read_record(record).rig is None else read_two_cameras
    carry = carried(blurry_file, sharp_file)
    written = repeat_aligned(folder, *read(blurry_file, sharp_file), record, carry)
    say(f"wrote {', '.join(written)} to {folder}")


def _lines(document: Json) -> Iterator[str]:
    """Table of the numbers with their standard errors, from the JSON."""
    from defocus.align.registration.unknown_causes import advice

    rows: Rows = [("status", document["status"])]
    if document["status"] == "unknown":
        rows.append(("reason", document["reason"]))
        if helps := advice(document["reason"]):
            rows.append(("what helps", helps))
    else:
        rows += _numbers(document)
    rows.append(("estimator", document["estimator"]))
    if document["weights_sha256"]:
        rows.append(("weights", f"SHA-256 {document['weights_sha256']}"))
    yield from (f"{name:<10} {value}" for name, value in rows)


def _numbers(numbers: Json) -> Rows:
    """Rows of a known misalignment, from its JSON."""
    from defocus.align.misalignment import RESTS_ON
    from defocus.align.registration.unknown_causes import resting_on

    rows = [*_motion_rows(numbers), *_flow_rows(numbers), *_light_rows(numbers)]
    if RESTS_ON in numbers:
        rows.append(("caution", resting_on(numbers[RESTS_ON])))
    if "session" in numbers:
        rows.append(("session", _session_text(numbers["session"])))
    spread = numbers["asymmetry"]
    if spread is not None:
        of = "signed defocus" if spread["signed"] else "defocus without its sign"
        error = numbers["uncertainty"]["asymmetry"]["radial"]
        # of points in the blurry member
        text = f"{spread['radial']:+z.4f} ± {error:.4f} px outwards per px of {of}, at the corner"
        rows.append(("asymmetry", text))
    return rows


def _motion_rows(numbers: Json) -> Rows:
    """Rows on how far the members are apart."""
    sigma = numbers["uncertainty"]
    x, y = numbers["shift_px"]
    apart = f"{numbers['misalignment_px']:.2f} ± {sigma['misalignment_px']:.2f} px"
    turn = f"{numbers['rotation_deg']:+z.4f} ± {sigma['rotation_deg']:.4f} deg"
    error_px = sigma["shift_px"][0]
    return [
        ("model", numbers["model"]),
        ("moved", f"{apart} in the mean of the reliable pixels"),
        ("shift", f"{x:+z.2f}, {y:+z.2f} ± {error_px:.2f} px (x right, y down)"),
        ("zoom", f"{numbers['zoom']:.5f} ± {sigma['zoom']:.5f}"),
        ("rotation", turn),
        ("corner", f"± {sigma['corner_px']:.2f} px at the worst corner"),
    ]


def _flow_rows(numbers: Json) -> Rows:
    """Rows on the residual flow, and on the pixels that give it."""
    residual = numbers["residual_px"]
    sigma = numbers["uncertainty"]["residual_px"]
    lengths = f"{residual['median']:.2f} px median, {residual['p95']:.2f} px at the 95th percentile"
    return [
        ("residual", f"{lengths}, ± {sigma['median']:.2f} px"),
        ("reliable", f"{100 * numbers['reliable_share']:.1f} % of the pixels"),
        ("occluded", f"{100 * numbers['occluded_share']:.1f} % of the pixels"),
        ("round trip", f"{numbers['consistency_px']:.3f} px median"),
    ]


def _light_rows(numbers: Json) -> Rows:
    """Rows on how the light of the members differs."""
    gain = f"{numbers['gain_ev']:+z.3f} ± {numbers['uncertainty']['gain_ev']:.3f} EV"
    rows = [
        ("gain", f"{gain} (blurry over sharp)"),
        ("  by RGB", _channels_text(numbers, "gain")),
        ("offset", f"{_channels_text(numbers, 'offset')} of white, by RGB"),
    ]
    if numbers["vignetting_ev"] is not None:
        fall = f"{numbers['vignetting_ev']:+z.2f} EV (lost by the blurry member at the corners)"
        rows.append(("vignetting", fall))
    unexplained = numbers["unexplained"]
    if unexplained is not None:
        rest = f"{unexplained['stops']:.2f} stops that no blur explains"
        if unexplained["causes"]:
            rest += f": {'; '.join(unexplained['causes'])}"
        rows.append(("the rest", rest))
    return rows


def _channels_text(numbers: Json, key: str) -> str:
    """A number of each channel with its standard error."""
    texts = []
    for value, sigma in zip(numbers[key], numbers["uncertainty"][key], strict=True):
        error = "(no light)" if sigma is None else f"± {sigma:.4f}"
        texts.append(f"{value:z.4f} {error}")
    return ", ".join(texts)


def _session_text(common: Json) -> str:
    """What a session adds to a misalignment, from its JSON."""
    if common.get("sigma") == 0:
        text = "only the aperture changed, so zoom is taken as 1"
    else:
        what = "zoom" if "zoom" in common else "asymmetry of the point spread"
        text = f"{what} of {counted(common['pairs'], 'pair')} of the session"
    alone = common["unknown_alone"]
    by = f" (a session by {common['by']})" if common.get("by") else ""
    return text + by + (f"; alone the pair is unknown: {alone}" if alone else "")
