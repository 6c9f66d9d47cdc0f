"""Backbone files of losses and metrics: torchvision's ImageNet networks, in torch's own folder."""

import contextlib
import functools
import hashlib
import queue
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from defocus.cache import torch_checkpoint
from defocus.errors import InputError, StorageError, WeightsError
from defocus.storage.files import atomic_path, make_folder, sha256_file
from defocus.web import WebError, answer_of, blocks_of, reason_of

REMEDY = (
    "run 'defocus-bench weights fetch {metric}' (without a network: with --from FILE)"
)

_TIMEOUT_SECONDS = 5.0
_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class BackboneFile:
    """A weights file that can be downloaded, with the start of its SHA-256 hash."""

    filename: str
    url: str
    sha256_prefix: str
    size_limit: int

    @property
    def path(self) -> Path:
        """Path of the file, which may be missing: ``TORCH_HOME``'s checkpoints."""
        return torch_checkpoint(self.filename)


_MAKERS = "https://download.pytorch.org/models"


def _file(filename: str, size_limit: int) -> BackboneFile:
    """A file whose name ends with the beginning of its hash."""
    prefix = filename.removesuffix(".pth").rpartition("-")[2]
    return BackboneFile(filename, f"{_MAKERS}/{filename}", prefix, size_limit)


ALEXNET = _file("alexnet-owt-7be5be79.pth", 300_000_000)
VGG19 = _file("vgg19-dcbb9e9d.pth", 600_000_000)
BACKBONES = {
    "alex": ALEXNET,
    "vgg": _file("vgg16-397923af.pth", 600_000_000),
    "squeeze": _file("squeezenet1_1-b8a52dc0.pth", 10_000_000),
    "maniqa": BackboneFile(
        "ckpt_koniq10k.pt",
        "https://github.com/IIGROUP/MANIQA/releases/download/Koniq10k/ckpt_koniq10k.pt",
        "a207f8ab57322e6be38ff5c8d019301d",
        600_000_000,
    ),
}
"""Backbones of the metrics, by the ``lpips`` package's name of the network; ``maniqa`` has its
own."""

_CHUNK = 1 << 20


def is_intact(file: BackboneFile) -> bool:
    """Whether the file exists and has the right hash."""
    return file.path.is_file() and sha256_file(file.path).startswith(file.sha256_prefix)


def fetch(
    file: BackboneFile,
    source: str | None = None,
    *,
    timeout_seconds: float = 30,
    limit_seconds: float | None = None,
) -> Path:
    """Download or copy the file and check its hash; a failure leaves nothing behind."""
    # ``timeout_seconds`` is the longest silence of the server, ``limit_seconds`` the longest
    # duration.
    origin = source or file.url
    target = file.path
    make_folder(target.parent)
    deadline = None if limit_seconds is None else time.monotonic() + limit_seconds
    digest = hashlib.sha256()
    size = 0
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


@functools.cache
def missing_backbone(backbone: str, metric: str) -> str:
    """Why the backbone is missing, empty if it is there; each process tries to download it once."""
    file = BACKBONES[backbone]
    if is_intact(file):
        return ""
    from defocus.progress import say, telling

    # of several processes, the one that started the others has said it
    if telling.bars:
        say(f"fetching what {metric} needs: {file.url}")
    try:
        fetch(file, timeout_seconds=_TIMEOUT_SECONDS, limit_seconds=_LIMIT_SECONDS)
    except (InputError, StorageError, WeightsError) as error:
        state = "damaged" if file.path.exists() else "absent"
        remedy = REMEDY.format(metric=metric)
        # said where the scores are; here it would be said twice
        return f"its file {file.filename} is {state} and could not be fetched ({error}); {remedy}"
    return ""


def _chunks(
    origin: str,
    timeout_seconds: float,
    deadline: float | None,
) -> Iterator[bytes]:
    """The bytes of a file or an address; failures to read are told apart from failures to write."""
    is_address = urlsplit(origin).scheme in {"http", "https"}
    chunks = _answer(origin, timeout_seconds) if is_address else _read(Path(origin))
    with contextlib.closing(chunks):
        try:
            next(chunks)
        except (OSError, ValueError, WebError) as error:
            raise InputError(
                f"{origin}: cannot be read ({reason_of(error)})"
            ) from error
        while True:
            if deadline is not None and time.monotonic() > deadline:
                raise InputError(f"{origin}: the download is too slow")
            try:
                chunk = next(chunks, b"")
            except (OSError, WebError) as error:
                raise InputError(f"{origin}: broke off ({reason_of(error)})") from error
            if not chunk:
                return
            yield chunk


def _read(path: Path) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        yield b""  # it could be opened
        while chunk := file.read(_CHUNK):
            yield chunk


def _answer(address: str, timeout_seconds: float) -> Generator[bytes, None, None]:
    """The content of the server's answer, which is waited for no longer than that in all."""
    # The limit of the answer is for each address of a name, and not for the search of the name:
    # where packets vanish, that is a minute.
    answers: queue.SimpleQueue[HTTPResponse | WebError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(answer_of(address, timeout_seconds))
        except WebError as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_seconds)
    except queue.Empty as error:
        raise TimeoutError(f"no answer within {timeout_seconds:g} s") from error
    if isinstance(answer, WebError):
        raise answer
    with contextlib.closing(answer):
        yield b""  # it has begun
        yield from blocks_of(answer)
