"""The sub-command ``develop``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.capture.commands._options import session_argument
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.errors import InputError

if TYPE_CHECKING:
    from defocus.capture.develop_settings import DevelopOutput, DevelopSettings

MODELS = "defocus.capture.develop_settings"

REGISTERED_BY = {
    "report": "--register report: 'defocus-capture check {session}' measures shift and zoom of "
    "every pair, and 'defocus-data import {session} --out DATASET' keeps them with the dataset",
    "warp": "--register warp: a pair is resampled once, at the end; develop it without, then give "
    "'defocus-data compensate pairs:{out} --out DATASET'",
}
"""Answers to --register: the command that registers pairs, so that there is one way to resample
them."""


@help_heading("Keep")
@click.command(name="develop", cls=SettingsCommand, models=MODELS)
@session_argument
def command(
    session: Path,
    output: "DevelopOutput",
    settings: "DevelopSettings",
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
    from defocus.capture.develop import develop_session
    from defocus.progress import counted, say

    out = output.out
    if settings.register_by != "none":
        raise InputError(
            REGISTERED_BY[settings.register_by].format(session=session, out=out)
        )
    result = develop_session(session, out, settings)
    counts = f"{counted(len(result.developed), 'pair')} developed, {len(result.kept)} were done"
    lacking = ""
    if result.lacking:
        lacking = f"; left out of them: {', '.join(map(str, result.lacking))}"
    say(f"{counts} before, {len(result.failed)} failed{lacking}")
    return 1 if result.failed else 0
