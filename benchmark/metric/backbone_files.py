"""Backbone files of LPIPS: location and download.

The ``lpips`` package contains its linear layers, but not the backbones, which are torchvision's
ImageNet networks. Files are looked up in torch's own folder, so a file that torchvision downloaded
earlier is used.
"""

import hashlib
import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from defocus.errors import InputError, WeightsError
from defocus.files import atomic_path, make_folder, sha256_file

__all__ = ["BACKBONES", "WeightsFile", "fetch", "is_intact", "location"]


@dataclass(frozen=True)
class WeightsFile:
    """A weights file that can be downloaded.

    Attributes:
        filename: Name in torch's folder of checkpoints.
        url: Official address.
        sha256_prefix: Start of its SHA-256 hash.
        size_limit: Upper bound of its size, bytes.
    """

    filename: str
    url: str
    sha256_prefix: str
    size_limit: int


_MAKERS = "https://download.pytorch.org/models"


def _made(filename: str, size_limit: int) -> WeightsFile:
    """A file whose name ends with the beginning of its hash."""
    prefix = filename.removesuffix(".pth").rpartition("-")[2]
    return WeightsFile(filename, f"{_MAKERS}/{filename}", prefix, size_limit)


BACKBONES = {
    "alex": _made("alexnet-owt-7be5be79.pth", 300_000_000),
    "vgg": _made("vgg16-397923af.pth", 600_000_000),
    "squeeze": _made("squeezenet1_1-b8a52dc0.pth", 10_000_000),
}
"""By the ``lpips`` package's name of the network."""

_CHUNK = 1 << 20


def location(file: WeightsFile) -> Path:
    """Path of the file in torch's folder of checkpoints (``TORCH_HOME``), whether it exists or not.

    Computed like ``torch.hub.get_dir``, because importing torch takes seconds.
    """
    cache = Path(os.getenv("XDG_CACHE_HOME", "~/.cache"))
    home = Path(os.getenv("TORCH_HOME", str(cache / "torch"))).expanduser()
    return home / "hub" / "checkpoints" / file.filename


def is_intact(file: WeightsFile) -> bool:
    """Whether the file exists and has the right hash."""
    path = location(file)
    return path.is_file() and sha256_file(path).startswith(file.sha256_prefix)


def fetch(
    file: WeightsFile,
    source: str | None = None,
    *,
    timeout_seconds: float = 30,
    limit_seconds: float | None = None,
) -> Path:
    """Download or copy the file and check its hash; a failure leaves nothing behind.

    Args:
        file: Which file.
        source: A local file or an ``http(s)://`` address; None is the official address.
        timeout_seconds: Longest silence of the server.
        limit_seconds: Longest duration of the whole download; None for no limit.

    Returns:
        Path of the file.

    Raises:
        InputError: The source cannot be read or reached.
        WeightsError: The content is not this file.
        StorageError: The disk is full or the folder is not writable.
    """
    origin = source or file.url
    target = location(file)
    make_folder(target.parent)
    deadline = None if limit_seconds is None else time.monotonic() + limit_seconds
    digest, size = hashlib.sha256(), 0
    with atomic_path(target) as temporary:
        with temporary.open("wb") as written:
            for chunk in _chunks(origin, timeout_seconds, deadline):
                size += len(chunk)
                if size > file.size_limit:
                    raise WeightsError(f"{origin}: too large to be {file.filename}")
                digest.update(chunk)
                written.write(chunk)
        if not digest.hexdigest().startswith(file.sha256_prefix):
            raise WeightsError(
                f"{origin}: not {file.filename}: SHA-256 begins with {digest.hexdigest()[:8]} "
                f"instead of {file.sha256_prefix} ({size} bytes); fetch it again"
            )
    return target


def _chunks(origin: str, timeout_seconds: float, deadline: float | None) -> Iterator[bytes]:
    """Yield the bytes of a file or an address, with read errors told apart from write errors."""
    try:
        stream = _open(origin, timeout_seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(f"{origin}: cannot be read ({_cause(error)})") from error
    with stream:
        while True:
            if deadline is not None and time.monotonic() > deadline:
                raise InputError(f"{origin}: the download is too slow")
            try:
                chunk = stream.read(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise InputError(f"{origin}: broke off ({_cause(error)})") from error
            if not chunk:
                return
            yield chunk


def _open(origin: str, timeout_seconds: float) -> BinaryIO:
    if urlsplit(origin).scheme in {"http", "https"}:
        return _answer(origin, timeout_seconds)
    return Path(origin).open("rb")


def _answer(address: str, timeout_seconds: float) -> BinaryIO:
    """The server's answer, within a total time limit.

    ``urlopen``'s own limit applies to each address of a host name, and not to the lookup of the
    name, which can take a minute if packets are lost.
    """
    answers: queue.SimpleQueue[BinaryIO | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(address, timeout=timeout_seconds))  # noqa: S310 - http(s) alone
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection, and its traceback would keep it
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_seconds)
    except queue.Empty as error:
        raise TimeoutError(f"no answer within {timeout_seconds:g} s") from error
    if isinstance(answer, Exception):
        raise answer
    return answer


def _cause(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())
