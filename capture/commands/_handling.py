"""Options of ``shoot`` and ``live``: file formats and quality control."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["handling_of", "handling_options"]

F = TypeVar("F", bound=Callable[..., Any])


def limits_of(profile: Any, changed: str | None) -> Any:  # noqa: ANN401 - see _apply_settings
    """The quality limits of a settings file, or the defaults, with the typed changes."""
    from defocus.capture.judging.limits import LIMITS, with_changes

    limits = LIMITS if profile is None else profile.quality
    return limits if changed is None else with_changes(limits, changed)


def handling_options(*, retake: str) -> Callable[[F], F]:
    """Options for file formats and the handling of pairs, with the default of ``--retake``."""
    options = [
        click.option(
            "--format",
            "files",
            type=click.Choice(["raw", "raw+jpeg", "jpeg"]),
            help="File format of the camera; by default the camera's setting.",
        ),
        click.option(
            "--wb",
            "white_balance",
            metavar="5200K|PRESET",
            help="White balance of all shots: a colour temperature or the camera's name of a "
            "preset; by default the camera's setting.",
        ),
        click.option(
            "--mirror-lock",
            is_flag=True,
            help="Let the mirror settle before the shutter opens, by the camera's delay or its "
            "live view.",
        ),
        click.option("--grey-card", is_flag=True, help="Shoot a grey card in each scene first."),
        click.option(
            "--calibration",
            "calibrations",
            type=click.Path(path_type=Path, dir_okay=False),
            multiple=True,
            metavar="FILE",
            help="Calibration file written by 'calibrate'; repeatable. The session keeps a copy.",
        ),
        click.option(
            "--qc",
            "strictness",
            type=click.Choice(["strict", "warn", "off"]),
            default="strict",
            show_default=True,
            help="Quality control: reject pairs beyond the limits, only warn, or do not measure.",
        ),
        click.option(
            "--qc-set",
            "changed_limits",
            metavar="NAME=X,…",
            help="Limits for this shoot, such as shift=5,ev=0.15; names are those of [quality] or "
            "their short forms.",
        ),
        click.option(
            "--retake",
            type=click.Choice(["auto", "ask", "never"]),
            default=retake,
            show_default=True,
            help="After a rejected pair: shoot it again, ask, or leave it.",
        ),
        click.option(
            "--retries",
            type=click.IntRange(0, 99),
            default=2,
            show_default=True,
            help="Number of times a pair is shot again with --retake auto.",
        ),
        click.option(
            "--keep-on-camera/--delete-after-verify",
            "keep_on_camera",
            default=True,
            help="Keep files on the camera's card, or delete those of a complete pair after their "
            "copies were read back and compared.  [default: --keep-on-camera]",
        ),
        click.option("--by", default="", metavar="NAME", help="Who shoots, for the day's log."),
    ]

    def decorated(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


HANDLING = (
    "files",
    "white_balance",
    "mirror_lock",
    "grey_card",
    "calibrations",
    "strictness",
    "retake",
    "retries",
    "keep_on_camera",
    "by",
)


def handling_of(typed: dict[str, Any], profile: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - see _apply_settings
    """Split typed options into fields of ``ShootOptions``, with limits, and of a bracket."""
    handling = {name: typed[name] for name in HANDLING}
    bracket = {
        name: value
        for name, value in typed.items()
        if name not in HANDLING and name != "changed_limits"
    }
    return {**handling, "limits": limits_of(profile, typed["changed_limits"])}, bracket
