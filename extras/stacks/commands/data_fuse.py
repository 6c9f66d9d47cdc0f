"""defocus-data fuse."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defocus.command_line.json_output import json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading
from defocus.progress import counted

if TYPE_CHECKING:  # heavy at run time; see the function
    from defocus.extras.stacks.commands._settings import FuseSettings
    from defocus.extras.stacks.run import FusedStack
    from defocus.pictures.carried import LeftBehind
    from defocus.processes.isolation import LeftOut


@help_heading("Open")
@click.command(cls=SettingsCommand)
@click.argument(
    "stack",
    metavar="STACK",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
)
def command(stack: Path, settings: "FuseSettings") -> int:
    """Fuse focus stacks into all-in-focus pictures.

    STACK is a folder of frames, or of such folders. The frames of a stack are registered with each
    other and fused; a confidence map shows where the frames show what is in focus. The result is a
    dataset in which every frame is the blurry member and the fused picture the sharp one. If a
    folder also holds the result of another program, such as expected.jpg, the two are compared. The
    exit code is 1 if a stack or a frame cannot be read or fused; the same command tries it again.
    """
    if settings.as_json:
        with json_output() as output:
            fused, left_out, lacking = _fused(stack, settings)
            stacks = list(map(_document, fused))
            named = [one.to_json() for one in left_out]
            left_behind = [one.to_json() for one in lacking]
            output.write(
                {
                    "root": str(settings.out),
                    "stacks": stacks,
                    "left_out": named,
                    "left_behind": left_behind,
                }
            )
        return int(bool(left_out))
    fused, left_out, _ = _fused(stack, settings)
    for one in fused:
        click.echo(f"{one.picture}: {_frames(one)}{_comparison(one)}")
        click.echo(
            f"  the frames differ clearly in {100 * one.confident_share:.0f} % of it"
        )
    click.echo(f"use it with --dataset manifest:{settings.out}")
    return int(bool(left_out))


def _fused(
    stack: Path,
    settings: "FuseSettings",
) -> "tuple[list[FusedStack], tuple[LeftOut, ...], tuple[LeftBehind, ...]]":
    from defocus.datasets.api import open_dataset
    from defocus.extras.stacks.run import fuse_stacks
    from defocus.pictures.carried import say_left_behind
    from defocus.processes.isolation import say_left_out

    opened = open_dataset(f"stack:{stack}", damaged=True)
    fused, left_out = fuse_stacks(
        opened,
        settings.out,
        settings.position,
        settings.where,
    )
    lacking = say_left_behind(
        (one.picture.parent / one.reference, one.picture) for one in fused
    )
    say_left_out(
        left_out,
        sum(one.frames for one in fused) + len(left_out),
        "stack or frame",
    )
    return fused, left_out, lacking


def _frames(one: "FusedStack") -> str:
    rest = f", {one.left_out} left out" if one.left_out else ""
    return f"{counted(one.frames, 'frame')}{rest}"


def _comparison(one: "FusedStack") -> str:
    if not one.merged:
        return ""
    if one.psnr_db is None:
        return f"; cannot be compared with {one.merged}"
    return (
        f"; {one.psnr_db:.2f} dB against {one.merged}, the best single frame "
        f"{one.best_frame_db:.2f} dB"
    )


def _document(one: "FusedStack") -> dict[str, Any]:
    return {**asdict(one), "picture": str(one.picture)}
