"""New folders that are built over several runs and appear at once when complete.

Beside the folder to come is ``.NAME.KIND/``, with ``order.json`` (a folder with another order is
refused) and ``made/``, which becomes the folder; temporary files may be beside it.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from defocus.errors import DatasetError, storage_error
from defocus.files import make_folder, sync_folder, write_json
from defocus.reading import read_json
from defocus.staging import owned_folder

__all__ = ["working_folder"]


@contextlib.contextmanager
def working_folder(out: Path, kind: str, order: dict[str, Any]) -> Iterator[Path]:
    """Yield the folder that becomes ``out`` when the block ends; the same order continues in it."""
    _require_empty(out)
    place = out.absolute()
    work = place.with_name(f".{place.name}.{kind}")
    with owned_folder(work) as ours:
        if not ours:
            raise DatasetError(f"{out}: another process is making it; wait until it ends")
        _require_empty(out)  # another process may have been first
        _claim(work / "order.json", order)
        yield make_folder(work / "made")
        _move(work / "made", place)
        shutil.rmtree(work, ignore_errors=True)


def _require_empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: not empty; choose another folder for --out")


def _claim(record: Path, order: dict[str, Any]) -> None:
    """Record the order, or recognise the same one."""
    if not record.is_file():
        write_json(record, order)
        return
    try:
        known = read_json(record)
    except ValueError:
        known = None
    if known != order:
        raise DatasetError(
            f"{record.parent}: started with another dataset, other settings or a version that made "
            "other files; remove it, or choose another folder for --out"
        )


def _move(made: Path, out: Path) -> None:
    try:
        if out.exists():
            out.rmdir()
        made.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        raise storage_error(error, out) from error
