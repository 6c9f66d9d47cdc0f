"""The sub-command ``doctor``."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from defocus.command_line.json_output import documents_of, json_output
from defocus.command_line.settings_command import SettingsCommand
from defocus.command_line.verbs import help_heading

if TYPE_CHECKING:
    from defocus.capture.commands._settings import DoctorSettings
    from defocus.capture.doctor import CheckedPoint


@help_heading("Prepare")
@click.command(name="doctor", cls=SettingsCommand)
def command(settings: "DoctorSettings") -> int:
    """Check the camera and computer before a shoot.

    The command also asks about things that no program can see.

    Each check reports ok, warn, fail or ask. The exit code is 1 if a check fails, 3 if there is no
    camera, and 4 if the camera was lost.
    """
    with json_output() if settings.as_json else nullcontext() as out:
        findings, code = _findings(settings.uri, settings.folder)
        if out is not None:
            out.write(documents_of(findings))
    if not settings.as_json:
        findings = list(map(_answered, findings))
        for finding in findings:
            advice = ""
            if finding.status != "ok" and finding.advice:
                advice = f"; {finding.advice}"
            click.echo(f"{finding.status:4}  {finding.name}: {finding.detail}{advice}")
    return code or int(any(finding.status == "fail" for finding in findings))


def _findings(uri: str | None, folder: Path) -> "tuple[list[CheckedPoint], int]":
    """The findings, and the exit code if there is no camera."""
    from defocus.capture.doctor import CheckedPoint, camera_findings, computer_findings
    from defocus.capture.links.back_ends import open_camera
    from defocus.errors import CameraError

    findings = computer_findings(folder)
    if uri is None:
        return findings, 0
    try:
        with open_camera(uri) as camera:
            return [*findings, *camera_findings(camera)], 0
    except CameraError as error:
        problem, _, advice = str(error).partition("; ")
        return [
            *findings,
            CheckedPoint("camera", "fail", problem, advice),
        ], error.exit_code


def _answered(finding: "CheckedPoint") -> "CheckedPoint":
    """Ask the user a question; without a terminal, it stays a question."""
    if finding.status != "ask" or not sys.stdin.isatty():
        return finding
    yes = click.confirm(finding.detail, default=True, err=True)
    return replace(finding, status="ok" if yes else "fail")
