"""Training curve ``train.csv``: one line per recorded step."""

import csv
import io
import time
from itertools import chain
from pathlib import Path

__all__ = ["Clock", "curve_text", "read_curve"]


class Clock:
    """Measures the seconds of a training, including those of earlier processes."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        last = rows[-1] if rows else {}
        self._started = time.monotonic() - float(last.get("seconds", 0.0))
        self._cpu_started = time.process_time() - float(last.get("cpu_seconds", 0.0))

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def columns(self, cpu_elsewhere: float = 0.0) -> dict[str, str]:
        """The columns ``seconds`` since the start and ``cpu_seconds`` of all threads."""
        cpu_seconds = time.process_time() - self._cpu_started + cpu_elsewhere
        return {"seconds": f"{self.seconds:.3f}", "cpu_seconds": f"{cpu_seconds:.3f}"}


def curve_text(rows: list[dict[str, str]]) -> str:
    """The curve as CSV with the fixed columns first; missing loss parts are empty."""
    columns = ["step", "epoch", "seconds", "learning_rate", "loss"]
    columns += [name for name in dict.fromkeys(chain(*rows)) if name not in columns]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_curve(path: Path, last_step: int) -> list[dict[str, str]]:
    """Read the lines of a curve up to a step, without empty fields; empty without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(handle)]
    return [row for row in rows if int(row["step"]) <= last_step]
