"""The curve of a training, ``train.csv``: a line for each step that was kept."""

import csv
import io
from itertools import chain
from pathlib import Path

__all__ = ["curve_text", "read_curve"]


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
