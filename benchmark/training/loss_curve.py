"""Training curve ``train.csv``: one line per recorded step."""

import csv
import io
import time
from itertools import chain
from pathlib import Path

__all__ = ["Clock", "curve_text", "read_curve"]


class Clock:
    """Seconds of a training, those of earlier processes included.

    Args:
        rows: The lines of its curve so far.
    """

    def __init__(self, rows: list[dict[str, str]]) -> None:
        last = rows[-1] if rows else {}
        self._started = time.monotonic() - float(last.get("seconds", 0.0))
        self._cpu_started = time.process_time() - float(last.get("cpu_seconds", 0.0))

    @property
    def seconds(self) -> float:
        """That have passed."""
        return time.monotonic() - self._started

    def columns(self) -> dict[str, str]:
        """``seconds`` that have passed, and ``cpu_seconds`` of all threads of the process."""
        cpu_seconds = time.process_time() - self._cpu_started
        return {"seconds": f"{self.seconds:.3f}", "cpu_seconds": f"{cpu_seconds:.3f}"}


def curve_text(rows: list[dict[str, str]]) -> str:
    """CSV with the fixed columns first; parts that only some lines have stay empty elsewhere."""
    columns = ["step", "epoch", "seconds", "learning_rate", "loss"]
    columns += [name for name in dict.fromkeys(chain(*rows)) if name not in columns]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_curve(path: Path, last_step: int) -> list[dict[str, str]]:
    """The lines of a curve up to a step, without their empty fields; none without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(handle)]
    return [row for row in rows if int(row["step"]) <= last_step]
