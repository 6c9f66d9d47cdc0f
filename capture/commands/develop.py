"""The sub-command ``develop``."""

import os
from pathlib import Path
from typing import Any

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.verbs import help_heading
from defocus.errors import InputError

REGISTERED_BY = {
    "report": "--register report: 'defocus-capture check {session}' measures shift and zoom of "
    "every pair, and 'defocus-data import {session} --out DATASET' keeps them with the dataset",
    "warp": "--register warp: a pair is resampled once, at the end; develop it without, then give "
    "'defocus-data compensate pairs:{out} --out DATASET'",
}
"""Who does it: a second way to resample a pair would be one too many."""


@help_heading("Keep")
@click.command(name="develop")
@session_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the pictures: new, or one to continue.",
)
@click.option(
    "--linear/--srgb",
    default=False,
    help="Write linear values, or values with the sRGB curve.  [default: --srgb]",
)
@click.option(
    "--bits",
    type=click.Choice(["8", "16"]),
    default="16",
    show_default=True,
    help="Bits per channel.",
)
@click.option(
    "--match-exposure",
    type=click.Choice(["none", "nominal", "measured"]),
    default="none",
    show_default=True,
    help="Match the exposure of all shots to the sharp one: nominal by the true values of their "
    "settings, measured by the light of the blurry shot. Applied in linear light.",
)
@click.option(
    "--register",
    type=click.Choice(["none", "report", "warp"]),
    default="none",
    show_default=True,
    help="Registration of the pictures is left to 'defocus-data align' and 'compensate': none "
    "keeps all pixels in place.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    metavar="N",
    help="Pairs developed at once; each takes about 1 GB at 30 megapixels.  [default: one per "
    "core]",
)
@click.option(
    "--dual-pixel",
    is_flag=True,
    help="Experimental: also develop the second frame of dual-pixel RAW files.",
)
def command(
    session: Path,
    out: Path,
    linear: bool,
    bits: str,
    match_exposure: Any,  # noqa: ANN401 - a MatchExposure, whose module is not imported here
    register: str,
    jobs: int,
    dual_pixel: bool,
) -> int:
    """Develop the pairs of SESSION to PNG.

    Both pictures of a pair are developed with the same parameters.

    RAW files get the white balance of the sharp shot and no automatic brightness. Other files are
    used as they are. EXIF, XMP and colour profile are kept; the originals are not changed.
    Repeating the command continues where it stopped. With --srgb, 'pairs:DIR' opens the result as a
    dataset.

    Pairs that could not be developed are listed, and the exit code is then 1. --dual-pixel has not
    been tried on a real dual-pixel file.
    """
    from defocus.capture.develop import DevelopSettings, develop_session
    from defocus.progress import counted, say

    if register != "none":
        raise InputError(REGISTERED_BY[register].format(session=session, out=out))
    if linear and bits == "8":
        raise InputError("8 bits of linear light show steps in the shadows; leave out --bits 8")
    settings = DevelopSettings(linear, int(bits), match_exposure, dual_pixel)
    done = develop_session(session, out, settings, jobs)
    said = f"{counted(len(done.done), 'pair')} developed, {len(done.done_before)} were done before"
    lacking = f"; left out of them: {', '.join(map(str, done.lacking))}" if done.lacking else ""
    say(f"{said}, {len(done.failed)} failed{lacking}")
    return 1 if done.failed else 0
