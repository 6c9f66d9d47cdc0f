"""Sessions that are shot in this process, and what stands in them."""

import json
from pathlib import Path
from typing import Any

from defocus.capture.planning.request import BracketRequest
from defocus.capture.planning.shoot_settings import ResumeSettings, ShootOptions
from defocus.capture.sessions.journal import Record, read_journal
from defocus.capture.taking.resuming import resume_session
from defocus.capture.taking.running import shoot_new
from defocus.capture.taking.shots.rig import RigAddress


def shoot(
    session: Path,
    uri: str | RigAddress,
    request: BracketRequest,
    *,
    code: int | None = 0,
    **options: Any,
) -> None:
    """Shoot, with further options of a shoot; the exit code must be as wanted (None: whatever)."""
    address = RigAddress(uri) if isinstance(uri, str) else uri
    outcome = shoot_new(session, address, request, ShootOptions(**options, yes=True))
    assert code in (outcome, None)


def resume(session: Path, *uris: str) -> int:
    return resume_session(session, ResumeSettings(uri=uris, yes=True))


def entry(session: Path, number: int = 1) -> dict[str, Any]:
    """``pair.json`` of a pair."""
    (path,) = session.glob(f"pairs/{number:04d}_*/pair.json")
    return json.loads(path.read_text())


def journalled(session: Path, *events: str) -> list[Record]:
    """Lines of the journal about some events."""
    records = read_journal(session / "journal.jsonl").records
    return [record for record in records if record["event"] in events]
