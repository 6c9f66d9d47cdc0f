"""Receive a picture from the browser: a stream of bytes and a name that nobody vouches for."""

import contextlib
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import Request

from defocus.errors import ImageError
from defocus.pictures import READ_FORMATS
from defocus.pictures.read import IMAGE_SUFFIXES
from defocus.progress import printable
from defocus.storage.files import storing

LARGEST_BYTES = 250_000_000
LONGEST_NAME = 120


def given_name(encoded: str) -> str:
    """The name of a file, without any folder, to be shown to people; ``encoded`` by percents."""
    name = printable(re.split(r"[/\\]", unquote(encoded))[-1])
    suffix = Path(name).suffix
    if suffix.lower() not in IMAGE_SUFFIXES:
        raise ImageError(
            f"{name[:LONGEST_NAME] or 'this file'}: not {READ_FORMATS} by its name"
        )
    return name.removesuffix(suffix)[:LONGEST_NAME] + suffix


async def receive(request: Request, name: str, folder: Path) -> Path:
    """Write the body of a request to a file, always ``picture`` with the suffix of ``name``.

    If that fails, the folder goes."""
    path = folder / f"picture{Path(name).suffix.lower()}"
    size = 0
    with contextlib.ExitStack() as undone:
        undone.callback(shutil.rmtree, folder)
        with storing(path), path.open("xb") as file:
            async for part in request.stream():
                size += len(part)
                if size > LARGEST_BYTES:
                    most = LARGEST_BYTES // 1_000_000
                    raise ImageError(
                        f"{name}: larger than {most} MB; restore it with the command"
                    )
                file.write(part)
        if size == 0:
            raise ImageError(f"{name}: the file is empty; copy it again")
        undone.pop_all()
    return path
