"""What a shoot says at the terminal: a line for each pair, and one line of what is under way."""

import math
import shutil
import time
from collections.abc import Sequence

from defocus.capture.sessions.folder import SessionFolder
from defocus.capture.sessions.journal import Record
from defocus.capture.sessions.lines import VERDICT_WORDS
from defocus.capture.taking.person import ring
from defocus.progress import counted, say, status

LARGE_REST_BYTES = 1_000_000_000
"""From here on the space needed for the rest is printed, even if the disk has it."""


class PairLines:
    """Follows a journal. On a terminal the last line shows the pair that is being shot."""

    def __init__(self) -> None:
        self.folder: SessionFolder | None = None
        self._began, self._done = time.monotonic(), 0
        self._pair, self._taken = "", 0
        self._roles: Sequence[str] = ()
        self._judging: set[str] = set()

    def tell(self, record: Record) -> None:
        """Say a journal line, if it is one for people."""
        match record["event"]:
            case "recovered":
                torn = record["torn_bytes"]
                say(f"the last journal line was torn ({torn} bytes); it was not yet valid")
            case "pair-set-aside":
                say(f"{record['pair']}  was interrupted; its files are in {record['folder']}")
            case "pair-started":
                self._pair, self._roles = record["pair"], record.get("roles", [])
                self._taken = 0
            case "file":
                self._taken += 1
            case "pair-shot":
                self._judging.add(record["pair"])
            case "retake":
                self._judging.discard(record["pair"])
            case "pair-complete":
                self._complete(record)
        status(*self._status())

    def _complete(self, record: Record) -> None:
        self._judging.discard(record["pair"])
        self._done += 1
        reason = f": {record['reason']}" if record["reason"] else ""
        say(f"{record['pair']}  {VERDICT_WORDS[record['verdict']]}{reason}")
        if record["verdict"] == "warn":
            ring("warn")
        if self._done == 1 and self.folder is not None:
            self._tell_space(self.folder, sum(entry["bytes"] for entry in record["files"]))

    def _tell_space(self, folder: SessionFolder, pair_bytes: int) -> None:
        """Say what the other pairs need, once the first shows how large they are."""
        left = len(folder.state.incomplete)
        needed, free = left * pair_bytes, shutil.disk_usage(folder.root).free
        if needed > min(free, LARGE_REST_BYTES):
            say(
                f"{counted(left, 'further pair')} like the first need {needed / 1e9:.2f} GB; "
                f"{free / 1e9:.2f} GB are free"
            )

    def _status(self) -> tuple[str, str]:
        """Such as ``7/200 · desk · sharp ✓ blurry … · judging · 12 min left``; the scene's name."""
        if self.folder is None or not self._pair:
            return "", ""
        state = self.folder.state
        pair, left = state.planned.get(self._pair), len(state.incomplete)
        if pair is None or not left:
            return "", ""
        parts = [f"{pair.number}/{len(state.planned)}", pair.typed_scene]
        parts.append(" ".join(_shots(self._roles, self._taken)))
        if self._judging:
            parts.append("judging" + (f" {len(self._judging)}" if len(self._judging) > 1 else ""))
        if self._done:
            seconds = (time.monotonic() - self._began) / self._done * left
            parts.append(f"{math.ceil(seconds / 60)} min left")
        return " · ".join(filter(None, parts)), pair.typed_scene


def _shots(roles: Sequence[str], taken: int) -> list[str]:
    """The shots of a pair with a mark at those that are in, and at the one under way."""
    taken_in = [f"{role} \N{CHECK MARK}" for role in roles[:taken]]
    return taken_in + [f"{role} …" for role in roles[taken : taken + 1]]
