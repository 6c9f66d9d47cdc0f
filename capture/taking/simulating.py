"""Simulate a whole session with its ground truth in one call."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from defocus.capture.planning.request import BracketRequest
from defocus.capture.simulation.faults import parse_faults
from defocus.capture.taking.running import ShootOptions, shoot_new
from defocus.capture.taking.shots.rig import RigAddress
from defocus.errors import InputError

__all__ = ["simulate_session"]

SHUTTER = "1/200"
"""Two thirds of a stop below what fills the sensor at f/4, so that nothing clips."""


def simulate_session(
    out: Path,
    uri: str,
    *,
    scenes: int,
    blurry: str,
    sharp: str,
    faults: Sequence[str],
    json_lines: bool,
) -> int:
    """Shoot a session of rendered scenes without retakes.

    Args:
        out: The session.
        uri: Address of a simulated camera.
        scenes: Number of scenes.
        blurry: Wide aperture, as typed.
        sharp: Narrow aperture, as typed.
        faults: Faults of the camera, as typed.
        json_lines: Whether to print the journal on stdout.

    Returns:
        Exit code: 1 if a pair was rejected, else 0.

    Raises:
        InputError: The address is not a simulated camera, or a fault is unknown.
    """
    if not uri.startswith("sim:"):
        raise InputError(
            f"camera address '{uri}': only simulated cameras are allowed; write sim: or sim:?…"
        )
    parse_faults(faults)
    if faults:
        typed = "&".join(f"fault={quote(fault, safe='')}" for fault in faults)
        uri += ("&" if "?" in uri else "?") + typed
    return shoot_new(
        out,
        RigAddress(uri),
        BracketRequest(blurry, sharp, SHUTTER),
        ShootOptions(scenes=scenes, retake="never"),
        yes=True,
        json_lines=json_lines,
        hook=None,
    )
